"""The estimator of a run config: its name, its settings, its costs (never imports TensorFlow before a run starts).

A config has the fields `estimator`, a registered name or "my_package.my_file:MyEstimator", and `estimator_options`, a
tuple of "name=value" that `--set model.options.name=value` fills.
"""

import importlib
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from igr_suite.errors import UserError, nearest
from igr_suite.estimators.names import KNOWN
from igr_suite.lab.runs import values
from igr_suite.lab.runs.config import added_later
from igr_suite.lab.runs.quiet import quiet
from igr_suite.training.config_parts import TrainingRun
from igr_suite.training.ranges import check_not_negative

NAME = re.compile(r"[A-Za-z_]\w*(?:(?:\.\w+)*:[A-Za-z_]\w*)?")  # name, or module:Class
GIVEN = "options"  # of the path that sets one option
PATH = "model.estimator"


@dataclass(frozen=True, kw_only=True)
class EstimationConfig:
    """How a model trains a registered estimator's own parameters, and its generator with the estimator's samples. None
    stands for the family's default, which `EstimatedRun.estimation_defaults` holds."""

    baseline: Literal["zero", "constant", "network"] | None = None
    """What the baseline of an estimator is that has one: 0, one trained number, or a network that reads the image."""
    shared_baseline: bool = False
    """Whether all layers have one baseline, in place of one each."""
    variance_of: Literal["logits", "weights"] | None = None
    """Gradient whose variance trains the parameters of an estimator that has no loss of its own."""
    eta: Literal["estimator", "weights"] | None = None
    """What has a scale of the control variate of its own: what the estimator's options say, or each tensor of the
    inference network's weights (with `variance_of` "weights")."""
    generator_samples: Literal["all", "own"] | None = None
    """Samples that train the generator: all of the estimator's, or those of one chain."""
    net_decay: float = 0.0
    """Weight decay of the kernels of a network among the estimator's own parameters."""
    warmup_steps: int = 0
    """Number of first steps in which the estimator's own parameters are trained alone."""

    def __post_init__(self):
        check_not_negative(self, "estimation", "net_decay", "warmup_steps")
        if self.eta == "weights" and self.variance_of not in (None, "weights"):
            raise UserError("estimation.eta=weights needs estimation.variance_of=weights, which its scales minimise")

    def resolved(self, defaults: Mapping[str, Any]) -> "EstimationConfig":
        """Returns the settings with the family's values in place of None."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return EstimationConfig(
            **{name: defaults.get(name) if value is None else value for name, value in given.items()}
        )


# What most families take where nothing is given.
ESTIMATION = {"baseline": "network", "variance_of": "logits", "eta": "estimator", "generator_samples": "all"}
DEFAULT_ESTIMATION = EstimationConfig().resolved(ESTIMATION)


@dataclass(frozen=True, kw_only=True)
class EstimatedRun(TrainingRun):
    """A run whose model takes any registered estimator; its `model` has the fields `estimator` and `estimator_options`,
    `support`, the kind of its variables, and `general`, whether the estimator is taken from the registry."""

    estimation: EstimationConfig = added_later(EstimationConfig())
    """How a registered estimator's own parameters are trained."""

    @property
    def estimation_defaults(self) -> Mapping[str, Any]:
        """What None stands for in `estimation`."""
        return ESTIMATION

    @property
    def resolved_estimation(self) -> EstimationConfig:
        """The settings of `estimation`, with the family's defaults in place of None."""
        return self.estimation.resolved(self.estimation_defaults)

    def check_own(self, estimator: Any) -> None:
        """Raises UserError for settings of own parameters that an estimator does not have."""
        check_estimation(self.estimation, estimator)

    def translate(self, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        return gather_options(settings, self.model.estimator_options)

    def check_inputs(self, data_dir: str | None) -> None:
        super().check_inputs(data_dir)
        if self.model.general:
            estimator = build_estimator(self.model.estimator, self.model.estimator_options, self.model.support)
            self.check_own(estimator)
        elif self.estimation != EstimationConfig():
            raise UserError(
                f"the group estimation is not read with model.estimator={self.model.estimator}, which has settings of its "
                f"own in the group model; leave estimation out"
            )


def gather_options(settings: Mapping[str, Any], present: Sequence[str], path: str = PATH) -> dict[str, Any]:
    """Returns `--set` values with `model.options.samples=4` turned into a value of `model.estimator_options`.

    Args:
      settings: dotted path -> value.
      present: the options of the config that is changed; another estimator begins without any.
      path: of the setting that names the estimator.
    """
    prefix, options = f"{_options_of(path)}.", f"{path}_options"
    given = {key.removeprefix(prefix): value for key, value in settings.items() if key.startswith(prefix)}
    if not given and path not in settings:
        return dict(settings)
    kept = {} if path in settings else dict(option.partition("=")[::2] for option in present)
    rest = {key: value for key, value in settings.items() if not key.startswith(prefix)}
    if not given and options in rest:
        return rest
    merged = kept | {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in given.items()
    }
    return rest | {options: tuple(f"{name}={value}" for name, value in sorted(merged.items()))}


def check_estimator(name: str, options: Sequence[str], support: str, path: str = PATH) -> None:
    """Checks what can be known without TensorFlow.

    Args:
      name: of the estimator.
      options: "name=value" each.
      support: the kind of variables that the model has.
      path: of the setting that names the estimator.
    Raises:
      UserError: the name cannot be one, the estimator is not for such variables, or it has no such option.
    """
    if not NAME.fullmatch(name):
        raise UserError(
            f"{path}={name} is not a name; take a registered estimator, such as "
            f"{', '.join(list(KNOWN)[:3])}, or my_package.my_file:MyEstimator"
        )
    for option in options:
        if not re.fullmatch(r"\w+=.+", option):
            raise UserError(f"{path}_options holds name=value, got '{option}'; set {_options_of(path)}.NAME=VALUE")
    if name not in KNOWN:
        if ":" not in name and not _in_a_new_file(name):
            raise UserError(f"unknown {path} '{name}': {nearest(name, list(KNOWN))}")
        return
    known = KNOWN[name]
    if support not in known.support:
        raise UserError(f"{path}={name} is for {' or '.join(known.support)} variables, not for {support} ones")
    for option in options:
        key, _, value = option.partition("=")
        if key not in known.settings:
            way_out = nearest(key, list(known.settings)) if known.settings else "it has none"
            raise UserError(f"{name} has no option '{key}': {way_out}")
        _parsed(known.settings[key], value, f"{_options_of(path)}.{key}")


def build_estimator(name: str, options: Sequence[str], support: str, path: str = PATH) -> Any:
    """Returns the estimator, `estimators.Estimator`; imports TensorFlow.

    Arguments as in `check_estimator`.

    Raises:
      UserError: nothing of the name is registered or can be imported, an option that it does not have or refuses, or an
        estimator that is not for such variables.
    """
    with quiet():
        from igr_suite.estimators.base import Estimator, get, registered

    cls = _imported(name, path) if ":" in name else registered().get(name)
    if cls is None:
        raise UserError(f"unknown {path} '{name}': {nearest(name, list(registered()))}")
    if not (isinstance(cls, type) and issubclass(cls, Estimator) and hasattr(cls, "facts")):
        raise UserError(f"{path}={name} is not a subclass of igr_suite.estimators.Estimator with facts")
    if support not in cls.facts.support:
        raise UserError(f"{path}={name} is for {' or '.join(cls.facts.support)} variables, not for {support} ones")
    kinds = values.field_types(cls)
    settings = {}
    for option in options:
        key, _, text = option.partition("=")
        if key not in kinds:
            way_out = nearest(key, list(kinds)) if kinds else "it has none"
            raise UserError(f"{cls.facts.name} has no option '{key}': {way_out}")
        settings[key] = values.parse(text, kinds[key], f"{_options_of(path)}.{key}")
    return cls(**settings) if ":" in name else get(name, **settings)


def check_estimation(estimation: EstimationConfig, estimator: Any, group: str = "estimation") -> None:
    """Checks that an estimator has the own parameters whose training is set.

    Args:
      estimation: as given.
      estimator: `estimators.Estimator`.
      group: of the config that has the settings.
    Raises:
      UserError: it has no such parameters.
    """
    own, name = estimator.facts.parameters, estimator.facts.name
    needs = {
        "baseline": (estimation.baseline not in (None, "zero"), "baseline" in own, "no baseline"),
        "shared_baseline": (estimation.shared_baseline, "baseline" in own, "no baseline"),
        "eta": (estimation.eta == "weights", "eta" in own, "no control variate whose scale is trained"),
        "net_decay": (estimation.net_decay > 0, "net" in own, "no network among its own parameters"),
        "warmup_steps": (estimation.warmup_steps > 0, bool(own), "no parameters of its own"),
    }
    for key, (given, has, missing) in needs.items():
        if given and not has:
            raise UserError(
                f"{group}.{key}={getattr(estimation, key)} is not used by {name}, which has {missing}; leave it out"
            )


def evaluations(name: str, options: Sequence[str], layers: int, shape: Sequence[int]) -> int | None:
    """Returns the evaluations of the bound for one gradient of one example; None where an estimator from outside does
    not say them to a config. `shape` is that of one example's logits in each layer."""
    if name not in KNOWN:
        return None
    known = KNOWN[name]
    given = dict(option.partition("=")[::2] for option in options)
    settings = {key: _parsed(known.settings[key], text, key) for key, text in given.items()}
    return known.evaluations(layers, settings, shape)


def _parsed(default: Any, text: str, path: str) -> Any:
    """The value of an option, in its default's type; one whose default is a float stays a text here, because words may
    stand for numbers there, such as a baseline's."""
    return values.parse(text, type(default), path) if isinstance(default, (int, str)) else text


def slug_of(name: str, options: Sequence[str]) -> str:
    """Returns the readable part of a run's name: "rloo-samples4"."""
    return "-".join([name.rpartition(":")[2], *(option.replace("=", "") for option in options)])


def _in_a_new_file(name: str) -> bool:
    """Whether a file of `igr_suite/estimators` names such an estimator; the registry would need TensorFlow."""
    files = (Path(__file__).resolve().parents[1] / "estimators").glob("*.py")
    return any(f'name="{name}"' in file.read_text(encoding="utf-8") for file in files)


def _options_of(path: str) -> str:
    """The path below which `--set` takes single options of the estimator that a setting names."""
    return path.rpartition(".")[0] + f".{GIVEN}"


def _imported(name: str, path: str) -> Any:
    module, _, attribute = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:  # the command `igr` does not look there by itself
        sys.path.append(here)
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise UserError(
            f"{path}={name}: there is no module {error.name}; start where it lies, or name its folder in PYTHONPATH"
        ) from error
    except AttributeError as error:
        raise UserError(f"{path}={name}: {module} has no {attribute}") from error
