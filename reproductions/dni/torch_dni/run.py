"""DNI, Torch: two hidden layers of 256 decoupled at both, B-dni (MLP synthesisers) and B-cdni (linear ones that see the
label).

    igr run dni/torch_dni --scale quick      # B-cdni in full, B-dni in full (one seed) and to epoch 10
    igr check dni/torch_dni --scale quick
Each with synthesisers of the batch mean's gradient, as the Torch code had them, and of examples' own (the suite's
default). Expect: B-cdni reaches the baselines' 2.0%, B-dni stays above; with gradients of examples both learn several
times faster.
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
