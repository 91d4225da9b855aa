"""The classes of run configs that config.json files may name: those of the package, and those that own code has defined in this process.

A results folder may come from anywhere, so nothing is ever imported because a file in it says so: `class_of` looks a name up, and what is
imported stands in `PACKAGE`. Classes of own experiments are known once their run.py has been loaded, by its name on the command line; a
worker is told by the process that starts it which modules to import first (the variable `DEFINES`).
"""

import importlib
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from igr_suite.errors import UserError

if TYPE_CHECKING:
    from igr_suite.lab.runs.config import RunConfig

# Class -> the module that defines it. In config.json a module of the package may be one of an earlier version: its class's name decides.
PACKAGE = {
    "EstimatorCost": "igr_suite.studies.comparison.config",
    "EstimatorVariance": "igr_suite.studies.comparison.config",
    "FitDiscrete": "igr_suite.studies.fits.config",
    "LinearGaussianGradients": "igr_suite.studies.linear_gaussian.config",
    "PosteriorDistance": "igr_suite.families.vae.posterior_config",
    "SimplexProximity": "igr_suite.studies.simplex.config",
    "ToyRun": "igr_suite.studies.toy.config",
    "TrainCopyRNN": "igr_suite.families.dni.copy_rnn_config",
    "TrainDNI": "igr_suite.families.dni.config",
    "TrainDReG": "igr_suite.families.iwae.config",
    "TrainHalfMNIST": "igr_suite.families.half_mnist.config",
    "TrainMixture": "igr_suite.families.mixture.config",
    "TrainRelax": "igr_suite.families.hard_vae.config",
    "TrainSBN": "igr_suite.families.sbn.config",
    "TrainStructured": "igr_suite.families.structured.config",
    "TrainVAE": "igr_suite.families.vae.config",
}
DEFINES = "IGR_DEFINES"  # modules that define the configs of own experiments, separated by commas; set by who starts a worker

_known: dict[tuple[str, str], type["RunConfig"]] = {}


class UnknownClass(UserError):
    """A config.json names a class that nothing loaded here defines; its run may be of somebody's own experiment."""


def register(cls: type["RunConfig"]) -> None:
    """Makes a class known under its module and name; `RunConfig` does it for every subclass."""
    _known[cls.__module__, cls.__name__] = cls


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
        if kind not in PACKAGE:
            way_out = "check the version out that wrote it, or delete the run's folder"
            raise UnknownClass(f"igr_suite has no run config '{kind}'; {way_out}")
        importlib.import_module(PACKAGE[kind])
        return _known[PACKAGE[kind], kind]
    way_out = "name the experiment whose run.py defines it, or delete the run's folder; nothing is imported because a file names it"
    raise UnknownClass(f"no experiment here has the run config '{kind}' of {module}; {way_out}")


def own_modules(configs: Iterable["RunConfig"]) -> str:
    """Returns the value of `DEFINES` for workers that are to read these configs: the modules of classes that are not the package's."""
    classes = {type(config) for config in configs}
    return ",".join(sorted({cls.__module__ for cls in classes if PACKAGE.get(cls.__name__) != cls.__module__}))


def import_own() -> None:
    """Imports the modules that `DEFINES` names; a run.py is found where `igr run` finds it, other modules along Python's path.

    Raises:
      UserError: one of them cannot be imported.
    """
    for module in filter(None, os.environ.get(DEFINES, "").split(",")):
        try:
            match module.split("."):
                case ["reproductions", paper, item, "run"]:
                    from igr_suite.lab.running import discovery

                    discovery.find(f"{paper}/{item}")
                case _:
                    importlib.import_module(module)
        except ImportError as error:
            raise UserError(f"{module}, which defines the run's config, cannot be imported: {error}") from error
