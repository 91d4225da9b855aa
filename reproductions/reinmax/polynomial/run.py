"""ReinMax, polynomial programming: 128 binary variables, mean |b - .45|^p for p = 1.5, 2 and 3.

    igr run reinmax/polynomial --scale quick      # 24 runs, 3 seeds side by side in each
    igr plot reinmax/polynomial --scale quick
Expect: ReinMax follows the exact gradient to the optimum b = 0 for every p; at temperature 1 all others come to rest at
points that quadrature gives, for p = 2 straight-through at a loss of .2475, where the optimum is .2025.
"""

from igr_suite.cli.entry import main
from igr_suite.lab import Experiment
from igr_suite.studies.polynomial.config import PolynomialRun

SERIES = {
    "exact": {"estimator": "exact"},
    "ReinMax": {"estimator": "reinmax", "temperature": 1.0},
    "ReinMax-Rao": {"estimator": "reinmax_rao", "temperature": 1.0},
    "Gumbel-Rao": {"estimator": "gumbel_rao", "temperature": 1.0},
    "ST-GS": {"estimator": "st_gumbel_softmax", "temperature": 1.0},
    "ST-GS(0.1)": {"estimator": "st_gumbel_softmax", "temperature": 0.1},
    "GST-1.0": {"estimator": "gst", "temperature": 1.0},
    "ST": {"estimator": "straight_through", "temperature": 1.0},
}
AVERAGED = ("ReinMax-Rao", "Gumbel-Rao")  # over draws of the noise
POWERS = (1.5, 2.0, 3.0)
SCALES = {
    "smoke": (("exact", "ReinMax", "ST"), (2.0,), {"seeds": 2, "epochs": 3, "steps_per_epoch": 50}, 2),
    "quick": (tuple(SERIES), POWERS, {"seeds": 3}, 10),
    "paper": (tuple(SERIES), POWERS, {"seeds": 10}, 100),
}


def run_of(name, power, sizes, draws):
    """The run of one series and one power."""
    own = {"exact": {"seeds": 1}}.get(name, {"samples": draws} if name in AVERAGED else {})
    return PolynomialRun(**{**SERIES[name], "power": power, **sizes, **own})


def runs(scale):
    """Every series for every power."""
    names, powers, sizes, draws = SCALES[scale]
    return [run_of(name, power, sizes, draws) for power in powers for name in names]


EXPERIMENT = Experiment(
    paper="reinmax",
    item="polynomial",
    title="Polynomial programming: where biased estimators come to rest",
    runs=runs,
)

if __name__ == "__main__":
    main(EXPERIMENT)
