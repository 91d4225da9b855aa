"""REBAR, Figure 1: loss and variance of gradient estimators on E[(b - t)^2], b one Bernoulli variable.

    igr run rebar/figure_1_toy --scale quick      # 5 min on 2 cores
    igr plot rebar/figure_1_toy --scale quick
Expect: unbiased estimators follow the exact gradient to probability 0; Concrete ends near .36 with a worse loss.
RELAX has the least variance by far, REBAR at temperature .1 the most. At t = .499 noise hides the gradient from all
but RELAX.
"""

from igr_suite.cli.entry import main
from igr_suite.lab import Experiment
from igr_suite.studies.toy.config import ToyRun

SERIES = {
    "exact": {"estimator": "exact"},
    "REINFORCE": {"estimator": "reinforce"},
    "SimpleMuProp": {"estimator": "simple_muprop"},
    "MuProp": {"estimator": "muprop"},
    "REBAR(0.1)": {"estimator": "rebar", "temperature": 0.1},
    "DynamicREBAR": {"estimator": "dynamic_rebar", "temperature": 0.5},
    "RELAX": {
        "estimator": "relax",
        "temperature": 0.5,
        "surrogate": "net",
        "trained": ("log_temperature", "eta", "net"),
    },
    "Concrete": {"estimator": "concrete", "temperature": 0.5},
}
SETUPS = (
    # the REBAR authors' script
    {"target": 0.45, "optimiser": "sgd", "learning_rate": 0.1, "steps": 5_000, "row_every": 100},
    # RELAX's Figure 1 and appendix
    {"target": 0.45, "optimiser": "adam", "learning_rate": 0.01, "steps": 3_000, "row_every": 50},
    {"target": 0.499, "optimiser": "adam", "learning_rate": 0.01, "steps": 10_000, "row_every": 200},
)
# REBAR's script trains the temperature alone, RELAX's own REBAR the scale eta too.
TRAINED = {"sgd": ("log_temperature",), "adam": ("log_temperature", "eta")}
SHORT = ({"target": 0.45, "optimiser": "sgd", "learning_rate": 0.1, "steps": 200, "row_every": 20},)
SCALES = {
    "smoke": (SHORT, ("exact", "REINFORCE", "RELAX", "Concrete"), {"seeds": 3, "fresh_samples": 200}),
    "quick": (SETUPS, tuple(SERIES), {"seeds": 20, "fresh_samples": 1_000}),
    "paper": (SETUPS, tuple(SERIES), {"seeds": 100, "fresh_samples": 10_000}),
}


def run_of(name: str, setup: dict, sizes: dict) -> ToyRun:
    """The run of one series in one setup."""
    own = {"exact": {"seeds": 1}, "DynamicREBAR": {"trained": TRAINED[setup["optimiser"]]}}.get(name, {})
    return ToyRun(**SERIES[name] | setup | sizes | own)


def runs(scale: str) -> list[ToyRun]:
    """One run for each setup and series."""
    setups, names, sizes = SCALES[scale]
    return [run_of(name, setup, sizes) for setup in setups for name in names]


EXPERIMENT = Experiment(
    paper="rebar",
    item="figure_1_toy",
    title="Loss and gradient variance on the toy problem of one coin",
    runs=runs,
    minutes={"smoke": 0.4, "quick": 5.0, "paper": 6.0},
)

if __name__ == "__main__":
    main(EXPERIMENT)
