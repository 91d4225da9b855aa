"""Values of config fields: checked against, or parsed from text by, the field's annotated type."""

import dataclasses
import difflib
import functools
import math
import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from igr_suite.errors import UserError, nearest

TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


@functools.cache
def field_types(cls: type) -> dict[str, Any]:
    """Returns the annotated type of every constructor field of a dataclass, in order."""
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls) if field.init}


@functools.cache
def members(kind: Any) -> tuple[Any, ...]:
    """Returns the alternatives of a Union, and a tuple of the type itself otherwise."""
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def group_of(kind: Any) -> type | None:
    """Returns the dataclass that a field of this type holds (`Group` and `Group | None`), or None for a leaf."""
    return next((member for member in members(kind) if dataclasses.is_dataclass(member)), None)


def leaf(cls: type, path: str) -> Any:
    """Returns the annotated type of the leaf at a dotted path of a config class, None where it has no such leaf."""
    kind: Any = cls
    for name in path.split("."):
        group = group_of(kind)
        if group is None or name not in field_types(group):
            return None
        kind = field_types(group)[name]
    return None if group_of(kind) is not None else kind


def describe(kind: Any) -> str:
    """Returns a type in words: "a finite number", "one of 'a', 'b'", "a list such as 1,2 where each item is text"."""
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(repr(choice) for choice in get_args(kind))
    if get_origin(kind) is tuple:
        inner = get_args(kind)
        if len(inner) == 2 and inner[1] is Ellipsis:
            return f"a list such as 1,2 where each item is {describe(inner[0])}"
        return f"{len(inner)} items: " + ", ".join(describe(item) for item in inner)
    if len(members(kind)) > 1:
        return " or ".join(describe(member) for member in members(kind))
    names = {int: "an integer", float: "a finite number", bool: "true or false", str: "text", type(None): "none"}
    return names.get(kind, f"a group ({getattr(kind, '__name__', kind)})")


_PLAIN = (bool, float, int, str)


class _Mismatch(Exception):
    """The value is not of the type; the caller raises the UserError that names the key."""


def check(value: Any, kind: Any, path: str) -> Any:
    """Returns `value` in the one form that its type has (3 -> 3.0 in a float field, lists -> tuples).

    Raises:
      UserError: the value is not of the type; names key, value and expected type.
    """
    return _convert(value, kind, path, _checked)


def parse(text: str, kind: Any, path: str) -> Any:
    """Returns the value that a text such as "0.3", "true", "none" or "1,2,3" stands for in a field of type `kind`.

    Raises:
      UserError: as in `check`.
    """
    return _convert(text, kind, path, _parsed)


def _convert(value: Any, kind: Any, path: str, convert: Any) -> Any:
    try:
        return convert(value, kind, path)
    except _Mismatch:
        choices = [
            str(choice) for member in members(kind) if get_origin(member) is Literal for choice in get_args(member)
        ]
        close = difflib.get_close_matches(value, choices, n=1) if isinstance(value, str) else []
        hint = f"; did you mean '{close[0]}'?" if close else ""
        raise UserError(f"{path} must be {describe(kind)}, got {value!r}{hint}") from None


def _checked(value: Any, kind: Any, path: str) -> Any:
    if type(value) is kind and kind in _PLAIN and (kind is not float or math.isfinite(value)):
        return value  # most values, without a look at their types
    if len(members(kind)) > 1:
        return _first(value, members(kind), path, _checked)
    if dataclasses.is_dataclass(kind):
        return _group(value, kind, path)
    if get_origin(kind) is Literal:
        return _choice(value, get_args(kind), lambda choice: choice == value and type(choice) is type(value))
    if get_origin(kind) is tuple:
        if not isinstance(value, (tuple, list)):
            raise _Mismatch
        return _items(list(value), kind, path, _checked)
    if kind is Any:
        return value
    value = value.item() if hasattr(value, "item") else value  # numpy scalars
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not kind or (kind is float and not math.isfinite(value)):
        raise _Mismatch
    return value


def _parsed(text: str, kind: Any, path: str) -> Any:
    if len(members(kind)) > 1:
        return _first(text, sorted(members(kind), key=lambda member: member is str), path, _parsed)
    if get_origin(kind) is Literal:
        return _choice(text, get_args(kind), lambda choice: str(choice).lower() == text.strip().lower())
    if get_origin(kind) is tuple:
        items = [item.strip() for item in text.strip().strip("()[]").split(",")]
        return _items([item for item in items if item], kind, path, _parsed)
    word = text.strip().lower()
    try:
        if kind is bool and word in TRUE + FALSE:
            return word in TRUE
        if kind is type(None) and word in ("none", "null"):
            return None
        if kind is int:
            return int(text) if not {"e", "."} & set(word) else _whole(float(text))
        if kind is float:
            return _checked(float(text), float, path)
    except ValueError:
        raise _Mismatch from None
    if kind in (str, Any):
        return text
    if dataclasses.is_dataclass(kind):
        keys = ", ".join(f"{path}.{name}" for name in field_types(kind))
        raise UserError(f"{path} is a group of settings, set one of its keys: {keys}")
    raise _Mismatch


def _whole(number: float) -> int:
    if not number.is_integer():
        raise _Mismatch
    return int(number)


def _first(value: Any, kinds: Any, path: str, convert: Any) -> Any:
    for kind in sorted(kinds, key=lambda member: member is not type(None)):
        if dataclasses.is_dataclass(kind) and isinstance(value, (Mapping, kind)):
            return convert(value, kind, path)
        if not dataclasses.is_dataclass(kind):
            try:
                return convert(value, kind, path)
            except _Mismatch:
                continue
    raise _Mismatch


def _choice(value: Any, choices: tuple, fits: Any) -> Any:
    for choice in choices:
        if fits(choice):
            return choice
    raise _Mismatch


def _items(items: list, kind: Any, path: str, convert: Any) -> tuple:
    inner = get_args(kind)
    if len(inner) == 2 and inner[1] is Ellipsis:
        inner = (inner[0],) * len(items)
    if len(inner) != len(items):
        raise _Mismatch
    return tuple(convert(item, item_kind, path) for item, item_kind in zip(items, inner))


def _group(value: Any, cls: type, path: str) -> Any:
    if isinstance(value, cls):
        for name, kind in field_types(cls).items():
            inner = f"{path}.{name}" if path else name
            checked = check(getattr(value, name), kind, inner)
            if checked is not getattr(value, name):
                object.__setattr__(value, name, checked)
        return value
    if not isinstance(value, Mapping):
        raise _Mismatch
    return build(cls, value, path)


def build(cls: type, values: Mapping[str, Any], path: str = "", known: list[str] | None = None) -> Any:
    """Returns the dataclass made of nested mappings.

    Raises:
      UserError: a key is unknown (the nearest valid dotted path is named) or missing, or a value has the wrong type.
    """
    kinds = field_types(cls)
    prefix = f"{path}." if path else ""
    known = known if known is not None else paths(cls, prefix)
    for name in values:
        if name not in kinds:
            raise UserError(f"unknown key '{prefix}{name}' of {cls.__name__}: {nearest(prefix + str(name), known)}")
    made = {}
    for name, value in values.items():
        group = group_of(kinds[name])
        if group is not None and isinstance(value, Mapping):
            made[name] = build(group, value, prefix + name, known)
        else:
            made[name] = check(value, kinds[name], prefix + name)
    for field in dataclasses.fields(cls):
        required = field.init and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and field.name not in made:
            raise UserError(
                f"missing key '{prefix}{field.name}' of {cls.__name__}: it is {describe(kinds[field.name])} and has no "
                f"default"
            )
    return cls(**made)


def paths(cls: type, prefix: str = "") -> list[str]:
    """Returns the dotted paths of all leaves of a config class: ["seed", "model.temperature", ...]."""
    leaves = []
    for name, kind in field_types(cls).items():
        group = group_of(kind)
        leaves += [prefix + name] if group is None else paths(group, f"{prefix}{name}.")
    return leaves
