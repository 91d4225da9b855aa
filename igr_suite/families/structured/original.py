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
from igr_suite.lab.runs import translator
from igr_suite.lab.runs.translator import Key

MODELS = {f"{name}{ending}": name for name in ("GS", "IGR_I", "IGR_Planar", "IGR_SB") for ending in ("", "_Dis")}


def _model(name: str, context: None) -> dict[str, str]:
    del context
    if name not in MODELS:
        raise UserError(f"unknown model_type '{name}': {nearest(name, MODELS)}")
    return {"model.name": MODELS[name]}


KEYS: translator.Keys = {
    "dataset_name": Key(str, "data.name"),
    "model_type": Key(str, _model),
    "architecture": Key(str, "model.architecture"),
    "temp": Key(float, "model.temperature"),
    "learning_rate": Key(float, "optimiser.learning_rate"),
    "batch_n": Key(int, "schedule.batch_size"),
    "epochs": Key(int, "schedule.epochs"),
    "sample_size": Key(int, "schedule.samples"),
    "check_every": Key(int, "schedule.evaluate_every"),
    "sample_size_testing": Key(int, "evaluation.samples"),
    "width_height": Key(tuple[int, ...], must=lambda config: (((14, 28, 1),), "it is the size of half a digit")),
}


def translate(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings of a `TrainStructured` with the original's keys replaced by ours; see `translator.translate`.

    Raises:
      UserError: an unknown model, halves of another size, or a value that another key contradicts.
    """
    translator.check_implied(settings, KEYS)
    return translator.translate(settings, KEYS)
