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


def check_at_least(part: Any, group: str, **least: int) -> None:
    """Raises UserError for a field that is given and less than its least value; arguments as in `check_positive`, with
    field -> least value."""
    for field, smallest in least.items():
        value = getattr(part, field)
        if value is not None and value < smallest:
            raise UserError(f"{_path(group, field)} must be at least {smallest}, got {value}")


def _path(group: str, field: str) -> str:
    return f"{group}.{field}" if group else field
