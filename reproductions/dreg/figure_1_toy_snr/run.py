"""DReG, Figure 1: signal-to-noise ratio, bias and variance of the inference network's gradient against K,
linear-Gaussian model.

    igr run dreg/figure_1_toy_snr --scale paper      # 4 min on 2 cores
    igr check dreg/figure_1_toy_snr --scale paper
Expect: IWAE's signal-to-noise ratio falls as K^-1/2, DReG's rises as K^1/2; STL is plainly biased.
"""

from igr_suite.cli.entry import main
from igr_suite.lab import Experiment
from igr_suite.studies.linear_gaussian.config import LinearGaussianGradients

# (K, repetitions) and sizes; the longest runs first, so that two processes end together
SCALES = {
    "smoke": ([(64, 400), (32, 400), (8, 400), (2, 400)], {"points": 64, "dimension": 4, "perturbation": 0.05}),
    "quick": ([(128, 300), (64, 500), (32, 2000), (16, 2000), (8, 2000), (4, 2000), (2, 2000)], {}),
    "paper": (
        [(512, 200), (256, 500), (128, 1000), (64, 2000), (32, 3000), (16, 3000), (8, 3000), (4, 3000), (2, 3000)],
        {},
    ),
}


def runs(scale: str) -> list[LinearGaussianGradients]:
    """One run for each number of samples."""
    grid, sizes = SCALES[scale]
    return [LinearGaussianGradients(samples=samples, repetitions=repetitions, **sizes) for samples, repetitions in grid]


EXPERIMENT = Experiment(
    paper="dreg",
    item="figure_1_toy_snr",
    title="Signal-to-noise ratio, bias and variance of gradients against K on the linear-Gaussian model",
    runs=runs,
    minutes={"smoke": 0.3, "quick": 1.0, "paper": 4.0},
)

if __name__ == "__main__":
    main(EXPERIMENT)
