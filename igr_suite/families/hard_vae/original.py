"""The settings dictionary of the authors' RELAX runs, in this suite's terms (never imports TensorFlow).

| the original's key                      | here                                                            |
|-----------------------------------------|-----------------------------------------------------------------|
| dataset_name                            | data.name (fmnist is fashion_mnist), and its binarisation       |
| model_type                              | model.name: Relax_GS_Dis, Relax_IGR, Relax_Ber_Dis              |
| temp                                    | model.temperature, the initial one                              |
| architecture                            | model.architecture: dense is linear, dense_nonlinear nonlinear  |
| num_of_discrete_var                     | model.variables                                                 |
| n_required                              | model.categories: n_required for GS, n_required + 1 for IGR     |
| latent_discrete_n                       | model.categories                                                |
| stick_the_landing                       | model.stick_the_landing                                         |
| learning_rate                           | optimiser.learning_rate                                         |
| batch_n, epochs, check_every            | schedule.batch_size, schedule.epochs, schedule.evaluate_every   |
| sample_size_testing                     | evaluation.importance_samples                                   |

`seed` is a key of both. Bernoulli units have no categories, so n_required and latent_discrete_n must be 1 there.
Source: docs/papers/igr.md, sections 1.9, 3.5 and 8.
"""

from collections.abc import Mapping
from typing import Any

from igr_suite.errors import UserError, nearest
from igr_suite.lab.runs import translator
from igr_suite.lab.runs.translator import Key

ARCHITECTURES = {
    "dense": "linear",
    "dense_nonlinear": "nonlinear",
    **{name: name for name in ("linear", "nonlinear", "dense_relax")},
}


def _architecture(name: str, model: str) -> dict[str, str]:
    if name not in ARCHITECTURES:
        raise UserError(f"unknown architecture '{name}': {nearest(name, ARCHITECTURES)}")
    return {"model.architecture": ARCHITECTURES[name]}


def _categories(key: str, beyond: int):
    """A key that counts categories; `beyond` of them are not counted for IGR, whose last one follows from the others."""

    def paths(count: int, model: str) -> dict[str, int]:
        if model != "Relax_Ber_Dis":
            return {"model.categories": count + (beyond if model == "Relax_IGR" else 0)}
        if count != 1:
            raise UserError(f"{key} must be 1 for Relax_Ber_Dis, got {count}: its units are binary; leave it out")
        return {}

    return Key(int, paths)


KEYS: translator.Keys = {
    "dataset_name": Key(str, translator.data_set),
    "model_type": Key(str, "model.name"),
    "temp": Key(float, "model.temperature"),
    "architecture": Key(str, _architecture),
    "num_of_discrete_var": Key(int, "model.variables"),
    "n_required": _categories("n_required", beyond=1),
    "latent_discrete_n": _categories("latent_discrete_n", beyond=0),
    "stick_the_landing": Key(bool, "model.stick_the_landing"),
    "learning_rate": Key(float, "optimiser.learning_rate"),
    "batch_n": Key(int, "schedule.batch_size"),
    "epochs": Key(int, "schedule.epochs"),
    "check_every": Key(int, "schedule.evaluate_every"),
    "sample_size_testing": Key(int, "evaluation.importance_samples"),
}


def translate(settings: Mapping[str, Any], model: str) -> dict[str, Any]:
    """Returns the settings of a `TrainRelax` with the original's keys replaced by ours.

    Args:
      settings: `--set` values or a settings dictionary, the original's keys beside dotted paths; text or typed values.
      model: the name of the config that they change; what n_required means depends on it.
    Raises:
      UserError: an unknown architecture, a number of categories where there are none, or a value that another key
        contradicts.
    """
    translated = translator.translate(settings, KEYS, settings.get("model_type", settings.get("model.name", model)))
    if "dataset_name" in settings:
        translated.setdefault("data.binarisation", translator.binarisation_of(translated["data.name"]))
    return translated
