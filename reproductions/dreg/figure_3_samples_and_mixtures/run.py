"""DReG, Figure 3: test bounds at several numbers of samples K, and DReG(alpha), which mixes DReG and RWS-DReG; MNIST.

    igr run dreg/figure_3_samples_and_mixtures --scale quick    # 53 min on 2 cores, less where Figure 2 is finished
Expect: RWS gains on IWAE as K grows; large alpha does well on MNIST. DReG(0) is DReG, DReG(1/2) is half of STL, DReG(1)
is RWS-DReG.
"""

from igr_suite.cli.entry import main
from igr_suite.families.iwae.sweeps import SAMPLES, WITHOUT_JACKKNIFE, objective_runs
from igr_suite.lab import Experiment

COUNTS = {
    "smoke": (),
    "quick": (8,),
    "paper": (8, 32, 128),
}  # K in addition to Figure 2's; the paper's own list was not found
ALPHAS = {  # by K
    "smoke": {SAMPLES["smoke"]: (0.9,)},
    "quick": {8: (0.75, 0.9)},
    "paper": {SAMPLES["paper"]: (0.1, 0.25, 0.5, 0.75, 0.9)},
}

EXPERIMENT = Experiment(
    paper="dreg",
    item="figure_3_samples_and_mixtures",
    title="Test bound by number of samples, and mixtures of DReG and RWS-DReG",
    datasets={"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist",)},
    shares_with=("dreg/figure_2_mnist",),
    stages=(
        lambda scale, results: objective_runs(scale, results.datasets, WITHOUT_JACKKNIFE),
        lambda scale, results: [
            run
            for samples in COUNTS[scale]
            for run in objective_runs(scale, results.datasets, WITHOUT_JACKKNIFE, samples=samples)
        ],
        lambda scale, results: [
            run
            for samples, alphas in ALPHAS[scale].items()
            for alpha in alphas
            for run in objective_runs(scale, results.datasets, ("dreg-alpha",), samples=samples, alpha=alpha)
        ],
    ),
    minutes={"smoke": 0.2, "quick": 53},
)

if __name__ == "__main__":
    main(EXPERIMENT)
