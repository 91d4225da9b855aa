"""DNI, sparse updates: in a network of 4 layers, each layer is updated after a forward pass only with probability p.

    igr run dni/sparse_updates --scale quick      # 5 min on 2 cores; 780 steps (DNI 390) instead of 500,000
    igr plot dni/sparse_updates --scale quick
Expect: the error grows gently as p falls, and p matters less with more steps.
"""

from igr_suite.cli.entry import main
from igr_suite.families.dni.sweeps import sparse_runs
from igr_suite.lab import Experiment

EXPERIMENT = Experiment(
    paper="dni",
    item="sparse_updates",
    title="Synthetic gradients: layers updated at random times",
    datasets={"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist",)},
    shares_with=("dni/table_1", "dni/training_curves"),
    stages=(lambda scale, results: sparse_runs(scale, results.datasets),),
    minutes={"smoke": 0.4, "quick": 5},
)

if __name__ == "__main__":
    main(EXPERIMENT)
