"""DNI, Torch baselines: test error of the back-propagated networks B-simple (1024-2048-10, tanh) and B-relu (two hidden
layers of 256).

    igr run dni/torch_baselines --scale quick      # 6 min on 2 cores; the epochs of the published numbers
    igr check dni/torch_baselines --scale quick
Expect: both end near 2.0%, B-relu (epoch 21) in half as many epochs as B-simple (46).
"""

from igr_suite.cli.entry import main
from igr_suite.families.dni.sweeps import baseline_runs
from igr_suite.lab import Experiment

EXPERIMENT = Experiment(
    paper="dni",
    item="torch_baselines",
    title="Synthetic gradients: the Torch code's back-propagated baselines",
    datasets={"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist",)},
    stages=(lambda scale, results: baseline_runs(scale, results.datasets),),
    minutes={"smoke": 0.25, "quick": 6},
)

if __name__ == "__main__":
    main(EXPERIMENT)
