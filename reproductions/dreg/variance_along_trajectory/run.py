"""DReG: the variance of every estimator's inference gradient along one trajectory, that of an IWAE run (the authors'
`var_calc`).

    igr run dreg/variance_along_trajectory --scale quick      # 11 min on 2 cores
Expect: DReG lies below IWAE, RWS-DReG below RWS and JVI-DReG below JVI at every step; all estimators see the same
weights, images and samples.
"""

from igr_suite.cli.entry import main
from igr_suite.families.iwae.sweeps import OBJECTIVES, objective_runs
from igr_suite.lab import Experiment

EPOCHS = {"quick": 4}

EXPERIMENT = Experiment(
    paper="dreg",
    item="variance_along_trajectory",
    title="Gradient variance of seven estimators along one trajectory",
    datasets={"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist",)},
    stages=(
        lambda scale, results: objective_runs(
            scale, results.datasets, ("iwae",), epochs=EPOCHS.get(scale), var_calc=OBJECTIVES[1:]
        ),
    ),
    minutes={"smoke": 0.2, "quick": 11},
)

if __name__ == "__main__":
    main(EXPERIMENT)
