"""Public models for Keras users."""

import importlib
from typing import TYPE_CHECKING

__all__ = ["VAE", "DecoupledModel", "split_model"]
_MODULES = {"VAE": "vae"}

if TYPE_CHECKING:
    from igr_suite.models.decoupled import DecoupledModel, split_model
    from igr_suite.models.vae import VAE


def __getattr__(name: str):
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES.get(name, 'decoupled')}"), name)
