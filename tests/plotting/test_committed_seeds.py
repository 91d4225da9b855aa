"""Seeds in committed figures are those of the committed runs, at every x; that they are those of the drawn rows,
end_to_end/test_reproductions.py proves when it draws the figures again."""

import csv
import json
import re
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import pytest

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
        if not (path.parent / "metrics.jsonl").exists():
            continue  # a measurement
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
    if {"quantity", "x"} <= rows[0].keys():  # of `equal_evaluations`: against three quantities, steps in thousands
        rows = [row | {"step": 1000 * float(row["x"])} for row in rows if row["quantity"] == "steps"]
    if "thousands" in rows[0]:  # of the polynomial problem
        rows = [row | {"step": 1000 * float(row["thousands"])} for row in rows]
    x = next((name for name in ("step", "epoch") if name in rows[0]), None)
    if x is None:
        assert f"{path.parents[2].name}/{path.parents[1].name}" in ENDS
        return
    there = seeds_by_place(path.parent)[x]
    wrong = [row for row in rows if row[x] and int(row["seeds"]) > there[round(float(row[x]), 6)]]
    assert not wrong, f"{len(wrong)} of {len(rows)} rows, such as {wrong[0]}"
