"""IGR, NeurIPS nonparametric table: stick-breaking mixture VAEs with Kumaraswamy and with LogitNormal (IGR) sticks.

    igr run igr/neurips_table_dlgmm --scale quick      # 16 min on 2 cores
    igr run igr/neurips_table_dlgmm --scale quick --set model.objective=historical     # the authors' loss
Expect: Kumaraswamy and LogitNormal sticks are close together, and truncation at 0.9999 changes little but the number of
components.
"""

from igr_suite.cli.entry import main
from igr_suite.families.mixture.config import MixtureEvaluationConfig, MixtureModelConfig, TrainMixture
from igr_suite.families.vae.presets import NOT_RETRIEVED
from igr_suite.lab import Experiment
from igr_suite.training.config_parts import SEEDS, DataConfig, ScheduleConfig

MODELS = ("DLGMM", "DLGMM_Var", "DLGMM_IGR", "DLGMM_IGR_SB")
COMPONENTS = {"smoke": 5, "quick": 20, "paper": 20}
EPOCHS = {"smoke": 2, "quick": 6, "paper": 300}
EVALUATE_EVERY = {"smoke": 1, "quick": 2, "paper": 10}
REPETITIONS = {"smoke": 1, "quick": 3, "paper": 5}
SAMPLES = {"smoke": 5, "quick": 10, "paper": 100}  # each of them decodes all components
LIMIT = {"smoke": 300}
DATASETS = {"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist", "omniglot")}


def runs(scale, results):
    """Every model with every seed; the first seed stores pictures."""
    return [
        TrainMixture(
            model=MixtureModelConfig(name=name, components=COMPONENTS[scale]),
            data=DataConfig(name=data, train_limit=LIMIT.get(scale), evaluation_limit=LIMIT.get(scale)),
            schedule=ScheduleConfig(epochs=EPOCHS[scale], evaluate_every=EVALUATE_EVERY[scale]),
            evaluation=MixtureEvaluationConfig(importance_samples=SAMPLES[scale], pictures=seed == SEEDS[0]),
            seed=seed,
        )
        for data in results.datasets
        for name in MODELS
        for seed in SEEDS[: REPETITIONS[scale]]
    ]


EXPERIMENT = Experiment(
    paper="igr",
    item="neurips_table_dlgmm",
    title="Stick-breaking mixture VAEs with Kumaraswamy and IGR sticks",
    datasets=DATASETS,
    if_prepared=("omniglot",),
    minutes={"quick": 16},
    stages=(runs,),
    no_reference=NOT_RETRIEVED,
)

if __name__ == "__main__":
    main(EXPERIMENT)
