"""The classes of run configs that config.json files may name: those of the package, and those that own code has defined
in this process.

A results folder may come from anywhere, so nothing is ever imported because a file in it says so: `class_of` looks a
name up among the classes of the package's own config modules. Classes of own experiments are known once their run.py
has been loaded, by its name on the command line; the process that starts a worker says which modules it is to import
first (the variable `DEFINES`).
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

# modules that define the configs of own experiments, separated by commas; set by who starts a worker
DEFINES = "IGR_DEFINES"

_known: dict[tuple[str, str], type["RunConfig"]] = {}
_of_package: dict[str, type["RunConfig"]] = {}  # those that can be run; names of classes are unique in the package


class UnknownClass(UserError):
    """A config.json names a class that nothing loaded here defines; its run may be of somebody's own experiment."""


def register(cls: type["RunConfig"]) -> None:
    """Makes a class known under its module and name; `RunConfig` does it for every subclass."""
    _known[cls.__module__, cls.__name__] = cls
    if cls.executor and cls.__module__.startswith("igr_suite."):
        _of_package[cls.__name__] = cls


def class_of(kind: str, module: str) -> type["RunConfig"]:
    """Returns the class that a config.json names.

    Args:
      kind: name of the class.
      module: its module. Of a name inside the package only `kind` counts; the module is never imported.
    Raises:
      UnknownClass: the package has no such class, and no own code that was loaded does.
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
    """Name -> class of the package's run configs: those of the modules `config` and `*_config` of all families and
    studies."""
    for room in ("families", "studies"):
        place = Path(igr_suite.__file__).parent / room
        for path in sorted((*place.glob("*/config.py"), *place.glob("*/*_config.py"))):
            importlib.import_module(f"igr_suite.{room}.{path.parent.name}.{path.stem}")
    return dict(_of_package)


def own_modules(configs: Iterable["RunConfig"]) -> str:
    """Returns the value of `DEFINES` for workers that are to read these configs: the modules of classes that are not
    the package's."""
    return ",".join(
        sorted(
            {
                module
                for module in (type(config).__module__ for config in configs)
                if not module.startswith("igr_suite.")
            }
        )
    )
