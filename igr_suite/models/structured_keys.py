"""The settings dictionary of the authors' structured output prediction, in this suite's terms (never imports TensorFlow).

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

`seed` is a key of both. Source: spec/igr.md sections 4 and 8.
"""

from collections.abc import Mapping
from typing import Any

from igr_suite.errors import UserError, nearest
from igr_suite.experiments import values

HALF_SHAPE = (14, 28, 1)
MODELS = {f"{name}{ending}": name for name in ("GS", "IGR_I", "IGR_Planar", "IGR_SB") for ending in ("", "_Dis")}
PATHS: dict[str, tuple[str, Any]] = {
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
}
KEYS = (*PATHS, "width_height")


def translate(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings of a `TrainStructured` with the original's keys replaced by ours.

    Args:
      settings: `--set` values or a settings dictionary, the original's keys beside dotted paths; text or typed values.
    Raises:
      UserError: an unknown model, halves of another size, or a value that another key contradicts.
    """
    translated = {path: value for path, value in settings.items() if path not in KEYS}
    for key, value in settings.items():
        if key == "width_height":
            _check_halves(value)
        elif key in PATHS:
            path, kind = PATHS[key]
            ours = _read(value, kind, key)
            if key == "model_type":
                ours = _model(ours)
            if path in translated and _read(translated[path], kind, path) != ours:
                raise UserError(f"{path} is set twice, to {translated[path]} and to {ours} by {key}={value}; leave one of them out")
            translated[path] = ours
    return translated


def _read(value: Any, kind: Any, path: str) -> Any:
    return values.parse(value, kind, path) if isinstance(value, str) else values.check(value, kind, path)


def _model(name: str) -> str:
    if name not in MODELS:
        raise UserError(f"unknown model_type '{name}': {nearest(name, MODELS)}")
    return MODELS[name]


def _check_halves(value: Any) -> None:
    if _read(value, tuple[int, ...], "width_height") != HALF_SHAPE:
        raise UserError(f"width_height must be {HALF_SHAPE}, the size of half a digit, got {value}; leave it out")
