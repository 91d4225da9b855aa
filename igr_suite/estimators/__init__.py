"""Estimators of the gradient of E[f(b)] for discrete b, one idea a file; every file of this folder is imported, so a
new estimator registers itself. `names` does not import TensorFlow; all else does, when it is first asked for."""

import importlib
from typing import TYPE_CHECKING

__all__ = ["Estimate", "Estimator", "Facts", "get", "register", "registered"]

if TYPE_CHECKING:
    from igr_suite.estimators.base import Estimate, Estimator, Facts, get, register, registered


def __getattr__(name: str):
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.base"), name)
