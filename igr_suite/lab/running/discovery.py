"""Finds reproductions: every `reproductions/<paper>/<item>/run.py` that defines EXPERIMENT, and the plot.py beside
it."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from igr_suite.errors import UserError, nearest
from igr_suite.extras import missing
from igr_suite.lab.running.experiment import Experiment
from igr_suite.lab.running.places import reproductions_root


def names() -> list[str]:
    """Returns the names of all reproductions, sorted: ['igr/table_1_vae_likelihood', ...]."""
    return sorted(f"{path.parent.parent.name}/{path.parent.name}" for path in reproductions_root().glob("*/*/run.py"))


def find(name: str) -> Experiment:
    """Returns the experiment of that name.

    Raises:
      UserError: there is no such experiment (the nearest is named), or its run.py defines no EXPERIMENT.
    """
    known = names()
    if not known:
        way_out = "run igr inside a checkout or set IGR_REPRODUCTIONS to its reproductions folder"
        raise UserError(f"no reproductions in {reproductions_root()}; {way_out}")
    name = name.strip("/").removeprefix("reproductions/")
    if name not in known:
        raise UserError(f"unknown experiment '{name}': {nearest(name, known)}")
    experiment = getattr(_load(name, "run.py"), "EXPERIMENT", None)
    if not isinstance(experiment, Experiment):
        raise UserError(f"{folder_of(name) / 'run.py'} defines no EXPERIMENT = Experiment(...)")
    if experiment.name != name:
        raise UserError(
            f"{folder_of(name) / 'run.py'} names itself {experiment.name}; paper and item must be its folders, {name}"
        )
    return experiment


def folder_of(name: str) -> Path:
    """Returns reproductions/<paper>/<item>."""
    return reproductions_root() / name


def plot_module(name: str) -> ModuleType | None:
    """Returns the loaded plot.py of a reproduction, None when it has none."""
    return _load(name, "plot.py") if (folder_of(name) / "plot.py").exists() else None


def with_hypotheses() -> list[str]:
    """Returns the papers that have a hypotheses.py, sorted."""
    return sorted(path.parent.name for path in reproductions_root().glob("*/hypotheses.py"))


def hypotheses_module(paper: str) -> ModuleType:
    """Returns the loaded reproductions/<paper>/hypotheses.py.

    Raises:
      UserError: the paper has none; the nearest paper that has one is named.
    """
    known = with_hypotheses()
    if paper not in known:
        raise UserError(f"no hypotheses.py in {folder_of(paper)}: {nearest(paper, known)}")
    return _load(paper, "hypotheses.py")


def _load(name: str, file: str) -> ModuleType:
    path = folder_of(name) / file
    module_name = ".".join(("reproductions", *name.split("/"), path.stem))
    loaded = sys.modules.get(module_name)
    if loaded is not None and getattr(loaded, "__file__", None) == str(path):
        return loaded
    spec = importlib.util.spec_from_file_location(module_name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except (ImportError, UnicodeError) as error:  # matplotlib refuses a matplotlibrc that is not UTF-8
        sys.modules.pop(module_name, None)
        reason = missing(error) if isinstance(error, ImportError) else ""
        raise UserError(reason or f"{path} cannot be loaded: {error}") from error
    except BaseException:
        sys.modules.pop(module_name, None)
        raise
    return module
