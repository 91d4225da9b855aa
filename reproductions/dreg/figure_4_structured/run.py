"""DReG, Figure 4: the lower half of a digit given the upper one; gradient variance and test bound along training.

    igr run dreg/figure_4_structured --scale quick      # 16 min on 2 cores
Expect: the DReG forms of IWAE, RWS and JVI have less variance and a higher bound than their originals.
The halves are the paper's; `--set model.struct_layout=legacy` predicts the upper half, as the authors' code does.
"""

from igr_suite.cli.entry import main
from igr_suite.families.iwae.sweeps import objective_runs
from igr_suite.lab import Experiment

EPOCHS = {"quick": 2}  # instead of the scale's six, in a third of the time

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
