"""Selections of finished runs as tidy tables: metrics, summaries or configs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from igr_suite.errors import UserError, nearest
from igr_suite.lab.analysis.results import Results, describe, finished_runs, shared_and_differing
from igr_suite.lab.analysis.table_files import Blocks, same_type, type_of
from igr_suite.lab.running.order import matches
from igr_suite.lab.runs import values
from igr_suite.lab.runs.config import flatten
from igr_suite.lab.runs.metrics_log import numbers
from igr_suite.lab.runs.store import RunFolder

Row = dict[str, Any]
PLACE = ("experiment", "scale", "run_id")  # columns that every table begins with
LONG = (*PLACE, "step", "quantity", "value")


@dataclass(frozen=True)
class Selected:
    """One finished run: its experiment and scale, its folder, its kind and config values under dotted names, and the
    paths that its sweep varied."""

    experiment: str
    scale: str
    folder: RunFolder
    settings: Mapping[str, Any]
    varied: tuple[str, ...] = ()

    @property
    def place(self) -> Row:
        """The columns that name the run."""
        return {"experiment": self.experiment, "scale": self.scale, "run_id": self.folder.path.name}


def select(
    results: Sequence[Results],
    where: Mapping[str, Sequence[str]],
    only: Sequence[str] = (),
    left_out: dict[str, str] | None = None,
) -> list[Selected]:
    """Returns the whole finished runs that meet all conditions, in the order of the experiments.

    Args:
      results: the results of the experiments.
      where: "kind" or dotted config path -> values as text, of which a run must have one.
      only: parts or patterns of run_ids, of which one must fit.
      left_out: receives run folder -> fault of the runs that are not whole, whatever the conditions.
    Raises:
      UserError: no run has a path (the nearest is named), or no run is left (the existing values are listed).
    """
    runs = []
    for item in results:
        experiment, scale = item.experiment.name, item.folder.name
        if left_out is not None:
            left_out |= {f"{experiment}/{scale}/{name}": fault for name, fault in item.faults.items()}
        for folder in finished_runs(item.folder, item.whole):
            settings = describe(folder)
            del settings["run_id"]
            runs.append(Selected(experiment, scale, folder, settings, tuple(item.grid)))
    if not runs:
        places = " and ".join(str(item.folder) for item in results)
        raise UserError(f"no finished run in {places}; start some with `igr run`, or name another --scale")
    for path, texts in where.items():
        having = [run for run in runs if path in run.settings]
        if not having:
            known = {key for run in runs for key in run.settings}
            raise UserError(f"no run has the column '{path}' of --where: {nearest(path, known)}")
        runs = [run for run in having if any(fits(run.settings[path], text, path) for text in texts)]
        if not runs:
            existing = sorted({show(run.settings[path]) for run in having})
            raise UserError(
                f"no run with {' or '.join(f'{path}={text}' for text in texts)} is left; there are "
                f"{path}={', '.join(existing)}"
            )
    runs = [run for run in runs if matches(run.folder.path.name, only)]
    if not runs:
        raise UserError(f"no finished run matches --only {' or '.join(map(repr, only))}; `igr status` lists them")
    return runs


def fits(value: Any, text: str, path: str = "") -> bool:
    """Returns whether a text stands for a config value: fits(0.5, "5e-1"), fits((1, 2), "1,2"), fits(None, "none")."""
    if isinstance(value, tuple):
        items = [item.strip() for item in text.split(",")] if text else []
        return len(items) == len(value) and all(fits(part, item, path) for part, item in zip(value, items))
    try:
        return values.parse(text, type(value), path) == value
    except UserError:
        return False


def show(value: Any) -> str:
    """Returns the text of a config value, which `fits` it."""
    if isinstance(value, tuple):
        return ",".join(map(show, value))
    return (
        {None: "none", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else str(value)
    )


def metrics(runs: Sequence[Selected]) -> Blocks:
    """Returns one row per run, step and quantity, with the config values in which the runs differ; items of lists are
    quantities, "p[0]", "p[1]".

    There may be millions of rows, so they come in blocks, of which one is in memory at a time.
    """

    shared = [run.place | beside for run, beside in _beside(runs, LONG)]
    columns = {name: same_type([row[name] for row in shared]) for name in (shared[0] if shared else PLACE)}

    def blocks() -> Iterator[tuple[Row, list[tuple[int, str, float]]]]:
        for index, run in enumerate(runs):
            same = {name: column[index] for name, column in columns.items()}
            for rows in run.folder.metrics.blocks():
                yield same, list(_quantities(rows))

    return Blocks(blocks(), {name: type_of(column) for name, column in columns.items()}, LONG[len(PLACE) :])


def summaries(runs: Sequence[Selected]) -> list[Row]:
    """Returns one row per run: the config values in which the runs differ, and the summary, whose names get the prefix
    "summary." where they are config paths."""
    rows = []
    for run, beside in _beside(runs, PLACE):
        summary = flatten(run.folder.summary())
        measured = {f"summary.{name}" if name in run.settings else name: value for name, value in summary.items()}
        rows.append(run.place | beside | measured)
    return rows


def configs(runs: Sequence[Selected]) -> list[Row]:
    """Returns one row per run: its kind and all its config values."""
    return [run.place | dict(run.settings) for run in runs]


TABLES = {"summaries": summaries, "metrics": metrics, "configs": configs}


def _quantities(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, str, float]]:
    """Yields step, name and value of all numbers of metrics rows; most are floats, for which one test is enough."""
    for row in rows:
        step = row["step"]
        for name, value in row.items():
            if type(value) is float:
                yield step, name, value
            elif name != "step":
                for inner, number in numbers({name: value}):
                    yield step, inner, number


def _beside(runs: Sequence[Selected], taken: Sequence[str]) -> Iterator[tuple[Selected, Row]]:
    """Yields each run with the settings that its sweep varied and then the others in which the runs differ; one with
    the name of another column gets "config." before it."""
    varied = [path for run in runs for path in run.varied if path in run.settings]
    differing = dict.fromkeys((*varied, *shared_and_differing({str(i): run.settings for i, run in enumerate(runs)})[1]))
    for run in runs:
        yield run, {f"config.{key}" if key in taken else key: run.settings.get(key) for key in differing}
