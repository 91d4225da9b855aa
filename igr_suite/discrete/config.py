"""The estimator of a run config: its name, its settings, its costs (never imports TensorFlow before a run starts).

A config has the fields `estimator`, a registered name or "my_package.my_file:MyEstimator", and `estimator_options`, a
tuple of "name=value" that `--set model.options.name=value` fills.
"""

import importlib
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from igr_suite.errors import UserError, nearest
from igr_suite.estimators.names import KNOWN
from igr_suite.lab.runs import values
from igr_suite.lab.runs.quiet import quiet
from igr_suite.training.config_parts import TrainingRun

NAME = re.compile(r"[A-Za-z_]\w*(?:(?:\.\w+)*:[A-Za-z_]\w*)?")  # name, or module:Class
GIVEN = "options."  # of the path that sets one option


@dataclass(frozen=True, kw_only=True)
class EstimatedRun(TrainingRun):
    """A run whose model takes any registered estimator; its `model` has the fields `estimator` and `estimator_options`,
    `support`, the kind of its variables, and `general`, whether the estimator is taken from the registry."""

    def translate(self, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        return gather_options(settings, self.model.estimator_options)

    def check_inputs(self, data_dir: str | None) -> None:
        super().check_inputs(data_dir)
        if self.model.general:
            build_estimator(self.model.estimator, self.model.estimator_options, self.model.support)


def gather_options(settings: Mapping[str, Any], present: Sequence[str], group: str = "model") -> dict[str, Any]:
    """Returns `--set` values with `model.options.samples=4` turned into a value of `model.estimator_options`.

    Args:
      settings: dotted path -> value.
      present: the options of the config that is changed; another estimator begins without any.
      group: of the config that has the estimator.
    """
    prefix, path = f"{group}.{GIVEN}", f"{group}.estimator_options"
    given = {key.removeprefix(prefix): value for key, value in settings.items() if key.startswith(prefix)}
    if not given and f"{group}.estimator" not in settings:
        return dict(settings)
    kept = {} if f"{group}.estimator" in settings else dict(option.partition("=")[::2] for option in present)
    rest = {key: value for key, value in settings.items() if not key.startswith(prefix)}
    if not given and path in rest:
        return rest
    merged = kept | {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in given.items()
    }
    return rest | {path: tuple(f"{name}={value}" for name, value in sorted(merged.items()))}


def check_estimator(name: str, options: Sequence[str], support: str, group: str = "model") -> None:
    """Checks what can be known without TensorFlow.

    Args:
      name: of the estimator.
      options: "name=value" each.
      support: the kind of variables that the model has.
      group: of the config that has the estimator.
    Raises:
      UserError: the name cannot be one, the estimator is not for such variables, or it has no such option.
    """
    if not NAME.fullmatch(name):
        raise UserError(
            f"{group}.estimator={name} is not a name; take a registered estimator, such as "
            f"{', '.join(list(KNOWN)[:3])}, or my_package.my_file:MyEstimator"
        )
    for option in options:
        if not re.fullmatch(r"\w+=.+", option):
            raise UserError(
                f"{group}.estimator_options holds name=value, got '{option}'; set {group}.options.NAME=VALUE"
            )
    if name not in KNOWN:
        if ":" not in name and not _in_a_new_file(name):
            raise UserError(f"unknown {group}.estimator '{name}': {nearest(name, list(KNOWN))}")
        return
    known = KNOWN[name]
    if support not in known.support:
        raise UserError(
            f"{group}.estimator={name} is for {' or '.join(known.support)} variables, not for {support} ones"
        )
    for option in options:
        key, _, value = option.partition("=")
        if key not in known.settings:
            way_out = nearest(key, list(known.settings)) if known.settings else "it has none"
            raise UserError(f"{name} has no option '{key}': {way_out}")
        if isinstance(known.settings[key], (int, str)):
            values.parse(value, type(known.settings[key]), f"{group}.options.{key}")


def build_estimator(name: str, options: Sequence[str], support: str, group: str = "model") -> Any:
    """Returns the estimator, `estimators.Estimator`; imports TensorFlow.

    Arguments as in `check_estimator`.

    Raises:
      UserError: nothing of the name is registered or can be imported, an option that it does not have or refuses, or an
        estimator that is not for such variables.
    """
    with quiet():
        from igr_suite.estimators.base import Estimator, get, registered

    cls = _imported(name, group) if ":" in name else registered().get(name)
    if cls is None:
        raise UserError(f"unknown {group}.estimator '{name}': {nearest(name, list(registered()))}")
    if not (isinstance(cls, type) and issubclass(cls, Estimator) and hasattr(cls, "facts")):
        raise UserError(f"{group}.estimator={name} is not a subclass of igr_suite.estimators.Estimator with facts")
    if support not in cls.facts.support:
        raise UserError(
            f"{group}.estimator={name} is for {' or '.join(cls.facts.support)} variables, not for {support} ones"
        )
    kinds = values.field_types(cls)
    settings = {}
    for option in options:
        key, _, text = option.partition("=")
        if key not in kinds:
            way_out = nearest(key, list(kinds)) if kinds else "it has none"
            raise UserError(f"{cls.facts.name} has no option '{key}': {way_out}")
        settings[key] = values.parse(text, kinds[key], f"{group}.options.{key}")
    return cls(**settings) if ":" in name else get(name, **settings)


def evaluations(name: str, options: Sequence[str], layers: int, shape: Sequence[int]) -> int | None:
    """Returns the evaluations of the bound for one gradient of one example; None where an estimator from outside does
    not say them to a config. `shape` is that of one example's logits in each layer."""
    if name not in KNOWN:
        return None
    known = KNOWN[name]
    given = dict(option.partition("=")[::2] for option in options)
    plain = {key: text for key, text in given.items() if isinstance(known.settings[key], (int, str))}
    settings = {key: values.parse(text, type(known.settings[key]), key) for key, text in plain.items()}
    return known.evaluations(layers, settings, shape)


def slug_of(name: str, options: Sequence[str]) -> str:
    """Returns the readable part of a run's name: "rloo-samples4"."""
    return "-".join([name.rpartition(":")[2], *(option.replace("=", "") for option in options)])


def _in_a_new_file(name: str) -> bool:
    """Whether a file of `igr_suite/estimators` names such an estimator; the registry would need TensorFlow."""
    files = (Path(__file__).resolve().parents[1] / "estimators").glob("*.py")
    return any(f'name="{name}"' in file.read_text(encoding="utf-8") for file in files)


def _imported(name: str, group: str) -> Any:
    module, _, attribute = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:  # the command `igr` does not look there by itself
        sys.path.append(here)
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise UserError(
            f"{group}.estimator={name}: there is no module {error.name}; start where it lies, or name its folder in "
            f"PYTHONPATH"
        ) from error
    except AttributeError as error:
        raise UserError(f"{group}.estimator={name}: {module} has no {attribute}") from error
