"""DNI, complete unlock: a network of 4 layers, each with synthetic inputs and synthetic gradients.

    igr run dni/complete_unlock --scale quick      # 3.5 min on 2 cores; 390 steps instead of 500,000
    igr plot dni/complete_unlock --scale quick
Expect: it learns, but more slowly than with synthetic gradients alone.
"""

from igr_suite.cli.entry import main
from igr_suite.families.dni.sweeps import unlocked_runs
from igr_suite.lab import Experiment

EXPERIMENT = Experiment(
    paper="dni",
    item="complete_unlock",
    title="Synthetic gradients and synthetic inputs: no layer waits for another",
    datasets={"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist",)},
    stages=(lambda scale, results: unlocked_runs(scale, results.datasets),),
    minutes={"smoke": 0.4, "quick": 3.5},
)

if __name__ == "__main__":
    main(EXPERIMENT)
