"""IGR, NeurIPS tables: VAEs with hard discrete codes trained by RELAX, beside the relaxed ones.

    igr run igr/neurips_table_relax --scale quick                             # 10 min on 2 cores: MNIST, three seeds
    igr run igr/neurips_table_relax --scale quick --only Relax_IGR --set model.estimator=historical --set model.kl_sign=historical
    igr run igr/neurips_table_relax --scale paper --data mnist
Expect: RELAX's gradients vary far less than REINFORCE's. GS and IGR are compared at equal seeds, with an interval; the
README has the results.
"""

from igr_suite.cli.entry import main
from igr_suite.data.catalogue import recipe_of
from igr_suite.families.hard_vae.config import RelaxEvaluationConfig, RelaxModelConfig, TrainRelax
from igr_suite.families.vae.presets import NOT_RETRIEVED, g3
from igr_suite.lab import Experiment
from igr_suite.lab.runs.config import replace_parts
from igr_suite.training.config_parts import SEEDS, DataConfig, OptimiserConfig, ScheduleConfig

RELAX_MODELS = ("Relax_GS_Dis", "Relax_IGR", "Relax_Ber_Dis")
REFERENCES = ("GS_Dis", "IGR_I_Dis")  # trained through relaxed codes, measured at hard ones
EPOCHS = {"smoke": 2, "quick": 4, "paper": 100}
EVALUATE_EVERY = {"smoke": 1, "quick": 2, "paper": 10}
REPETITIONS = {"smoke": 1, "quick": 3, "paper": 5}
SAMPLES = {"smoke": 10, "quick": 100, "paper": 1000}
LEARNING_RATE = {"smoke": 3e-4, "quick": 3e-4, "paper": 1e-4}  # the authors' first and last learning rate
LIMIT = {"smoke": 256}
ARCHITECTURES = {"smoke": ("linear",), "quick": ("nonlinear",), "paper": ("linear", "nonlinear", "dense_relax")}
DATASETS = {"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist", "fashion_mnist", "omniglot")}


def relax(scale, data, architecture, model, seed):
    """One run of RELAX."""
    grey = recipe_of(data).likelihood == "gaussian"
    return TrainRelax(
        model=RelaxModelConfig(name=model, architecture=architecture, output_activation="elu" if grey else "linear"),
        data=DataConfig(
            name=data,
            binarisation="none" if grey else "static",
            train_limit=LIMIT.get(scale),
            evaluation_limit=LIMIT.get(scale),
        ),
        optimiser=OptimiserConfig(learning_rate=LEARNING_RATE[scale]),
        schedule=ScheduleConfig(epochs=EPOCHS[scale], evaluate_every=EVALUATE_EVERY[scale]),
        evaluation=RelaxEvaluationConfig(importance_samples=SAMPLES[scale]),
        seed=seed,
    )


def reference(scale, data, architecture, model, seed):
    """One run trained through relaxed codes with the same network, data and learning rate."""
    grey = recipe_of(data).likelihood == "gaussian"
    config = g3(
        model,
        data=data,
        seed=seed,
        epochs=EPOCHS[scale],
        evaluate_every=EVALUATE_EVERY[scale],
        importance_samples=SAMPLES[scale],
        limit=LIMIT.get(scale),
    )
    model = {"architecture": architecture, "output_activation": "elu" if grey else "linear"}
    return replace_parts(config, model=model, optimiser={"learning_rate": LEARNING_RATE[scale]})


def runs(scale, results):
    """All models with every network, data set and seed; `dense_relax` is RELAX's own network."""
    return [
        make(scale, data, architecture, model, seed)
        for data in results.datasets
        for architecture in ARCHITECTURES[scale]
        for make, models in ((relax, RELAX_MODELS), (reference, REFERENCES))
        if make is relax or architecture != "dense_relax"
        for model in models
        for seed in SEEDS[: REPETITIONS[scale]]
    ]


EXPERIMENT = Experiment(
    paper="igr",
    item="neurips_table_relax",
    title="Discrete VAEs trained with RELAX, and the relaxed ones beside them",
    minutes={"quick": 10},
    datasets=DATASETS,
    stages=(runs,),
    no_reference=NOT_RETRIEVED,
)

if __name__ == "__main__":
    main(EXPERIMENT)
