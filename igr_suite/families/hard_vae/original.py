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
from igr_suite.lab.runs import key_table
from igr_suite.lab.runs.key_table import DATA_SETS, GREY

ARCHITECTURES = {
    "dense": "linear",
    "dense_nonlinear": "nonlinear",
    **{name: name for name in ("linear", "nonlinear", "dense_relax")},
}
KEYS: key_table.Table = {
    "dataset_name": ("data.name", str),
    "model_type": ("model.name", str),
    "temp": ("model.temperature", float),
    "architecture": ("model.architecture", str),
    "num_of_discrete_var": ("model.variables", int),
    "n_required": ("model.categories", int),
    "latent_discrete_n": ("model.categories", int),
    "stick_the_landing": ("model.stick_the_landing", bool),
    "learning_rate": ("optimiser.learning_rate", float),
    "batch_n": ("schedule.batch_size", int),
    "epochs": ("schedule.epochs", int),
    "check_every": ("schedule.evaluate_every", int),
    "sample_size_testing": ("evaluation.importance_samples", int),
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
    model = settings.get("model_type", settings.get("model.name", model))
    translated = key_table.translate(settings, KEYS, lambda key, value: _ours(key, value, model))
    if "dataset_name" in settings:
        translated.setdefault("data.binarisation", "none" if translated["data.name"] in GREY else "static")
    return translated


def _ours(key: str, value: Any, model: str) -> Any:
    """The value that the path takes, None where there is nothing to set."""
    if key == "dataset_name":
        return DATA_SETS.get(value, value)
    if key == "architecture":
        if value not in ARCHITECTURES:
            raise UserError(f"unknown architecture '{value}': {nearest(value, ARCHITECTURES)}")
        return ARCHITECTURES[value]
    if key in ("n_required", "latent_discrete_n") and model == "Relax_Ber_Dis":
        if value != 1:
            raise UserError(f"{key} must be 1 for Relax_Ber_Dis, got {value}: its units are binary; leave it out")
        return None
    if key == "n_required":
        return value + (model == "Relax_IGR")
    return value
