"""Seeds in committed figures are those of the committed runs, at every x."""

import csv
import json
import re
import sys
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import pytest

from igr_suite.lab.analysis.results import Results
from igr_suite.lab.running import discovery

RESULTS = Path(__file__).resolve().parents[2] / "results"
FIGURES = sorted(
    path for path in RESULTS.glob("*/*/*/figure*.csv") if "seeds" in path.read_text().partition("\n")[0].split(",")
)
ENDS = {"igr/temperature_search", "dni/table_1"}  # a row stands for the ends of runs, at no step of theirs
HEAD = re.compile(rb'^\{"schema": 1, "step": (\d+)(?:, "epoch": ([\d.e-]+))?', re.MULTILINE)


@cache
def seeds_by_place(folder: Path) -> dict[str, Counter]:
    """Returns {"step" or "epoch": {x: number of different seeds of all runs that have a metrics row there}}."""
    seeds = {"step": defaultdict(set), "epoch": defaultdict(set)}
    for path in folder.glob("*/config.json"):
        config = json.loads(path.read_text())["config"]
        several = [(config["seed"], i) for i in range(config["seeds"])] if "seeds" in config else [config["seed"]]
        for step, epoch in HEAD.findall((path.parent / "metrics.jsonl").read_bytes()):
            seeds["step"][int(step)].update(several)
            if epoch:
                seeds["epoch"][round(float(epoch), 6)].update(several)
    return {name: Counter({x: len(found) for x, found in places.items()}) for name, places in seeds.items()}


@pytest.mark.parametrize("path", FIGURES, ids=lambda path: str(path.parent.relative_to(RESULTS)) + "/" + path.stem)
def test_no_figure_counts_more_seeds_than_have_come_so_far(path):
    """As many seeds as a row says its mean is of must have a metrics row at its step or epoch."""
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert all(int(row["seeds"]) > 0 for row in rows if row["mean" if "mean" in row else "temperature"])
    x = next((name for name in ("step", "epoch") if name in rows[0]), None)
    if x is None:
        assert f"{path.parents[2].name}/{path.parents[1].name}" in ENDS
        return
    there = seeds_by_place(path.parent)[x]
    wrong = [row for row in rows if row[x] and int(row["seeds"]) > there[round(float(row[x]), 6)]]
    assert not wrong, f"{len(wrong)} of {len(rows)} rows, such as {wrong[0]}"


def counted(frame, x: str, y: str, seed: str, by: list[str]) -> dict[tuple, int]:
    """Different seeds with a value, by curve and x, counted one row at a time."""
    found = defaultdict(set)
    for row in frame[[*by, x, y, seed]].itertuples(index=False):
        *curve, place, value, number = row
        found[(*curve, place)].update([number] if value == value else [])
    return {place: len(numbers) for place, numbers in found.items()}


@pytest.mark.parametrize("item", sorted({"/".join(path.parts[-4:-2]) for path in FIGURES}))
def test_every_committed_figure_has_the_counts_that_its_runs_give(item, monkeypatch, tmp_path):
    """Draws again what is committed: equal tables, and seeds at every x as a count of the drawn rows finds them."""
    module, results = discovery.plot_module(item), Results(discovery.find(item), "quick", RESULTS)
    calls = []

    def watch(original):
        def draw(axes, frame, x, y, *, method, seed, style=None, **options):
            drawn = original(axes, frame, x, y, method=method, seed=seed, style=style, **options)
            calls.append((drawn, counted(frame, x, y, seed, [method, *([style] if style else [])]), x, style))
            return drawn

        return draw

    for place in (module, *(sys.modules[name] for name in list(sys.modules) if name.startswith("igr_suite.plotting."))):
        if hasattr(place, "draw_curves"):
            monkeypatch.setattr(place, "draw_curves", watch(place.draw_curves))
        if hasattr(place, "save"):
            monkeypatch.setattr(place, "save", lambda fig, folder, name="figure": [])
    module.plot(results, tmp_path)
    for drawn, seeds, x, look in calls:
        for row in drawn.to_dict("records"):
            keys = [key for key in seeds if key[0] == row["method"] and key[-1] == row[x]]
            keys = [
                key for key in keys if not look or (key[1] if isinstance(key[1], str) else repr(key[1])) == row["style"]
            ]
            assert [seeds[key] for key in keys] == [row["seeds"]], row
    for path in tmp_path.glob("figure*.csv"):
        assert path.read_bytes() == (results.folder / path.name).read_bytes(), path.name
