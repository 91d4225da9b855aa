"""All estimators of the registry on two models: variance, bias and time of a gradient. docs/choose_an_estimator.md is
written from the results.

    igr run suite/estimators --scale quick                # 12 min on 2 cores
    python -m igr_suite.report.choosing                   # writes the page
Stage 1 trains a belief network of one layer (Bernoulli variables) and a VAE of categorical codes; stage 2 measures at
their weights. Expect: no unbiased estimator shows a bias, the straight-through and Concrete ones do; DisARM has less
variance than REINFORCE everywhere.
"""

from igr_suite.cli.entry import main
from igr_suite.families.hard_vae.config import RelaxEvaluationConfig, RelaxModelConfig, TrainRelax
from igr_suite.families.sbn.presets import sbn
from igr_suite.lab import Experiment
from igr_suite.studies.comparison.config import EstimatorCost, EstimatorVariance
from igr_suite.training.config_parts import DataConfig, OptimiserConfig, ScheduleConfig

SEED = 5328
EPOCHS = {"smoke": 1, "quick": 2, "paper": 50}
LIMIT = {"smoke": 120}
VARIABLES = {"smoke": {"variables": 3, "categories": 3}, "quick": {}, "paper": {}}
NETWORK = {"smoke": "linear", "quick": "nonlinear", "paper": "nonlinear"}
FEW = ("reinforce", "nvil", "straight_through")
VARIANCE = {
    "smoke": {"estimators": FEW, "draws": 40, "reference": 40, "images": 4, "own_steps": 2},
    "quick": {"draws": 400, "reference": 2_000},
    "paper": {"draws": 10_000, "reference": 40_000, "own_steps": 2_000},
}
COST = {
    "smoke": {"estimators": FEW, "draws": 2, "rounds": 2, "images": 4},
    "quick": {"draws": 30},
    "paper": {"rounds": 31},
}


def belief_network(scale, data):
    """Bernoulli variables, trained by NVIL."""
    return sbn(
        "NVIL",
        "1 linear",
        data=data,
        seed=SEED,
        epochs=EPOCHS[scale],
        evaluate_every=EPOCHS[scale],
        importance_samples=1,
        limit=LIMIT.get(scale),
    )


def autoencoder(scale, data):
    """Categorical variables, trained by RELAX."""
    return TrainRelax(
        model=RelaxModelConfig(name="Relax_GS_Dis", architecture=NETWORK[scale], **VARIABLES[scale]),
        data=DataConfig(name=data, train_limit=LIMIT.get(scale), evaluation_limit=LIMIT.get(scale)),
        optimiser=OptimiserConfig(learning_rate=3e-4),
        schedule=ScheduleConfig(epochs=EPOCHS[scale], evaluate_every=EPOCHS[scale]),
        evaluation=RelaxEvaluationConfig(importance_samples=1, variance_draws=2),
        seed=SEED,
    )


def train(scale, results):
    """Both models."""
    return [model(scale, data) for data in results.datasets for model in (belief_network, autoencoder)]


def measure(scale, results):
    """Variance and cost at the weights of both."""
    models = [results.changed(run) for run in train(scale, results)]
    results.require(models)
    return [
        kind(trained=run.run_id, **sizes[scale])
        for run in models
        for kind, sizes in ((EstimatorVariance, VARIANCE), (EstimatorCost, COST))
    ]


EXPERIMENT = Experiment(
    paper="suite",
    item="estimators",
    title="All gradient estimators on one belief network and one VAE: variance, bias, time",
    datasets={"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist",)},
    stages=(train, measure),
    no_reference="This comparison is the suite's own.",
)

if __name__ == "__main__":
    main(EXPERIMENT)
