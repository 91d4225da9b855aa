"""The authors' settings dictionary for their stick-breaking mixtures, in this suite's terms (never imports TensorFlow).

| the original's key       | here                                                     |
|--------------------------|----------------------------------------------------------|
| dataset_name             | data.name                                                |
| model_type, architecture | model.name, model.architecture                           |
| n_required               | model.components                                         |
| num_of_discrete_var      | model.dimensions                                         |
| threshold                | model.threshold                                          |
| stick_the_landing        | model.stick_the_landing                                  |
| learning_rate            | optimiser.learning_rate                                  |
| batch_n, epochs          | schedule.batch_size, schedule.epochs                     |
| sample_size, check_every | schedule.samples, schedule.evaluate_every                |
| sample_size_testing      | evaluation.importance_samples                            |
| temp                     | must be 1.0: sticks have no temperature                  |

`seed` is a key of both. Source: spec/igr.md sections 3.6 and 8.
"""

from collections.abc import Mapping
from typing import Any

from igr_suite.errors import UserError
from igr_suite.experiments import values

PATHS: dict[str, tuple[str, Any]] = {
    "dataset_name": ("data.name", str),
    "model_type": ("model.name", str),
    "architecture": ("model.architecture", str),
    "n_required": ("model.components", int),
    "num_of_discrete_var": ("model.dimensions", int),
    "threshold": ("model.threshold", float),
    "stick_the_landing": ("model.stick_the_landing", bool),
    "learning_rate": ("optimiser.learning_rate", float),
    "batch_n": ("schedule.batch_size", int),
    "epochs": ("schedule.epochs", int),
    "sample_size": ("schedule.samples", int),
    "check_every": ("schedule.evaluate_every", int),
    "sample_size_testing": ("evaluation.importance_samples", int),
}
KEYS = (*PATHS, "temp")


def translate(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings of a `TrainMixture` with the original's keys replaced by ours.

    Args:
      settings: `--set` values or a settings dictionary, the original's keys beside dotted paths; text or typed values.
    Raises:
      UserError: a temperature other than 1, or a value that another key contradicts.
    """
    translated = {path: value for path, value in settings.items() if path not in KEYS}
    for key, value in settings.items():
        if key == "temp" and _read(value, float, key) != 1.0:
            raise UserError(f"temp must be 1.0 here, got {value}: the sticks of a mixture have no temperature; leave it out")
        if key in PATHS:
            path, kind = PATHS[key]
            ours = _read(value, kind, key)
            if path in translated and _read(translated[path], kind, path) != ours:
                raise UserError(f"{path} is set twice, to {translated[path]} and to {ours} by {key}={value}; leave one of them out")
            translated[path] = ours
    return translated


def _read(value: Any, kind: Any, path: str) -> Any:
    return values.parse(value, kind, path) if isinstance(value, str) else values.check(value, kind, path)
