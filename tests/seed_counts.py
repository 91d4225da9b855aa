"""Counts the seeds of every curve that is drawn, one row at a time, beside what the figure says of them."""

import sys
from collections import defaultdict
from types import ModuleType
from typing import Any, NamedTuple


class Drawn(NamedTuple):
    """What one call of `draw_curves` returned, and the numbers of seeds by curve and x as they were counted here."""

    rows: Any
    seeds: dict[tuple, int]
    x: str
    style: str | None


def counted(frame, x: str, y: str, seed: str, by: list[str]) -> dict[tuple, int]:
    """Different seeds with a value, by curve and x."""
    found = defaultdict(set)
    for row in frame[[*by, x, y, seed]].itertuples(index=False):
        *curve, place, value, number = row
        found[(*curve, place)].update([number] if value == value else [])
    return {place: len(numbers) for place, numbers in found.items()}


def watched(module: ModuleType, monkeypatch) -> list[Drawn]:
    """Returns a list that every call of `draw_curves` by this plot.py, or by the rooms that it uses, is appended to."""
    calls: list[Drawn] = []

    def watch(original):
        def draw(axes, frame, x, y, *, method, seed, style=None, **options):
            rows = original(axes, frame, x, y, method=method, seed=seed, style=style, **options)
            seeds = counted(frame, x, y, seed, [method, *([style] if style else [])])
            calls.append(Drawn(rows, seeds, x, style))
            return rows

        return draw

    for place in (module, *(sys.modules[name] for name in list(sys.modules) if name.startswith("igr_suite.plotting."))):
        if hasattr(place, "draw_curves"):
            monkeypatch.setattr(place, "draw_curves", watch(place.draw_curves))
    return calls


def check(calls: list[Drawn]) -> None:
    """Asserts that the figures' numbers of seeds are the counted ones."""
    for drawn, seeds, x, style in calls:
        for row in drawn.to_dict("records"):
            keys = [key for key in seeds if key[0] == row["method"] and key[-1] == row[x]]
            if style:
                keys = [key for key in keys if (key[1] if isinstance(key[1], str) else repr(key[1])) == row["style"]]
            assert [seeds[key] for key in keys] == [row["seeds"]], row
