"""Public models for Keras users."""

import importlib

__all__ = ["VAE", "DecoupledModel", "split_model"]
_MODULES = {"VAE": "vae"}


def __getattr__(name: str):
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES.get(name, 'decoupled')}"), name)
