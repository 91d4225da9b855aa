"""DNI, Torch: two hidden layers of 256, both decoupled; B-dni has MLP synthesisers, B-cdni linear ones that see the
label.

    igr run dni/torch_dni --scale quick      # 47 min on 2 cores; B-dni in full with one seed only
    igr check dni/torch_dni --scale quick
Each is trained with synthesisers that predict the gradient of the batch mean, as in the Torch code, and with ones that
predict the gradient of each example's own loss, the suite's default. Expect: B-cdni reaches the baselines' 2.0%, B-dni
stays above it; with gradients of examples both learn several times faster.
"""

from igr_suite.cli.entry import main
from igr_suite.families.dni.sweeps import torch_dni_runs
from igr_suite.lab import Experiment

EXPERIMENT = Experiment(
    paper="dni",
    item="torch_dni",
    title="Synthetic gradients: the Torch code's decoupled networks",
    datasets={"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist",)},
    stages=(lambda scale, results: torch_dni_runs(scale, results.datasets),),
    minutes={"smoke": 0.2, "quick": 47},
)

if __name__ == "__main__":
    main(EXPERIMENT)
