"""All estimators of the registry train two belief networks and a VAE of categorical codes, with equal evaluations.

    igr run suite/training --scale quick --jobs 2         # hours, see the README
    igr plot suite/training
An evaluation is one image's bound at one value of its latent variables. Every estimator has the same number of them:
one that needs K for a step takes K times fewer steps. Stage 2 measures the variance of all estimators at the weights
that NVIL reached, from which the order of the bounds may be predicted, and stage 3 the time of a step. Expect:
straight-through estimators and Concrete ahead in every model at the quick scale; among unbiased ones the order that
variance at equal evaluations predicts, but for those whose many evaluations go into few steps.
"""

from igr_suite.cli.entry import main
from igr_suite.discrete.config import evaluations
from igr_suite.estimators.names import KNOWN
from igr_suite.families.hard_vae.codes_config import (
    HardVAEConfig,
    HardVAEEvaluationConfig,
    HardVAEOptimiserConfig,
    TrainHardVAE,
)
from igr_suite.families.sbn.config import SBNConfig, SBNEvaluationConfig, TrainSBN
from igr_suite.families.sbn.presets import DEPTHS
from igr_suite.lab import Experiment
from igr_suite.studies.comparison.config import EstimatorVariance, step_times
from igr_suite.training.config_parts import SEEDS, BinaryDataConfig, DataConfig, ScheduleConfig, StepScheduleConfig

FEW = ("nvil", "disarm", "straight_through")
ESTIMATORS = {"smoke": FEW, "quick": tuple(KNOWN), "paper": tuple(KNOWN)}
EVALUATIONS = {"smoke": 4, "quick": 24, "paper": 240}  # passes through the training images, of an estimator with one
NETWORKS = {"smoke": ("nonlinear",), "quick": ("nonlinear", "2 linear"), "paper": ("nonlinear", "2 linear")}
ROWS = {"smoke": 1, "quick": 6, "paper": 12}  # evaluations of test images along a run
SAMPLES = {"smoke": 5, "quick": 100, "paper": 100}
LIMIT = {"smoke": 120}  # training images
# Validation and test images that are evaluated: L_100 of all of them would take longer than the training.
EVALUATED = {"smoke": 120, "quick": 2_000}
# Four evaluations, as VIMCO and ARMS.
OPTIONS = {"local_disarm": ("samples=2",), "ovis_mc": ("auxiliary=2", "samples=2")}
# REINFORCE of belief networks centres an example's signal by the others' mean, too.
CODE_OPTIONS = OPTIONS | {"reinforce": ("baseline=batch",)}
SIZE = {"smoke": {"variables": 3, "categories": 3}, "quick": {}, "paper": {}}


VARIANCE = {
    "smoke": {"draws": 40, "reference": 40, "images": 4, "own_steps": 2},
    "quick": {"draws": 400, "reference": 2_000},
    "paper": {"draws": 4_000, "reference": 20_000, "own_steps": 2_000},
}


def epochs(scale, number):
    """Passes through the training images, and between two evaluations of test images, with `number` evaluations a
    step."""
    total = max(1, EVALUATIONS[scale] // number)
    return {"epochs": total, "evaluate_every": max(1, total // ROWS[scale])}


def belief_network(name, depth, scale, data, seed):
    """Bernoulli variables."""
    model = SBNConfig(estimator=name, estimator_options=OPTIONS.get(name, ()), **DEPTHS[depth])
    return TrainSBN(
        model=model,
        data=BinaryDataConfig(name=data, train_limit=LIMIT.get(scale), evaluation_limit=EVALUATED.get(scale)),
        schedule=StepScheduleConfig(**epochs(scale, model.evaluations)),
        evaluation=SBNEvaluationConfig(importance_samples=SAMPLES[scale]),
        seed=seed,
    )


def autoencoder(name, scale, data, seed):
    """Categorical variables, one layer."""
    model = HardVAEConfig(
        estimator=name,
        estimator_options=CODE_OPTIONS.get(name, ()),
        architecture="linear" if scale == "smoke" else "nonlinear",
        baseline="network" if name == "nvil" else "constant",
        **SIZE[scale],
    )
    number = evaluations(name, model.estimator_options, model.layers, model.shape)
    return TrainHardVAE(
        model=model,
        data=DataConfig(name=data, train_limit=LIMIT.get(scale), evaluation_limit=EVALUATED.get(scale)),
        optimiser=HardVAEOptimiserConfig(learning_rate=3e-4),
        schedule=ScheduleConfig(**epochs(scale, number)),
        evaluation=HardVAEEvaluationConfig(importance_samples=SAMPLES[scale], every_time=True),
        seed=seed,
    )


def runs(scale, datasets):
    """Every estimator on every model that its variables allow, unless one pass through the images costs more evaluations
    than all estimators have."""
    seeds = SEEDS[: {"smoke": 1, "quick": 3, "paper": 5}[scale]]
    names = ESTIMATORS[scale]
    possible = [
        *(
            belief_network(name, depth, scale, data, seed)
            for seed in seeds
            for data in datasets
            for depth in NETWORKS[scale]
            for name in names
            if "bernoulli" in KNOWN[name].support
        ),
        *(
            autoencoder(name, scale, data, seed)
            for seed in seeds
            for data in datasets
            for name in names
            if "categorical" in KNOWN[name].support
        ),
    ]
    return [run for run in possible if run.evaluations_per_step <= EVALUATIONS[scale] * run.schedule.batch_size]


def measure(scale, results):
    """Variance of every estimator at the weights that NVIL reached with the first seed; of the comparison as it stands,
    not of runs that `--set` changes."""
    if results.altered:
        return []
    data, seed = results.datasets[0], SEEDS[0]
    trained = [belief_network("nvil", "nonlinear", scale, data, seed), autoencoder("nvil", scale, data, seed)]
    results.require(trained)
    few = {
        support: tuple(name for name in FEW if support in KNOWN[name].support) if scale == "smoke" else ()
        for support in ("bernoulli", "categorical")
    }
    return [
        EstimatorVariance(trained=run.run_id, estimators=few[support], **VARIANCE[scale])
        for run, support in zip(trained, few, strict=True)
    ]


def time(scale, results):
    """Time of a step of every estimator, a run for each model; the runs of the first seed say what a step is."""
    trained = [results.changed(run) for run in runs(scale, results.datasets[:1]) if run.seed == SEEDS[0]]
    results.require(trained)
    return step_times(trained, lambda run: (type(run), run.model.layers, getattr(run.model, "nonlinear", None)), scale)


EXPERIMENT = Experiment(
    paper="suite",
    item="training",
    title="All gradient estimators train two belief networks and a VAE, with equal evaluations",
    datasets={"smoke": ("mnist_5k",), "quick": ("binarized_mnist",), "paper": ("binarized_mnist",)},
    stages=(lambda scale, results: runs(scale, results.datasets), measure, time),
    no_reference="This comparison is the suite's own.",
)

if __name__ == "__main__":
    main(EXPERIMENT)
