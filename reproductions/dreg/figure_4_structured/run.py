"""DReG, Figure 4: the lower half of a digit given the upper one; gradient variance and test bound along training.

    igr run dreg/figure_4_structured --scale quick
Expect: DReG below its original in variance and above it in the bound for IWAE, RWS and JVI.
The halves are the paper's; the authors' code predicts the upper half: `--set model.struct_layout=legacy`.
"""

from igr_suite.cli.entry import main
from igr_suite.families.iwae.sweeps import objective_runs
from igr_suite.lab import Experiment

EPOCHS = {"quick": 2}  # of the scale's six: a third of the time

EXPERIMENT = Experiment(
    paper="dreg",
    item="figure_4_structured",
    title="Structured prediction: gradient variance and test bound along training",
    datasets={"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist",)},
    stages=(
        lambda scale, results: objective_runs(scale, results.datasets, task="structured", epochs=EPOCHS.get(scale)),
    ),
    minutes={"smoke": 0.2, "quick": 16},
)

if __name__ == "__main__":
    main(EXPERIMENT)
