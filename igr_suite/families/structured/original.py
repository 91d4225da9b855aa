"""The settings dictionary of the authors' structured output prediction, in this suite's terms (never imports
TensorFlow).

| the original's key       | here                                                              |
|--------------------------|-------------------------------------------------------------------|
| dataset_name             | data.name: mnist                                                  |
| model_type               | model.name (IGR_I_Dis and IGR_I are one, likewise the others)      |
| architecture, temp       | model.architecture, model.temperature                             |
| learning_rate            | optimiser.learning_rate                                           |
| batch_n, epochs          | schedule.batch_size, schedule.epochs                              |
| sample_size, check_every | schedule.samples, schedule.evaluate_every                         |
| sample_size_testing      | evaluation.samples                                                |
| width_height             | must be (14, 28, 1), the size of a half                           |

`seed` is a key of both. Source: docs/papers/igr.md, sections 4 and 8.
"""

from collections.abc import Mapping
from typing import Any

from igr_suite.errors import UserError, nearest
from igr_suite.lab.runs import key_table

HALF_SHAPE = (14, 28, 1)
MODELS = {f"{name}{ending}": name for name in ("GS", "IGR_I", "IGR_Planar", "IGR_SB") for ending in ("", "_Dis")}
KEYS: key_table.Table = {
    "dataset_name": ("data.name", str),
    "model_type": ("model.name", str),
    "architecture": ("model.architecture", str),
    "temp": ("model.temperature", float),
    "learning_rate": ("optimiser.learning_rate", float),
    "batch_n": ("schedule.batch_size", int),
    "epochs": ("schedule.epochs", int),
    "sample_size": ("schedule.samples", int),
    "check_every": ("schedule.evaluate_every", int),
    "sample_size_testing": ("evaluation.samples", int),
    "width_height": (None, tuple[int, ...]),
}


def translate(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings of a `TrainStructured` with the original's keys replaced by ours; see `key_table.translate`.

    Raises:
      UserError: an unknown model, halves of another size, or a value that another key contradicts.
    """
    return key_table.translate(settings, KEYS, _ours)


def _ours(key: str, value: Any) -> Any:
    if key == "width_height" and value != HALF_SHAPE:
        raise UserError(f"width_height must be {HALF_SHAPE}, the size of half a digit, got {value}; leave it out")
    if key != "model_type":
        return value
    if value not in MODELS:
        raise UserError(f"unknown model_type '{value}': {nearest(value, MODELS)}")
    return MODELS[value]
