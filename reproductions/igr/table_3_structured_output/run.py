"""IGR, Table 3: negative log-likelihood of the lower half of a digit given the upper one, through layers of binary units.

    igr run igr/table_3_structured_output --scale quick                       # full MNIST
    igr run igr/table_3_structured_output --scale smoke                       # needs no download
    igr run igr/table_3_structured_output --scale quick --only double_linear-GS
Expect: lower values for more training samples and for more test samples; IGR-SB learns no binary code. The README has measured times.
"""

from igr_suite.experiments import Experiment, main
from igr_suite.models.presets import SEEDS
from igr_suite.models.structured_config import replace
from igr_suite.models.structured_presets import MODELS, TEMPERATURES, g2, g3

TRAINING_SAMPLES = {"smoke": (1, 5), "quick": (1, 5, 50), "paper": (1, 5, 50)}
LAWS = {"smoke": ("GS", "IGR_Planar", "IGR_SB"), "quick": MODELS, "paper": MODELS}
ARCHITECTURES = {"smoke": ("double_linear",), "quick": ("double_linear",), "paper": ("double_linear", "triple_linear", "nonlinear")}
REPETITIONS = {"smoke": 1, "quick": 3, "paper": 5}
DEGENERATE_REPETITIONS = {"smoke": 1, "quick": 1, "paper": 5}  # IGR-SB: its rounded units carry nothing
SCHEDULE = {
    "smoke": {"epochs": 1, "evaluate_every": 1, "batch_size": 25},
    "quick": {"epochs": 3, "evaluate_every": 3},
    "paper": {"evaluate_every": 10},
}
EVALUATION = {
    "smoke": {"samples_while_training": 10, "samples": 100, "relaxed_samples": 10},
    "quick": {"samples_while_training": 10},
    "paper": {"relaxed_samples": 1000},
}
PICTURES = 3  # completions of a test image that the first seed's runs store
LIMITS = {"smoke": {"train_limit": 200, "evaluation_limit": 60}, "quick": {}, "paper": {}}
DATA = {"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist",)}


def fitted(config, scale, data):
    """A preset at the size of a scale; the first seed stores pictures."""
    schedule = SCHEDULE[scale] if config.model.architecture != "g2_linear" else {"evaluate_every": 10}
    pictures = PICTURES if config.seed == SEEDS[0] else 0
    return replace(config, data={"name": data, **LIMITS[scale]}, schedule=schedule, evaluation={**EVALUATION[scale], "pictures": pictures})


def seeds(scale, model):
    """The authors' seeds, as many as the scale repeats."""
    return SEEDS[: (DEGENERATE_REPETITIONS if model == "IGR_SB" else REPETITIONS)[scale]]


def corrected(scale, results):
    """Every law, architecture and number of training samples, at the temperatures that the authors searched for this task."""
    return [
        fitted(g3(model, architecture=architecture, samples=samples, seed=seed, temperature=TEMPERATURES[model]), scale, data)
        for data in results.datasets
        for architecture in ARCHITECTURES[scale]
        for samples in TRAINING_SAMPLES[scale]
        for model in LAWS[scale]
        for seed in seeds(scale, model)
    ]


def authors_norm(scale, results):
    """IGR-Planar with the authors' normalisation of a planar layer, which has no pole (README)."""
    if scale == "smoke":
        return []
    return [
        fitted(replace(config, model={"planar_norm": "historical"}), scale, data)
        for data in results.datasets
        for samples in TRAINING_SAMPLES[scale]
        for seed in seeds(scale, "IGR_Planar")
        for config in (g3("IGR_Planar", samples=samples, seed=seed, temperature=TEMPERATURES["IGR_Planar"]),)
    ]


def others(scale, results):
    """The NeurIPS code's temperature 1 and the README generation's setting, at paper scale only."""
    if scale != "paper":
        return []
    return [
        fitted(config, scale, data)
        for data in results.datasets
        for model in LAWS[scale]
        for seed in seeds(scale, model)
        for config in (*(g3(model, samples=samples, seed=seed) for samples in TRAINING_SAMPLES[scale]), g2(model, seed=seed))
    ]


EXPERIMENT = Experiment(
    paper="igr",
    item="table_3_structured_output",
    title="Structured output prediction: lower half of MNIST from the upper",
    minutes={"smoke": 0.4, "quick": 35},
    datasets=DATA,
    stages=(corrected, authors_norm, others),
)

if __name__ == "__main__":
    main(EXPERIMENT)
