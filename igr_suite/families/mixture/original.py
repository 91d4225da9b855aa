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

from igr_suite.lab.runs import translator
from igr_suite.lab.runs.translator import Key

KEYS: translator.Keys = {
    "dataset_name": Key(str, "data.name"),
    "model_type": Key(str, "model.name"),
    "architecture": Key(str, "model.architecture"),
    "n_required": Key(int, "model.components"),
    "num_of_discrete_var": Key(int, "model.dimensions"),
    "threshold": Key(float, "model.threshold"),
    "stick_the_landing": Key(bool, "model.stick_the_landing"),
    "learning_rate": Key(float, "optimiser.learning_rate"),
    "batch_n": Key(int, "schedule.batch_size"),
    "epochs": Key(int, "schedule.epochs"),
    "sample_size": Key(int, "schedule.samples"),
    "check_every": Key(int, "schedule.evaluate_every"),
    "sample_size_testing": Key(int, "evaluation.importance_samples"),
    "temp": Key(float, must=lambda config: ((1.0,), "the sticks of a mixture have no temperature")),
}


def translate(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings of a `TrainMixture` with the original's keys replaced by ours; see `translator.translate`.

    Raises:
      UserError: a temperature other than 1, or a value that another key contradicts.
    """
    translator.check_implied(settings, KEYS)
    return translator.translate(settings, KEYS)
