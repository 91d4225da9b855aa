"""DNI, sparse updates: every layer of a network of 4 is updated after a forward pass with probability p only.

    igr run dni/sparse_updates --scale quick      # 780 steps (DNI 390) in place of 500,000
    igr plot dni/sparse_updates --scale quick
Expect: the error grows gently as p falls, and with more steps p matters less.
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
