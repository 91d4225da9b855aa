"""Grids of settings: which values `--set model.temperature=0.3,0.7` and a repeated `--set` stand for.

A text that a field takes as it stands is one value: "200,100" where the field holds a list, "a,b" where it holds any
text. Where the field takes one number, one word or true and false, commas separate the values of a grid. Lists are the
values of a grid when each stands in brackets, "(200,100),(100,)". A path that is set several times has all of these
values, whatever they are.
"""

import itertools
import math
import re
from collections.abc import Mapping, Sequence

from igr_suite.errors import UserError
from igr_suite.lab.runs import values
from igr_suite.lab.runs.config import RunConfig

Settings = Mapping[str, str | tuple[str, ...]]
LARGEST = 10_000  # points; a larger grid is a slip of the hand
OUTSIDE_BRACKETS = re.compile(r",(?![^(\[]*[)\]])")


def may_have_grid(settings: Settings) -> bool:
    """Returns whether a setting may have several values; the configs decide."""
    return any(isinstance(text, tuple) or "," in text for text in settings.values())


def varied(settings: Settings, configs: Sequence[RunConfig]) -> dict[str, tuple[str, ...]]:
    """Returns the settings with several values.

    Args:
      settings: path -> text, or the texts of a path that was set several times.
      configs: runs that take the settings.
    Returns:
      path -> texts.
    """
    lists = {path: _texts(path, text, configs) for path, text in settings.items()}
    return {path: texts for path, texts in lists.items() if len(texts) > 1}


def points(settings: Settings, grid: Mapping[str, tuple[str, ...]]) -> list[dict[str, str]]:
    """Returns the settings of every point of a grid, the last varied path fastest; one point without a grid.

    Raises:
      UserError: the grid is too large.
    """
    size = math.prod(map(len, grid.values()))
    if size > LARGEST:
        lengths = " x ".join(f"{path} ({len(texts)})" for path, texts in grid.items())
        raise UserError(f"the grid {lengths} has {size:,} points, more than {LARGEST:,}; leave values out")
    fixed = {path: text if isinstance(text, str) else text[0] for path, text in settings.items()}
    return [fixed | dict(zip(grid, texts)) for texts in itertools.product(*grid.values())]


def _texts(path: str, text: str | tuple[str, ...], configs: Sequence[RunConfig]) -> tuple[str, ...]:
    if isinstance(text, tuple):
        return tuple(dict.fromkeys(text))
    takers = [config for config in configs if values.leaf(type(config), path) is not None]
    if "," not in text or not takers or any(_takes(config, path, text) for config in takers):
        return (text,)
    parts = tuple(dict.fromkeys(part.strip() for part in OUTSIDE_BRACKETS.split(text)))
    return parts if all(any(_parses(config, path, part) for config in takers) for part in parts) else (text,)


def _takes(config: RunConfig, path: str, text: str) -> bool:
    """Whether a config takes a text as one value; a field of any text may still refuse it, as an unknown name."""
    if not _parses(config, path, text):
        return False
    if not isinstance(values.parse(text, values.leaf(type(config), path), path), str):
        return True
    try:
        config.with_values({path: text})
    except UserError:
        return False
    return True


def _parses(config: RunConfig, path: str, text: str) -> bool:
    try:
        values.parse(text, values.leaf(type(config), path), path)
    except UserError:
        return False
    return True
