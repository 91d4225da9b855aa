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

`seed` is a key of both. Source: docs/papers/igr.md, sections 3.6 and 8.
"""

from collections.abc import Mapping
from typing import Any

from igr_suite.errors import UserError
from igr_suite.lab.runs import key_table

KEYS: key_table.Table = {
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
    "temp": (None, float),
}


def translate(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings of a `TrainMixture` with the original's keys replaced by ours; see `key_table.translate`.

    Raises:
      UserError: a temperature other than 1, or a value that another key contradicts.
    """
    return key_table.translate(settings, KEYS, _ours)


def _ours(key: str, value: Any) -> Any:
    if key == "temp" and value != 1.0:
        raise UserError(
            f"temp must be 1.0 here, got {value}: the sticks of a mixture have no temperature; leave it out"
        )
    return value
