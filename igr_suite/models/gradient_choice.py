"""The gradient of a VAE: an estimator, a relaxation or an objective, by name or object, and back to a name."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Literal, NamedTuple

from igr_suite.checks import check_count
from igr_suite.errors import UserError, nearest
from igr_suite.estimators import Estimator, get, registered
from igr_suite.objectives import Objective, build
from igr_suite.objectives.names import NAMES as OBJECTIVES
from igr_suite.relaxations import RELAXATIONS, Relaxation

Latent = Literal["bernoulli", "categorical", "gaussian"]
LATENTS = ("bernoulli", "categorical", "gaussian")


class Choice(NamedTuple):
    """What trains a VAE.

    Attributes:
      gradient: an estimator, a class of relaxations, or an objective.
      options: of a relaxation's constructor; those of the others are in the object.
      samples: of each example; None where the estimator says how many.
    """

    gradient: Estimator | type[Relaxation] | Objective
    options: dict[str, object]
    samples: int | None


def choose(latent: Latent, gradient, options: Mapping[str, object], samples: int | None) -> Choice:
    """Returns the gradient for these latents.

    Args:
      latent: kind of the variables.
      gradient: a registered name; or an estimator, an objective, or a class of relaxations.
      options: settings of what a name stands for, or of a relaxation's constructor.
      samples: of each example; None for the default of what is chosen.
    Raises:
      UserError: a name that is not known, or does not go with these latents; options beside an object that has its own;
        a number of samples that the estimator does not have.
    """
    if samples is not None:
        check_count("samples", samples)
    if latent == "gaussian":
        objective = _objective(gradient, options)
        return Choice(objective, {}, samples or objective.minimum_samples)
    if isinstance(gradient, type) and issubclass(gradient, Relaxation):
        return _relaxation(latent, gradient, gradient.__name__, options, samples)
    if isinstance(gradient, str) and gradient in RELAXATIONS:
        return _relaxation(latent, RELAXATIONS[gradient], gradient, options, samples)
    return _estimator(latent, gradient, options, samples)


def _objective(gradient, options: Mapping[str, object]) -> Objective:
    if isinstance(gradient, Objective):
        _require_none(options, gradient.facts.name)
        return gradient
    if isinstance(gradient, str) and gradient in OBJECTIVES:
        return build(gradient, **options)
    way_out = nearest(gradient, OBJECTIVES) if isinstance(gradient, str) else f"known: {', '.join(OBJECTIVES)}"
    raise UserError(f"gaussian latents are trained by an objective, got gradient={gradient!r}: {way_out}")


def _relaxation(latent: str, cls: type[Relaxation], name: str, options: Mapping[str, object], samples: int | None):
    if latent != "categorical":
        raise UserError(
            f"the relaxation {name} is for categorical variables; take latent='categorical' with categories=2, or "
            "gradient='concrete'"
        )
    return Choice(cls, dict(options), samples or 1)


def _estimator(latent: str, gradient, options: Mapping[str, object], samples: int | None) -> Choice:
    if isinstance(gradient, Estimator):
        _require_none(options, gradient.facts.name)
        estimator = gradient
    elif isinstance(gradient, str) and gradient in registered():
        settings = fields(registered()[gradient])  # type: ignore[arg-type]  # every registered class is a dataclass
        takes_samples = "samples" in [setting.name for setting in settings]
        number = {} if samples is None or not takes_samples else {"samples": samples}
        estimator = get(gradient, **{**options, **number})
    else:
        known = [*registered(latent), *(RELAXATIONS if latent == "categorical" else ())]
        way_out = nearest(gradient, known) if isinstance(gradient, str) else f"known: {', '.join(known)}"
        raise UserError(f"no gradient {gradient!r} for {latent} latents: {way_out}")
    if latent not in estimator.facts.support:
        raise UserError(
            f"{estimator.facts.name} is for {' or '.join(estimator.facts.support)} variables, not for {latent} ones; "
            f"for these: {', '.join(registered(latent))}"
        )
    if samples is not None and samples != getattr(estimator, "samples", 1):
        raise UserError(
            f"samples={samples}, but {estimator.facts.name} takes {getattr(estimator, 'samples', 1)}; set the number "
            "in the estimator, or leave samples out"
        )
    return Choice(estimator, {}, None)


def _require_none(options: Mapping[str, object], name: str) -> None:
    if options:
        raise UserError(f"options={dict(options)} are for a gradient given by its name; set them in the object, {name}")


def described(choice: Choice) -> dict[str, object]:
    """Returns the arguments `gradient` and `options` that give the choice again, for a file.

    Raises:
      UserError: a file cannot hold it: a class without a registered name, or a setting that is not a JSON value.
    """
    gradient = choice.gradient
    if isinstance(gradient, type):
        names = [name for name, cls in RELAXATIONS.items() if cls is gradient]
        name, options = names[0] if names else "", choice.options
    elif isinstance(gradient, Objective):
        name, options = gradient.facts.name, gradient.options
    else:
        known = registered().get(gradient.facts.name)
        name = gradient.facts.name if known is type(gradient) else ""
        options = {
            setting.name: getattr(gradient, setting.name)
            for setting in fields(gradient)  # type: ignore[arg-type]
            if getattr(gradient, setting.name) != _default(setting)
        }
    if not name:
        cls = gradient if isinstance(gradient, type) else type(gradient)
        raise UserError(f"{cls.__name__} cannot be saved: it has no registered name (docs/add_an_estimator.md)")
    try:
        json.dumps(options)
    except TypeError as error:
        raise UserError(f"{name} cannot be saved: a setting is not a JSON value ({error})") from error
    return {"gradient": name, "options": options}


def _default(setting):
    if setting.default is not MISSING:
        return setting.default
    return setting.default_factory() if setting.default_factory is not MISSING else MISSING
