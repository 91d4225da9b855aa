"""DReG, appendix: Figure 2 on Omniglot.

    igr run dreg/appendix_omniglot --scale quick     # 9 min on 2 cores without the papers' 28x28 file
Expect: the same trends as on MNIST. Only `omniglot` is the papers' data (Burda et al.); bounds on TFDS's images are not
comparable with published ones.
"""

from igr_suite.cli.entry import main
from igr_suite.families.iwae.sweeps import objective_runs
from igr_suite.lab import Experiment

# 20 epochs of the small splits' 2,448 images, 3 of the papers' 23,000
SCHEDULES = {"quick": {"steps": 1_520, "evaluate_every": 5}}

EXPERIMENT = Experiment(
    paper="dreg",
    item="appendix_omniglot",
    title="Gradient variance and test bound along training, Omniglot",
    datasets={
        "smoke": ("mnist_5k",),
        "quick": ("omniglot_tfds_small", "omniglot"),
        "paper": ("omniglot", "omniglot_tfds"),
    },
    if_prepared=("omniglot",),
    stages=(lambda scale, results: objective_runs(scale, results.datasets, **SCHEDULES.get(scale, {})),),
    minutes={"smoke": 0.2, "quick": 9},
)

if __name__ == "__main__":
    main(EXPERIMENT)
