"""Importance-weighted objectives and their gradients; `names` does not import TensorFlow, all else does, when it is
first asked for."""

import importlib
from typing import TYPE_CHECKING

__all__ = ["LeafGradients", "Objective", "Sampled", "build", "leaf_gradients"]
_MODULES = {"build": "registry", "Objective": "base"}

if TYPE_CHECKING:
    from igr_suite.objectives.base import Objective
    from igr_suite.objectives.leaf import LeafGradients, Sampled, leaf_gradients
    from igr_suite.objectives.registry import build


def __getattr__(name: str):
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES.get(name, 'leaf')}"), name)
