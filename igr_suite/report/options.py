"""Writes docs/options.md from the config classes: `python -m igr_suite.report.options`."""

import typing
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pandas as pd

from igr_suite.lab.runs.config import RunConfig
from igr_suite.lab.runs.config_classes import package_classes
from igr_suite.lab.runs.files import write_atomically
from igr_suite.lab.runs.options import Option
from igr_suite.plotting.tables import markdown
from igr_suite.report.docstrings import first_paragraph, sentences

PLACE = Path(__file__).parents[2] / "docs" / "options.md"
HEAD = """# Settings of the runs

Written from the config classes by `python -m igr_suite.report.options`; do not edit. Every setting is given as
`--set PATH=VALUE` to `igr run`, or under its path in a file of settings (`igr run NAME --config FILE`). Some are read,
and have a default, only where other settings ask for it: the column of defaults says where, and a value that nothing
would read is refused with a sentence that says what reads it. What the values mean in full is in the docstring of the
class that the section names.
"""


def document() -> str:
    """Returns the text of the page."""
    return HEAD + "".join(section(cls) for _, cls in sorted(package_classes().items()))


def section(cls: type[RunConfig]) -> str:
    """Returns the part of the page about one kind of run."""
    rows = list(settings(cls))
    table = markdown(pd.DataFrame(rows)) if rows else "It has no settings of its own.\n"
    return f"\n## {cls.__name__}\n\n{first_paragraph(cls)} (`{cls.__module__}`)\n\n{table}"


def settings(cls: type, path: str = "") -> Iterator[dict[str, str]]:
    """Yields the settings of a config class in the order of its fields, those of its parts under dotted paths.

    Args:
      cls: a run config, or a part of one.
      path: the part's path, with its dot.
    Yields:
      Rows with the columns "setting", "values", "default" and "meaning".
    """
    hints, options, meaning = get_type_hints(cls), getattr(cls, "options", {}), sentences(cls)
    inherited = {field.name for field in fields(RunConfig)}
    for field in fields(cls):
        kind = hints[field.name]
        part = next((member for member in (kind, *get_args(kind)) if is_dataclass(member)), None)
        if part is not None and issubclass(part, RunConfig):
            yield {
                "setting": f"`{path}{field.name}.`",
                "values": f"the settings of {part.__name__}",
                "default": "",
                "meaning": "The run that is measured.",
            }
        elif part is not None:
            yield from settings(part, f"{path}{field.name}.")
        elif path or field.name not in inherited:
            yield {
                "setting": f"`{path}{field.name}`",
                "values": values(kind),
                "default": default(field, options.get(field.name)),
                "meaning": meaning.get(field.name, ""),
            }


def values(kind: Any) -> str:
    """Returns the values of a field in words: "`a`, `b`", "a number", "several of: a whole number"."""
    if get_origin(kind) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(kind))
    if get_origin(kind) is tuple:
        inner = dict.fromkeys(member for member in get_args(kind) if member is not Ellipsis)
        return "several of: " + " or ".join(map(values, inner))
    if get_origin(kind) in (typing.Union, type(int | None)):
        return " or ".join(values(member) for member in get_args(kind) if member is not NoneType)
    return {bool: "`true`, `false`", int: "a whole number", float: "a number", str: "a text"}.get(kind, str(kind))


def default(field: Field, option: Option | None) -> str:
    """Returns the default of a field in words, and for an option what reads it."""
    if option is None:
        if field.default is MISSING:
            return "has to be given" if field.default_factory is MISSING else _shown(field.default_factory())
        return _shown(field.default)
    if option.readers:
        return "; ".join(f"{_shown(value)} for {', '.join(names)}" for value, names in option.readers)
    words = option.unread.removeprefix("is ").removesuffix(" only") if isinstance(option.unread, str) else ""
    if callable(option.default):
        return words or "by other settings"
    return f"{_shown(option.default)}, {words or 'by other settings'}"


def _shown(value: Any) -> str:
    if value is None:
        return "not given"
    if isinstance(value, tuple):
        return "`" + (",".join(map(str, value)) or "none") + "`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    write_atomically(PLACE, document().encode())
    print(f"wrote {PLACE}")
