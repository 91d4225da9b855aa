"""Runs and sweeps as calls from Python: `igr_suite.run(config)` and `igr_suite.sweep(config, {path: values})`."""

import itertools
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from igr_suite.errors import UserError
from igr_suite.lab.analysis.results import describe, metrics_frame, results_frame
from igr_suite.lab.running.experiment import Experiment
from igr_suite.lab.running.order import Order
from igr_suite.lab.running.places import results_root
from igr_suite.lab.running.reporter import Reporter, make_reporter
from igr_suite.lab.running.runner import Outcome, Report
from igr_suite.lab.running.runner import run as run_order
from igr_suite.lab.runs.config import RunConfig
from igr_suite.lab.runs.store import RunFolder

if TYPE_CHECKING:
    import pandas as pd


class FinishedRun(Mapping[str, Any]):
    """The record of a finished run; as a mapping it is the run's summary.

    Attributes:
      config: the run's config.
      folder: where its files are; `igr_suite.load_run(folder)` gives its networks.
      summary: what summary.json holds.
    """

    def __init__(self, folder: Path):
        run = RunFolder(folder)
        if lacking := run.unfinished():
            raise UserError(f"{folder} {lacking}")
        self.folder, self.config, self.summary = folder, run.config(), run.summary()

    @cached_property
    def metrics(self) -> "pd.DataFrame":
        """One row for each row of metrics.jsonl, with its step; the config's values are in further columns."""
        return metrics_frame(self.folder.parent, [self.folder.name])

    @property
    def meta(self) -> dict[str, Any]:
        """What meta.json holds: versions, machine, start, end and times."""
        return RunFolder(self.folder).meta()

    def __getitem__(self, name: str) -> Any:
        return self.summary[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.summary)

    def __len__(self) -> int:
        return len(self.summary)

    def __repr__(self) -> str:
        return f"FinishedRun('{self.folder}')"


def run(
    config: RunConfig,
    results: str | Path | None = None,
    *,
    threads: int | None = None,
    data_dir: str | Path | None = None,
    track: str | None = None,
    progress: bool = True,
) -> FinishedRun:
    """Does one run in a process of its own, or what is missing of it, and returns its record.

    A finished run is read, not repeated; one that was stopped goes on from its last checkpoint.

    Args:
      config: of the run, from `igr_suite.presets` or a config class.
      results: folder for the run's folder, which is named for the config; by default `runs` in $IGR_RESULTS, else in
        results/ of the checkout or of the working folder.
      threads: of the run; by default as many as it can use.
      data_dir: folder of tensorflow-datasets; by default $TFDS_DATA_DIR, else ~/tensorflow_datasets.
      track: "tensorboard", "wandb" or "mlflow", to which the metrics are sent while the run goes on.
      progress: whether to report on stderr.
    Raises:
      UserError: an input is missing, the folder cannot be written, or training diverged.
      RuntimeError: the run failed for another reason, or was killed.
      KeyboardInterrupt: Ctrl-C; the run has saved what it needs to go on.
    """
    folder, outcomes = _carry_out([config], results, progress, jobs=1, threads=threads, data_dir=data_dir, track=track)
    for outcome in outcomes.values():
        raise _error(outcome)
    return FinishedRun(folder / config.run_id)


def sweep(
    config: RunConfig,
    grid: Mapping[str, Sequence[Any]],
    results: str | Path | None = None,
    *,
    jobs: int | None = None,
    threads: int | None = None,
    data_dir: str | Path | None = None,
    track: str | None = None,
    progress: bool = True,
) -> "pd.DataFrame":
    """Does a run at every point of a grid, several at once, and returns one row a run.

    What is finished is read, not repeated: give the call again after an interruption, or with more values.

    Args:
      config: of the run whose values are changed.
      grid: dotted path -> values, {"model.temperature": (0.3, 0.7)}; the last path varies fastest.
      results, threads, data_dir, track, progress: as in `run`.
      jobs: processes at once; by default as many as the cores allow.
    Returns:
      A data frame with the columns run_id, state ("finished", or "diverged", "error" ... for a run that ended
      otherwise, whose results are NaN), the paths of the grid, the other values of the config, and the summary.
    Raises:
      UserError: an unknown path, a wrong value, a missing input, or no run has finished.
      KeyboardInterrupt: Ctrl-C; the runs have saved what they need to go on.
    """
    import pandas as pd

    if not isinstance(grid, Mapping):
        raise UserError(
            f"the grid of a sweep is a dictionary, such as {{'model.temperature': (0.3, 0.7)}}, got {grid!r}"
        )
    for path, values in grid.items():
        if isinstance(values, str | Mapping) or not hasattr(values, "__len__") or not len(values):
            raise UserError(f"'{path}' of a sweep takes a list of values, such as (0.3, 0.7), got {values!r}")
    points = [dict(zip(grid, values)) for values in itertools.product(*grid.values())]
    configs = [config.with_values(point) for point in points]
    options = {"jobs": jobs, "threads": threads, "data_dir": data_dir, "track": track}
    folder, outcomes = _carry_out(configs, results, progress, **options)
    finished = [each.run_id for each in configs if each.run_id not in outcomes]
    if not finished:
        raise _error(next(iter(outcomes.values())))
    for outcome in outcomes.values():
        warnings.warn(f"{outcome.run_id}: {outcome.message}", stacklevel=2)
    rows = {row["run_id"]: row for row in results_frame(folder, finished).to_dict("records")}
    rows |= {run_id: describe(RunFolder(folder / run_id)) for run_id in outcomes}
    states = {run_id: _state(folder, outcome) for run_id, outcome in outcomes.items()}
    return pd.DataFrame(
        [
            {"run_id": each.run_id, "state": states.get(each.run_id, "finished"), **point, **rows[each.run_id]}
            for each, point in zip(configs, points)
        ]
    )


@dataclass(frozen=True, kw_only=True)
class _Calls(Order):
    """Runs whose folders lie in the root itself."""

    @property
    def folder(self) -> Path:
        return self.root


class _Silent(Reporter):
    """Reports nothing."""

    def say(self, line: str) -> None:
        """Prints nothing."""


def _carry_out(
    configs: Sequence[RunConfig],
    results: str | Path | None,
    progress: bool,
    data_dir: str | Path | None,
    **options: Any,
) -> tuple[Path, dict[str, Outcome]]:
    """Does the runs with the options of `Order`.

    Returns:
      (the folder of the run folders, run_id -> how the run ended, for those that did not finish).
    """
    for config in configs:
        if not isinstance(config, RunConfig):
            raise UserError(
                f"a run takes a run config, such as the functions of igr_suite.presets return, got {config!r}"
            )
        if type(config).__module__ == "__main__":
            raise UserError(
                f"the run's process cannot import {type(config).__name__} from the script that is running; define it "
                f"in a module of its own"
            )
    root = Path(results).expanduser() if results is not None else results_root() / "runs"
    place = root.absolute()
    order = _Calls(
        experiment=Experiment(paper="own", item="runs", runs=lambda scale: configs),
        scale="paper",
        root=place,
        data_dir=None if data_dir is None else str(data_dir),
        **options,
    )
    report: Report = run_order(order, make_reporter() if progress else _Silent())
    if report.interrupted:
        raise KeyboardInterrupt
    return place, {outcome.run_id: outcome for outcome in report.outcomes if outcome.reason != "finished"}


def _error(outcome: Outcome) -> Exception:
    sentence = f"{outcome.run_id} failed: {outcome.message}"
    return UserError(sentence) if outcome.reason == "user_error" else RuntimeError(sentence)


def _state(folder: Path, outcome: Outcome) -> str:
    return "diverged" if RunFolder(folder / outcome.run_id).diverged else outcome.reason
