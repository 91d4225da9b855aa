"""IGR, Table 3: negative log-likelihood of the lower half of a digit given the upper one, through layers of binary
units.

    igr run igr/table_3_structured_output --scale quick                       # full MNIST
    igr run igr/table_3_structured_output --scale smoke                       # needs no download
    igr run igr/table_3_structured_output --scale quick --only double_linear-GS
Stage 1 trains one seed at every temperature of the grid; stage 2 repeats the one with the best validation NLL of
rounded units. Expect: lower values for more training samples and for more test samples; IGR-SB learns no binary code.
The README has measured times.
"""

from igr_suite.cli.entry import main
from igr_suite.families.structured.presets import RELAXATIONS, g2, g3
from igr_suite.families.vae.presets import NOT_RETRIEVED
from igr_suite.lab import Experiment
from igr_suite.lab.analysis.selection import NLL, best_temperature
from igr_suite.lab.runs.config import replace_parts
from igr_suite.training.config_parts import SEEDS

TRAINING_SAMPLES = {"smoke": (1, 5), "quick": (1, 5, 50), "paper": (1, 5, 50)}
DISTRIBUTIONS = {"smoke": ("GS", "IGR_Planar", "IGR_SB"), "quick": RELAXATIONS, "paper": RELAXATIONS}
ARCHITECTURES = {
    "smoke": ("double_linear",),
    "quick": ("double_linear",),
    "paper": ("double_linear", "triple_linear", "nonlinear"),
}
REPETITIONS = {"smoke": 1, "quick": 3, "paper": 5}
GRIDS = {"smoke": (0.5,), "quick": (0.25, 0.5, 1.0), "paper": (0.1, 0.25, 0.5, 0.67, 1.0)}
CRITERION = f"{NLL}_discrete"
# IGR-Planar also with the authors' normalisation of a planar layer, which has no pole (README)
NORMS = {
    "smoke": {},
    "quick": {"IGR_Planar": ("squared", "historical")},
    "paper": {"IGR_Planar": ("squared", "historical")},
}
SCHEDULE = {
    "smoke": {"epochs": 1, "evaluate_every": 1, "batch_size": 25},
    "quick": {"epochs": 3, "evaluate_every": 3},
    "paper": {"evaluate_every": 10},
}
EVALUATION = {
    "smoke": {"samples_while_training": 10, "samples": 100, "relaxed_samples": 10},
    "quick": {"samples_while_training": 10, "samples": 100},
    "paper": {"relaxed_samples": 1000},
}
PICTURES = 3  # completions of a test image that the first seed's runs store
LIMITS = {"smoke": {"train_limit": 200, "evaluation_limit": 60}, "quick": {}, "paper": {}}
DATA = {"smoke": ("mnist_5k",), "quick": ("mnist",), "paper": ("mnist",)}


def fitted(config, scale, data):
    """A preset at the size of a scale; the first seed stores pictures."""
    schedule = SCHEDULE[scale] if config.model.architecture != "g2_linear" else {"evaluate_every": 10}
    pictures = PICTURES if config.seed == SEEDS[0] else 0
    return replace_parts(
        config,
        data={"name": data, **LIMITS[scale]},
        schedule=schedule,
        evaluation={**EVALUATION[scale], "pictures": pictures},
    )


def cells(scale, results):
    """(data, architecture, S, distribution, planar norm) of every row."""
    return [
        (data, architecture, samples, model, norm)
        for data in results.datasets
        for architecture in ARCHITECTURES[scale]
        for samples in TRAINING_SAMPLES[scale]
        for model in DISTRIBUTIONS[scale]
        for norm in NORMS[scale].get(model, (None,))
        if model != "IGR_SB" or samples == 1 or scale == "paper"  # its rounded units carry nothing
    ]


def cell(scale, data, architecture, samples, model, norm, temperature, seed):
    """One run of a row."""
    config = g3(model, architecture=architecture, samples=samples, seed=seed, temperature=temperature)
    return fitted(replace_parts(config, model={"planar_norm": norm}), scale, data)


def candidates(scale, data, architecture, samples, model, norm):
    """The search's runs by temperature; more than five samples take the choice of five, which costs a tenth."""
    key = (data, architecture, min(samples, 5), model, norm)
    grid = GRIDS[scale] if model != "IGR_SB" else (0.5,)
    return {temperature: cell(scale, *key, temperature, SEEDS[0]) for temperature in grid}


def search(scale, results):
    """One seed at every temperature."""
    return [run for key in cells(scale, results) for run in candidates(scale, *key).values()]


def repeat(scale, results):
    """All seeds at each row's best temperature by the validation NLL of rounded units."""
    return [
        cell(scale, *key, best_temperature(results, candidates(scale, *key), CRITERION), seed)
        for key in cells(scale, results)
        for seed in SEEDS[: 1 if key[3] == "IGR_SB" and scale == "quick" else REPETITIONS[scale]]
    ]


def others(scale, results):
    """The README generation's setting, at paper scale only."""
    if scale != "paper":
        return []
    return [
        fitted(g2(model, seed=seed), scale, data)
        for data in results.datasets
        for model in DISTRIBUTIONS[scale]
        for seed in SEEDS[: REPETITIONS[scale]]
    ]


EXPERIMENT = Experiment(
    paper="igr",
    item="table_3_structured_output",
    title="Structured output prediction: lower half of MNIST from the upper",
    minutes={"smoke": 0.9, "quick": 36},
    datasets=DATA,
    stages=(search, repeat, others),
    no_reference=NOT_RETRIEVED,
)

if __name__ == "__main__":
    main(EXPERIMENT)
