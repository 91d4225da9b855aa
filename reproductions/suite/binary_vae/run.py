"""Unbiased estimators train VAEs of 200 Bernoulli variables with two or three evaluations of the bound a step.

    igr run suite/binary_vae --scale quick                # 48 runs, see the README
    igr plot suite/binary_vae
The nonlinear model is that of Double CV and RODEO (Titsias & Shi, 2022; Shi et al., 2022), the linear one that of DisARM
(Dong, Mnih & Tucker, 2020); docs/papers/rebar.md, section 1.5. As in the published tables every method takes the same
number of steps. Expect: RODEO ahead of Double CV and DisARM with two evaluations, and of Double CV, ARMS and RELAX with
three.
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

# Model -> its methods, each an estimator and its options.
METHODS = {
    "nonlinear": (
        ("disarm", ()),
        ("rloo", ("samples=2",)),
        ("double_cv", ("samples=2",)),
        ("rodeo", ("samples=2",)),
        ("relax", ()),
        ("arms", ("samples=3",)),
        ("double_cv", ("samples=3",)),
        ("rodeo", ("samples=3",)),
    ),
    "linear": (("disarm", ()), ("rloo", ("samples=2",)), ("relax", ()), ("arms", ("samples=3",))),
}
SMOKE = (("disarm", ()), ("rodeo", ("samples=2",)), ("arms", ("samples=3",)))
ARCHITECTURES = {"nonlinear": "leaky_200", "linear": "linear"}
BATCH = {"nonlinear": 100, "linear": 50}
# Step size of the nonlinear model's networks by data set; its control variates have OWN_RATE.
RATES = {"fashion_mnist": 3e-4}
RATE, OWN_RATE = 1e-3, 1e-3
EPOCHS = {  # the papers' million steps have 500 and 1,000 in a pass through 50,000 images
    "smoke": {"nonlinear": 2, "linear": 2},
    "quick": {"nonlinear": 20, "linear": 10},
    "paper": {"nonlinear": 2_000, "linear": 1_000},
}
ROWS = {"smoke": 1, "quick": 2, "paper": 20}  # evaluations of test images along a run
SAMPLES = {"smoke": 5, "quick": 100, "paper": 100}
LIMIT = {"smoke": 120}  # training, validation and test images
EVALUATED = {"smoke": 120, "quick": 2_000}
VARIABLES = {"smoke": 10, "quick": 200, "paper": 200}
REPETITIONS = {"smoke": 1, "quick": 2, "paper": 5}


def run_of(name, method, scale, data, seed):
    """One method's training of the model `name`."""
    estimator, options = method
    linear = name == "linear"
    model = HardVAEConfig(
        estimator=estimator,
        estimator_options=options,
        codes="bernoulli",
        variables=VARIABLES[scale],
        architecture=ARCHITECTURES[name],
        centred=linear,
        prior="trained" if linear else "uniform",
        likelihood="bernoulli" if data == "fashion_mnist" else "data",
    )
    rate = RATES.get(data, RATE)
    optimiser = (
        HardVAEOptimiserConfig(learning_rate=1e-4, prior_learning_rate=1e-2)
        if linear
        else HardVAEOptimiserConfig(learning_rate=rate, control_factor=OWN_RATE / rate)
    )
    epochs = EPOCHS[scale][name]
    return TrainHardVAE(
        model=model,
        data=DataConfig(
            name=data, binarisation="dynamic", train_limit=LIMIT.get(scale), evaluation_limit=EVALUATED.get(scale)
        ),
        optimiser=optimiser,
        schedule=ScheduleConfig(batch_size=BATCH[name], epochs=epochs, evaluate_every=max(1, epochs // ROWS[scale])),
        evaluation=HardVAEEvaluationConfig(importance_samples=SAMPLES[scale], every_time=True, validation=False),
        seed=seed,
    )


def runs(scale, datasets):
    """Every method on both models, seed by seed."""
    return [
        run_of(name, method, scale, data, seed)
        for seed in SEEDS[: REPETITIONS[scale]]
        for data in datasets
        for name, methods in METHODS.items()
        for method in methods
        if scale != "smoke" or method in SMOKE
    ]


def time(scale, results):
    """Time of a step of every method, a run for each model and data set."""
    trained = [results.changed(run) for run in runs(scale, results.datasets) if run.seed == SEEDS[0]]
    results.require(trained)
    return step_times(trained, lambda run: (run.model.architecture, run.data.name), scale)


EXPERIMENT = Experiment(
    paper="suite",
    item="binary_vae",
    title="Unbiased estimators of Bernoulli variables train VAEs of 200 units with two or three evaluations",
    datasets={"smoke": ("mnist_5k",), "quick": ("mnist", "fashion_mnist"), "paper": ("mnist", "fashion_mnist")},
    stages=(lambda scale, results: runs(scale, results.datasets), time),
)

if __name__ == "__main__":
    main(EXPERIMENT)
