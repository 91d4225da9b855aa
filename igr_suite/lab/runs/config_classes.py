"""The classes of run configs that config.json files may name: those of the package, and those that a user's code has
defined in this process.

A results folder may come from anywhere, so nothing is ever imported because a file in it says so: `class_of` looks a
name up among the classes of the package's config modules. Classes of a user's experiments are registered when their
run.py is loaded, which happens because the command line names it; the process that starts a worker lists the modules
to import first in the environment variable `DEFINES`.
"""

import functools
import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import igr_suite
from igr_suite.errors import UserError

if TYPE_CHECKING:
    from igr_suite.lab.runs.config import RunConfig

# environment variable: the modules that define the configs of a user's experiments, separated by commas
DEFINES = "IGR_DEFINES"

_known: dict[tuple[str, str], type["RunConfig"]] = {}
_of_package: dict[str, type["RunConfig"]] = {}  # those that can be run; names of classes are unique in the package


class UnknownClass(UserError):
    """A config.json names a class that no loaded code defines; its run may belong to somebody's own experiment."""


def register(cls: type["RunConfig"]) -> None:
    """Registers a class under its module and name; `RunConfig` calls this for every subclass."""
    _known[cls.__module__, cls.__name__] = cls
    if cls.executor and cls.__module__.startswith("igr_suite."):
        _of_package[cls.__name__] = cls


def class_of(kind: str, module: str) -> type["RunConfig"]:
    """Returns the class that a config.json names.

    Args:
      kind: the name of the class.
      module: its module, which is never imported; for a class of the package only `kind` counts.
    Raises:
      UnknownClass: neither the package nor other loaded code has such a class.
    """
    if (module, kind) in _known:
        return _known[module, kind]
    if module.partition(".")[0] == "igr_suite":
        if kind in _of_package:
            return _of_package[kind]
        if kind not in package_classes():
            way_out = "check the version out that wrote it, or delete the run's folder"
            raise UnknownClass(f"igr_suite has no run config '{kind}'; {way_out}")
        return package_classes()[kind]
    way_out = (
        "name the experiment whose run.py defines it, or delete the run's folder; nothing is imported because a "
        "file names it"
    )
    raise UnknownClass(f"no experiment here has the run config '{kind}' of {module}; {way_out}")


@functools.cache
def package_classes() -> dict[str, type["RunConfig"]]:
    """Returns name -> class of the package's run configs, which lie in the modules `config` and `*_config` of families
    and studies."""
    for room in ("families", "studies"):
        place = Path(igr_suite.__file__).parent / room
        for path in sorted((*place.glob("*/config.py"), *place.glob("*/*_config.py"))):
            importlib.import_module(f"igr_suite.{room}.{path.parent.name}.{path.stem}")
    return dict(_of_package)


def own_modules(configs: Iterable["RunConfig"]) -> str:
    """Returns the value of `DEFINES` for workers that read these configs: the modules of classes from outside the
    package."""
    return ",".join(
        sorted(
            {
                module
                for module in (type(config).__module__ for config in configs)
                if not module.startswith("igr_suite.")
            }
        )
    )
