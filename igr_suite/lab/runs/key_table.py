"""Settings dictionaries of the authors' repositories translated by a table of keys (never imports TensorFlow)."""

from collections.abc import Callable, Mapping
from typing import Any

from igr_suite.errors import UserError
from igr_suite.lab.runs import values

Table = Mapping[str, tuple[str | None, Any]]


def translate(settings: Mapping[str, Any], table: Table, ours: Callable[[str, Any], Any]) -> dict[str, Any]:
    """Returns the settings with the table's keys replaced by dotted paths.

    Args:
      settings: `--set` values or a settings dictionary, the original's keys beside dotted paths; text or typed values.
      table: key -> (path, type of its value); path None for a key that is only checked.
      ours: (key, typed value) -> value for the path, or None where there is nothing to set; raises UserError for a
        wrong one.
    Raises:
      UserError: a value of another type, or one that another key contradicts.
    """
    translated = {path: value for path, value in settings.items() if path not in table}
    for key, given in settings.items():
        if key not in table:
            continue
        path, kind = table[key]
        value = ours(key, _read(given, kind, key))
        if path is None or value is None:
            continue
        before = translated.setdefault(path, value)
        if _read(before, type(value), path) != value:
            raise UserError(f"{path} is set twice, to {before} and to {value} by {key}={given}; leave one of them out")
    return translated


def _read(value: Any, kind: Any, path: str) -> Any:
    return values.parse(value, kind, path) if isinstance(value, str) else values.check(value, kind, path)


DATA_SETS = {"fmnist": "fashion_mnist"}
GREY = ("fashion_mnist", "celeb_a")  # the authors' runs binarise all others
