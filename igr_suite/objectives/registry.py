"""All objectives by name; every file of the folder is imported, so a new one registers itself."""

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

import igr_suite.objectives as package
from igr_suite.objectives.base import Objective, _registry
from igr_suite.objectives.names import resolve

OBJECTIVES: Mapping[str, type[Objective]] = MappingProxyType(_registry)


def build(name: str, **options) -> Objective:
    """Returns an objective with these options and defaults for the others; None means that an option is not given.

    Raises:
      UserError: unknown name, an option that it does not read, or a value outside its range.
    """
    resolved = resolve(name, options)
    return OBJECTIVES[name](**resolved)


for _module in pkgutil.iter_modules(package.__path__):
    if f"{package.__name__}.{_module.name}" != __name__:
        importlib.import_module(f"{package.__name__}.{_module.name}")
