"""Decoupled training of any Keras model by synthetic gradients; nothing here imports TensorFlow before it is asked for."""

import importlib
from typing import TYPE_CHECKING

__all__ = ["DecoupledModel", "Decoupling", "conv", "linear", "mlp", "split_model"]
_MODULES = {"DecoupledModel": "model", "Decoupling": "config", "split_model": "split"}

if TYPE_CHECKING:
    from igr_suite.decoupling.config import Decoupling
    from igr_suite.decoupling.model import DecoupledModel
    from igr_suite.decoupling.split import split_model
    from igr_suite.decoupling.synthetic_gradient import conv, linear, mlp


def __getattr__(name: str):
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES.get(name, 'synthetic_gradient')}"), name)
