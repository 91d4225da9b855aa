"""Gradient estimation for latent-variable models in TensorFlow 2 and Keras 3.

    import igr_suite

    estimator = igr_suite.estimators.get("disarm")
    frame = igr_suite.sweep(igr_suite.presets.vae("GS_Dis", epochs=1), {"model.temperature": (0.3, 0.7)})

Modules for one's own models:
  data: data sets as uint8 arrays in memory.
  decoupling: synthetic gradients for any Keras model.
  estimators: gradients of E[f(b)] for discrete b.
  layers, models: Keras layers and models over all of these.
  objectives: K-sample objectives as rules from log-weights to gradients.
  relaxations: continuous distributions on the simplex near a discrete one.

Names for experiments:
  presets: run configs to start from.
  run(config): one run, in a process of its own; returns its record, a `FinishedRun`.
  sweep(config, {path: values}): a run at every point of a grid; returns a data frame.
  load_run(folder): the networks of a finished run.

errors.UserError, which is UserError too, says in a sentence what was wrong with an input and the way out.

Importing this package imports neither TensorFlow nor anything else that is slow: each name is imported when it is first
asked for.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_MODULES = (
    "data",
    "decoupling",
    "errors",
    "estimators",
    "layers",
    "models",
    "objectives",
    "presets",
    "relaxations",
)
_NAMES = {
    "FinishedRun": "igr_suite.lab.calls",
    "UserError": "igr_suite.errors",
    "load_run": "igr_suite.training.loading",
    "run": "igr_suite.lab.calls",
    "sweep": "igr_suite.lab.calls",
}

__all__ = [
    "FinishedRun",
    "UserError",
    "data",
    "decoupling",
    "errors",
    "estimators",
    "layers",
    "load_run",
    "models",
    "objectives",
    "presets",
    "relaxations",
    "run",
    "sweep",
]

if TYPE_CHECKING:
    from igr_suite import data, decoupling, errors, estimators, layers, models, objectives, presets, relaxations
    from igr_suite.errors import UserError
    from igr_suite.lab.calls import FinishedRun, run, sweep
    from igr_suite.training.loading import load_run


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"igr_suite.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'igr_suite' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
