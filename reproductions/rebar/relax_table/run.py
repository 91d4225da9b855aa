"""RELAX, table of sigmoid belief networks: RELAX beside its authors' own REBAR, training bound and 100-sample
validation bound.

    igr run rebar/relax_table --scale quick     # 5 min on 2 cores; 2 epochs and one seed: checks that everything runs
    igr run rebar/relax_table --scale paper     # days; 2,000,000 steps
Expect: at the paper's budget RELAX's training bound is no worse than REBAR's in any row, and its nonlinear models
overfit, as the validation images show. REBAR is that of the RELAX authors: the plain relaxation, one eta and one
temperature per layer, both trained on the logit gradient, and no baseline.
"""

from igr_suite.cli.entry import main
from igr_suite.families.sbn.presets import DEPTHS, PAPER_STEPS, sbn
from igr_suite.lab import Experiment
from igr_suite.training.config_parts import SEEDS

# The nets' size and weight decay are RELAX's best ones, which are the config's defaults; RELAX's best learning rate for
# the control variate is that of the networks.
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
