"""What a caller may have given where a number is asked for (never imports TensorFlow or Keras)."""

import math
from dataclasses import fields
from numbers import Integral
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from igr_suite.errors import UserError


def number(value) -> float:
    """Returns a real number as a float, and NaN, which no comparison lets pass, for truth values, texts, lists and
    whatever else is none; arrays and tensors without axes are numbers."""
    of_array = getattr(getattr(value, "dtype", None), "name", None)
    if isinstance(value, (bool, str, bytes, type(None))) or of_array == "bool":
        return float("nan")
    try:
        return float("nan") if len(getattr(value, "shape", ())) else float(value)
    except (TypeError, ValueError):
        return float("nan")
    except OverflowError:  # an integer that no float holds
        return float("inf") if value > 0 else float("-inf")


def is_whole(value, least: int | None = None) -> bool:
    """Whether this is an integer, not a truth value, of at least `least`."""
    return isinstance(value, Integral) and not isinstance(value, bool) and (least is None or value >= least)


def check_count(name: str, value, least: int = 1) -> int:
    """Returns the integer; raises UserError for anything else, and for less than `least`."""
    if not is_whole(value, least):
        raise UserError(f"{name} must be an integer of at least {least}, got {value!r}")
    return int(value)


def check_integer(name: str, value) -> int:
    """Returns the integer; raises UserError for anything else."""
    if not is_whole(value):
        raise UserError(f"{name} must be an integer, got {value!r}")
    return int(value)


def check_flag(name: str, value) -> bool:
    """Returns the truth value; raises UserError for anything else, such as a text."""
    of_numpy = type(value).__module__ == "numpy" and type(value).__name__ in ("bool", "bool_")
    if not isinstance(value, bool) and not of_numpy:
        raise UserError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def check_fields(settings) -> None:
    """Checks the fields of a dataclass whose types are bool, int, float, Literal or one of them and None.

    Raises:
      UserError: a value that its field cannot hold; numbers have to be finite.
    """
    hints = get_type_hints(type(settings))
    for field in fields(settings):
        value, kinds = getattr(settings, field.name), _alternatives(hints[field.name])
        if not any(_holds(kind, value) for kind in kinds):
            wanted = " or ".join(word for kind in kinds for word in _words(kind))
            raise UserError(f"{field.name} must be {wanted}, got {value!r}")


def _alternatives(hint) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _holds(kind, value) -> bool:
    if get_origin(kind) is Literal:
        return isinstance(value, str) and value in get_args(kind)
    if kind is float:
        return math.isfinite(number(value))
    return is_whole(value) if kind is int else isinstance(value, kind)


def _words(kind) -> list[str]:
    if get_origin(kind) is Literal:
        return [repr(choice) for choice in get_args(kind)]
    return [{bool: "True or False", int: "an integer", float: "a finite number", NoneType: "None"}[kind]]
