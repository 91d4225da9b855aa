"""RELAX, table of sigmoid belief networks: RELAX beside its authors' own REBAR, training bound and 100-sample
validation bound.

    igr run rebar/relax_table --scale quick     # 2 epochs, one seed: is everything in its place
    igr run rebar/relax_table --scale paper     # 2,000,000 steps, days
Expect: at the paper's budget RELAX's training bound no worse than REBAR's in every row, and its nonlinear models
overfit on the validation images. REBAR here is RELAX's: the plain relaxation, one eta and one temperature a layer, no
baseline, both trained on the logit gradient.
"""

from igr_suite.cli.entry import main
from igr_suite.families.sbn.presets import DEPTHS, PAPER_STEPS, sbn
from igr_suite.lab import Experiment
from igr_suite.training.config_parts import SEEDS

# The nets' size and decay are RELAX's best ones and the config's defaults; its best rate for the control variate is the
# networks' own.
METHODS = {"REBAR": {"model.surrogate": "relaxed"}, "RELAX": {"model.surrogate": "add"}}
SCHEDULES = {
    "smoke": {"epochs": 2, "evaluate_every": 1, "importance_samples": 5, "limit": 120},
    "quick": {"epochs": 2, "evaluate_every": 2},
    "paper": {"steps": PAPER_STEPS, "evaluate_every": 10},
}
WARMUP = {"smoke": 2}
ROWS = {"smoke": ("2 linear",)}
REPETITIONS = {"smoke": 1, "quick": 1, "paper": 5}


def run_of(scale, data, depth, method, seed):
    """One run; both methods train their control variate alone for equally many steps."""
    settings = {
        "model.estimator": "relax",
        "optimiser.control_factor": 1.0,
        "model.warmup_steps": WARMUP.get(scale, 1000),
    }
    return sbn("NVIL", depth, data=data, seed=seed, **SCHEDULES[scale]).with_values(settings | METHODS[method])


EXPERIMENT = Experiment(
    paper="rebar",
    item="relax_table",
    title="RELAX and its authors' REBAR, training and validation bounds",
    minutes={"quick": 5},
    datasets={
        "smoke": ("mnist_5k",),
        "quick": ("binarized_mnist", "omniglot"),
        "paper": ("binarized_mnist", "omniglot"),
    },
    if_prepared=("omniglot",),
    stages=(
        lambda scale, results: [
            run_of(scale, data, depth, method, seed)
            for data in results.datasets
            for depth in ROWS.get(scale, DEPTHS)
            for method in METHODS
            for seed in SEEDS[: REPETITIONS[scale]]
        ],
    ),
)

if __name__ == "__main__":
    main(EXPERIMENT)
