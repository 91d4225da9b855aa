"""Unbiased estimators train a VAE of 32 variables with 16 categories, the model of papers on coupled samples.

    igr run suite/categorical_vae --scale quick --jobs 2          # 33 runs, see the README
    igr plot suite/categorical_vae
Networks, data and optimisers are those of Dong, Mnih & Tucker (2021); docs/papers/rebar.md, section 1.5. Every method
has the same number of evaluations of the bound: one that needs K for a step takes K times fewer steps. Expect: CARMS a
little ahead of RLOO with as many samples, DisARM-SB and -Tree beside them, ARS and ARSM far behind.
"""

from igr_suite.cli.entry import main
from igr_suite.families.hard_vae.codes_config import (
    HardVAEConfig,
    HardVAEEvaluationConfig,
    HardVAEOptimiserConfig,
    TrainHardVAE,
)
from igr_suite.lab import Experiment
from igr_suite.studies.comparison.config import step_times
from igr_suite.training.config_parts import SEEDS, DataConfig, ScheduleConfig

# Estimator and options of each method.
METHODS = {
    "reinforce": ("reinforce", ("baseline=batch",)),
    "nvil": ("nvil", ()),
    "rloo 2": ("rloo", ("samples=2",)),
    "rloo 4": ("rloo", ("samples=4",)),
    "carms 2": ("carms", ("samples=2",)),
    "carms 4": ("carms", ("samples=4",)),
    "disarm_sb": ("disarm_sb", ()),
    "disarm_tree": ("disarm_tree", ()),
    "dynamic_rebar": ("dynamic_rebar", ()),
    "relax": ("relax", ()),
    "ars": ("ars", ()),
    "arsm": ("arsm", ()),
}
FEW = ("rloo 2", "carms 2", "disarm_sb", "arsm")
LONG = {"arsm": 121}  # evaluations a step, more than the quick scale has passes
TRAINED_BY = {"smoke": FEW, "quick": tuple(name for name in METHODS if name not in LONG), "paper": tuple(METHODS)}
# Passes through the training images of a method with one evaluation; the papers' million steps have two each.
EVALUATIONS = {"smoke": 16, "quick": 32, "paper": 8_000}
ROWS = {"smoke": 1, "quick": 4, "paper": 20}  # evaluations of test images along a run
SAMPLES = {"smoke": 5, "quick": 100, "paper": 100}
LIMIT = {"smoke": 120}
SIZE = {"smoke": {"variables": 4, "categories": 4}, "quick": {}, "paper": {}}
BATCH = {"smoke": 20, "quick": 200, "paper": 200}
PAPER = {"architecture": "leaky", "centred": True, "prior": "trained", "variables": 32, "categories": 16}


def run_of(method, scale, data, seed):
    """One method's training."""
    estimator, options = METHODS[method]
    model = HardVAEConfig(
        estimator=estimator,
        estimator_options=options,
        baseline="network" if method == "nvil" else "constant",
        **PAPER | SIZE[scale],
    )
    config = TrainHardVAE(
        model=model,
        data=DataConfig(
            name=data, binarisation="dynamic", train_limit=LIMIT.get(scale), evaluation_limit=LIMIT.get(scale)
        ),
        optimiser=HardVAEOptimiserConfig(learning_rate=1e-4, prior_learning_rate=1e-2),
        schedule=ScheduleConfig(batch_size=BATCH[scale]),
        evaluation=HardVAEEvaluationConfig(importance_samples=SAMPLES[scale], every_time=True),
        seed=seed,
    )
    epochs = max(1, EVALUATIONS[scale] * BATCH[scale] // config.evaluations_per_step)
    return config.with_values({"schedule.epochs": epochs, "schedule.evaluate_every": max(1, epochs // ROWS[scale])})


def runs(scale, datasets):
    """Every method, seed by seed."""
    seeds = SEEDS[: {"smoke": 1, "quick": 3, "paper": 5}[scale]]
    return [run_of(method, scale, data, seed) for seed in seeds for data in datasets for method in TRAINED_BY[scale]]


def time(scale, results):
    """Time of a step of every method."""
    trained = [results.changed(run) for run in runs(scale, results.datasets[:1]) if run.seed == SEEDS[0]]
    results.require(trained)
    return step_times(trained, lambda run: run.data.name, scale)


EXPERIMENT = Experiment(
    paper="suite",
    item="categorical_vae",
    title="Unbiased estimators of categorical variables train a VAE of 32 x 16 codes, with equal evaluations",
    datasets={"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist",)},
    stages=(lambda scale, results: runs(scale, results.datasets), time),
    no_reference="The tables of the papers with this model could not be retrieved in a readable form.",
)

if __name__ == "__main__":
    main(EXPERIMENT)
