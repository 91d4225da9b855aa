"""Results as data frames, for plots, tables and the ledger."""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from igr_suite.lab.running.experiment import Expansion, Experiment, expand, grid_of
from igr_suite.lab.running.grids import Settings
from igr_suite.lab.running.order import matches
from igr_suite.lab.running.places import scale_folder
from igr_suite.lab.runs.config import RunConfig, flatten
from igr_suite.lab.runs.store import RunFolder
from igr_suite.lab.runs.wholeness import name_fault

if TYPE_CHECKING:
    import pandas as pd


class Results:
    """The results of one experiment at one scale; what `plot(results, out)` of a reproduction receives.

    Only the experiment's present runs are read: folders left by other settings or older code do not enter a figure, nor
    do runs that are not whole (`wholeness`), which `faults` lists.

    Attributes:
      experiment, scale: what was run.
      settings: `--set` values, empty for the plain scale.
      folder: where the runs are; figures and tables go there too.
      only: patterns of run_ids, of which one must fit; without any, all runs are read. Set before the runs are read.
    """

    def __init__(self, experiment: Experiment, scale: str, root: Path, settings: Settings | None = None):
        self.experiment, self.scale, self.settings = experiment, scale, dict(settings or {})
        self.folder = scale_folder(root, experiment, scale, self.settings)
        self.only: Sequence[str] = ()

    @cached_property
    def expansion(self) -> Expansion:
        """The experiment's runs and the stage that waits for some of them."""

        def wanted(run_id: str) -> bool:
            return matches(run_id, self.only)

        return expand(self.experiment, self.scale, self.folder, self.settings, wanted, lenient=True)

    @property
    def configs(self) -> dict[str, RunConfig]:
        """The experiment's runs by run_id, finished or not."""
        return self.expansion.runs

    @cached_property
    def grid(self) -> dict[str, tuple[str, ...]]:
        """The settings with several values, path -> texts; empty unless these are the results of a sweep."""
        return grid_of(self.experiment, self.scale, self.folder, self.settings)

    @cached_property
    def faults(self) -> dict[str, str]:
        """Run folder -> its fault, for finished runs that are not whole and for folders that are named for another
        run."""
        faults = {
            run_id: RunFolder(self.folder / run_id).fault(thorough=True, config=config)
            for run_id, config in self.configs.items()
        }
        whole = {run_id: config for run_id, config in self.configs.items() if not faults[run_id]}
        faults |= unlike_the_others(self.folder, whole) | renamed(self.folder, self.configs)
        return {name: fault for name, fault in faults.items() if fault}

    @property
    def whole(self) -> list[str]:
        """The present runs without a fault, finished or not."""
        return [run_id for run_id in self.configs if run_id not in self.faults]

    @cached_property
    def runs(self) -> "pd.DataFrame":
        """One row per finished run: run_id, kind, config values under dotted names, summary values under theirs."""
        return results_frame(self.folder, self.whole)

    @cached_property
    def metrics(self) -> "pd.DataFrame":
        """One row per metrics row of every finished run, in order: run_id, kind, config values, step and metrics."""
        return metrics_frame(self.folder, self.whole)


def results_frame(folder: Path, run_ids: Iterable[str] | None = None) -> "pd.DataFrame":
    """Returns one row per finished run; a summary name that is a config path too gets the prefix 'summary.'.

    Args:
      folder: results/<paper>/<item>/<scale>.
      run_ids: runs to read, in the order of the rows; by default all in the folder.
    """
    import pandas as pd

    rows = []
    for run in finished_runs(folder, run_ids):
        row = describe(run)
        summary = flatten(run.summary())
        rows.append(row | {f"summary.{name}" if name in row else name: value for name, value in summary.items()})
    return pd.DataFrame(rows)


def metrics_frame(folder: Path, run_ids: Iterable[str] | None = None) -> "pd.DataFrame":
    """Returns one row per metrics row, with the run's config values; arguments as in `results_frame`."""
    import pandas as pd

    columns = Columns()
    for run in finished_runs(folder, run_ids):
        description = describe(run)
        for rows in run.metrics.blocks():
            columns.add(
                description,
                ({f"metrics.{name}" if name in description else name: row[name] for name in row} for row in rows),
            )
    return pd.DataFrame(columns.filled())


class Columns:
    """Rows gathered column by column: one list per column takes a tenth of the memory and time of one dict per row."""

    def __init__(self) -> None:
        self._columns: dict[str, list[Any]] = {}
        self._rows = 0

    def add(self, shared: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> None:
        """Adds rows, each with the shared values in front of its own."""
        begin = self._rows
        for name in shared:
            self._columns.setdefault(name, [])
        for row in rows:
            for name, value in row.items():
                column = self._columns.get(name)
                if column is None:
                    column = self._columns[name] = []
                if len(column) < self._rows:
                    column += [math.nan] * (self._rows - len(column))
                column.append(value)
            self._rows += 1
        if self._rows == begin:
            return
        for name, value in shared.items():
            column = self._columns[name]
            column += [math.nan] * (begin - len(column))
            column += [value] * (self._rows - begin)

    def filled(self) -> dict[str, list[Any]]:
        """Returns the columns in the order in which they were first named, NaN where a row had no value."""
        return {
            name: column + [math.nan] * (self._rows - len(column)) for name, column in self._columns.items() if column
        }


def finished_runs(folder: Path, run_ids: Iterable[str] | None = None, thorough: bool = True) -> list[RunFolder]:
    """Returns those of these runs that are finished and whole.

    Args:
      folder, run_ids: as in `results_frame`.
      thorough: as in `wholeness.fault_of`.
    """
    if run_ids is None:
        run_ids = sorted(path.parent.name for path in folder.glob("*/summary.json"))
    return [
        run for run in (RunFolder(folder / run_id) for run_id in run_ids) if run.finished and not run.fault(thorough)
    ]


def renamed(folder: Path, known: Collection[str]) -> dict[str, str]:
    """Returns name -> fault of the run folders in `folder`, except the `known` ones, whose name is not that of their
    run."""
    strangers = (path.parent for path in folder.glob("[!.]*/config.json") if path.parent.name not in known)
    return {path.name: fault for path in sorted(strangers) if (fault := name_fault(path))}


def unlike_the_others(folder: Path, configs: Mapping[str, RunConfig]) -> dict[str, str]:
    """Returns run_id -> fault of finished runs without checksums whose summary holds another type of value than most
    runs of their class.

    A number that has become text or a list is found by no other check, and would end a plot that computes with it.

    Args:
      folder: the scale's folder.
      configs: runs whose files are whole, finished or not.
    """
    finished = {run_id: run for run_id in configs if (run := RunFolder(folder / run_id)).finished}
    unsealed = [run_id for run_id, run in finished.items() if "sealed" not in run.meta()]
    if not unsealed:
        return {}
    summaries = {run_id: flatten(run.summary() or {}) for run_id, run in finished.items()}
    counts: dict[tuple[type, str], Counter[str]] = defaultdict(Counter)
    for run_id, summary in summaries.items():
        for name, value in summary.items():
            if value is not None:
                counts[type(configs[run_id]), name][_type_in_words(value)] += 1
    faults = {}
    for run_id in unsealed:
        for name, value in summaries[run_id].items():
            if value is None:
                continue
            types = counts[type(configs[run_id]), name]
            own, (usual, number) = _type_in_words(value), types.most_common(1)[0]
            if usual != own and 2 * number > types.total():
                others = f"{number} other run{'s' * (number > 1)} of its kind have {usual}"
                faults[run_id] = f"summary.json holds {own} under {name}, where {others}"
                break
    return faults


def _type_in_words(value: Any) -> str:
    """Returns the type of a summary's value in words."""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number"
    return "a text" if isinstance(value, str) else "a list"


def describe(run: RunFolder) -> dict[str, Any]:
    """Returns run_id, kind and the run's config values under dotted names."""
    config = run.config()
    return {"run_id": run.path.name, "kind": type(config).__name__, **flatten(config.to_dict())}


def shared_and_differing(settings: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, Any], list[str]]:
    """Returns the settings that all runs share, and the keys in which they differ; a key that only some have counts as
    differing.

    Args:
      settings: flat settings by run.
    """
    absent = object()
    keys = dict.fromkeys(key for own in settings.values() for key in own)
    shared, differing = {}, []
    for key in keys:
        values = [own.get(key, absent) for own in settings.values()]
        if all(value == values[0] and type(value) is type(values[0]) for value in values):
            shared[key] = values[0]
        else:
            differing.append(key)
    return shared, differing
