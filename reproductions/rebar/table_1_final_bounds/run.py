"""REBAR, Table 1: best training bound of five methods, densities and structured prediction.

    igr run rebar/table_1_final_bounds --scale quick     # 7 min on 2 cores; 2 epochs: checks that everything runs
    igr run rebar/table_1_final_bounds --scale paper     # days; 2,000,000 steps
Expect: at the paper's budget REBAR with a trained temperature is first among the unbiased methods (for structured
prediction too, as recalled). Structured prediction of two layers is run with both generators: "historical", to which
the paper's numbers belong, and "hierarchical", with as many layers as q; with one layer they are the same model.
"""

from igr_suite.cli.entry import main
from igr_suite.families.sbn.presets import PAPER_STEPS, sbn
from igr_suite.lab import Experiment
from igr_suite.training.config_parts import SEEDS

METHODS = {"smoke": ("NVIL", "Concrete(0.1)")}
ALL = ("NVIL", "MuProp", "REBAR(0.1)", "DynamicREBAR", "Concrete(0.1)")
DENSITIES = (("1 linear", None), ("2 linear", None), ("nonlinear", None))
PREDICTIONS = (
    ("1 linear", "hierarchical"),
    ("2 linear", "historical"),
    ("2 linear", "hierarchical"),
    ("nonlinear", "hierarchical"),
)
SHORT = (("1 linear", "hierarchical"),)
SCHEDULES = {
    "smoke": {"epochs": 1, "evaluate_every": 1, "importance_samples": 5, "limit": 120},
    "quick": {"epochs": 2, "evaluate_every": 2, "importance_samples": 10},
    "paper": {"steps": PAPER_STEPS, "evaluate_every": 160},
}
REPETITIONS = {"smoke": 1, "quick": 1, "paper": 5}


def rows(scale, data):
    """(depth, generator) of the table's rows on a data set; Omniglot is not used for structured prediction."""
    if scale == "smoke":
        return SHORT
    return DENSITIES if data.startswith("omniglot") else (*DENSITIES, *PREDICTIONS)


EXPERIMENT = Experiment(
    paper="rebar",
    item="table_1_final_bounds",
    title="Best training bounds of sigmoid belief networks, five estimators",
    minutes={"quick": 7},
    datasets={
        "smoke": ("mnist_5k",),
        "quick": ("binarized_mnist", "omniglot"),
        "paper": ("binarized_mnist", "omniglot"),
    },
    if_prepared=("omniglot",),
    stages=(
        lambda scale, results: [
            sbn(
                method,
                depth,
                data=data,
                seed=seed,
                sp_generator=generator,
                historical_control=True,
                ema_debias=False,
                **SCHEDULES[scale],
            )
            for data in results.datasets
            for depth, generator in rows(scale, data)
            for method in METHODS.get(scale, ALL)
            for seed in SEEDS[: REPETITIONS[scale]]
        ],
    ),
)

if __name__ == "__main__":
    main(EXPERIMENT)
