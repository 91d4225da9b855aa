"""Checks of settings that estimators share."""

import math
from dataclasses import fields
from typing import Literal, get_args, get_origin

from igr_suite.checks import is_whole, number
from igr_suite.errors import UserError, nearest


def check_temperature(temperature: float) -> None:
    """Raises UserError unless the temperature is a positive, finite number."""
    if not 0.0 < number(temperature) < math.inf:
        raise UserError(f"temperature must be positive, got {temperature} (0.1 to 1 is usual)")


def check_samples(estimator: str, samples: int, thing: str = "samples", least: int = 2) -> None:
    """Raises UserError unless there are at least `least` samples; leave-one-out estimators need two."""
    if not is_whole(samples, least):
        reason = ": each is compared with the others" if least == 2 else ""
        raise UserError(f"{estimator} needs at least {least} {thing}, got {samples}{reason}")


def check_fraction(owner: str, value: float) -> None:
    """Raises UserError unless a number lies between 0 and 1, both included; `owner` names the setting."""
    if not 0.0 <= number(value) <= 1.0:
        raise UserError(f"{owner} must lie between 0 and 1, got {value}")


def check_choices(estimator) -> None:
    """Raises UserError unless every setting that has a list of choices is one of these."""
    for setting in fields(estimator):
        value = getattr(estimator, setting.name)
        if get_origin(setting.type) is Literal and value not in get_args(setting.type):
            raise UserError(
                f"{estimator.facts.name}: unknown {setting.name} '{value}': "
                f"{nearest(str(value), get_args(setting.type))}"
            )
