"""Estimators of the gradient of E[f(b)] for discrete b, one idea a file; every file of this folder is imported, so a
new estimator registers itself."""

import importlib
import pkgutil

from igr_suite.estimators.base import Estimate, Estimator, Facts, get, register, registered

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["Estimate", "Estimator", "Facts", "get", "register", "registered"]
