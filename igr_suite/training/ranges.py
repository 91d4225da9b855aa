"""Ranges of the numbers in a run config (never imports TensorFlow)."""

from typing import Any

from igr_suite.errors import UserError


def check_positive(part: Any, group: str, *fields: str) -> None:
    """Raises UserError for a field that is given and not positive.

    Args:
      part: a run config or a part of one.
      group: dotted path of the part; "" for the run config itself.
      *fields: names of the fields.
    """
    for field in fields:
        value = getattr(part, field)
        if value is not None and not value > 0:
            raise UserError(f"{_path(group, field)} must be positive, got {value}")


def check_not_negative(part: Any, group: str, *fields: str) -> None:
    """Raises UserError for a field that is given and negative; arguments as in `check_positive`."""
    for field in fields:
        value = getattr(part, field)
        if value is not None and not value >= 0:
            raise UserError(f"{_path(group, field)} must not be negative, got {value}")


def check_decays(part: Any, group: str, *fields: str) -> None:
    """Raises UserError for a field that is given and not at least 0 and less than 1, as the decay of an average has to
    be; arguments as in `check_positive`."""
    for field in fields:
        value = getattr(part, field)
        if value is not None and not 0 <= value < 1:
            raise UserError(f"{_path(group, field)} must be at least 0 and less than 1, got {value}")


def check_adam(part: Any) -> None:
    """Raises UserError for decays or an epsilon of the group `optimiser` with which Adam divides by zero or by negative
    numbers."""
    check_decays(part, "optimiser", "beta_1", "beta_2")
    check_positive(part, "optimiser", "epsilon")


def check_limits(part: Any) -> None:
    """Raises UserError for a number of images to keep, of the group `data`, that keeps none."""
    check_at_least(part, "data", train_limit=1, evaluation_limit=1)


def check_at_least(part: Any, group: str, **least: int) -> None:
    """Raises UserError for a field that is given and less than its least value; arguments as in `check_positive`, with
    field -> least value."""
    for field, smallest in least.items():
        value = getattr(part, field)
        if value is not None and value < smallest:
            raise UserError(f"{_path(group, field)} must be at least {smallest}, got {value}")


def _path(group: str, field: str) -> str:
    return f"{group}.{field}" if group else field
