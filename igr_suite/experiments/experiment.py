"""Experiments: named lists of runs in stages, where a later stage may read what the earlier ones found."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from igr_suite.errors import UserError, nearest
from igr_suite.experiments.config import RunConfig
from igr_suite.experiments.store import RunFolder

SCALES = ("smoke", "quick", "paper")
DATA_KEY = "data.name"  # `--data NAME` is short for setting it


class NotReady(Exception):
    """A stage needs the summaries of runs that are not finished; it is expanded again when they are."""


class StageResults:
    """What a stage may ask about the runs of earlier stages.

    Args:
      folder: the scale's folder, which holds the run folders.
      settings: `--set` values; they apply to every config that a stage names here.
      datasets: the experiment's at this scale.
    Attributes:
      datasets: what the runs are to be made for; `--data A,B` makes it (A, B).
    """

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None, datasets: Sequence[str] = ()):
        self._folder, self._changes = folder, dict(settings or {})
        self.datasets = tuple(datasets)
        if DATA_KEY in self._changes and datasets:  # the stages make their runs for these, nothing is changed afterwards
            self.datasets = tuple(self._changes.pop(DATA_KEY).split(","))

    def changed(self, config: RunConfig) -> RunConfig:
        """Returns the config with the `--set` values."""
        return config.with_values(self._changes)

    def summary(self, config: RunConfig) -> dict[str, Any] | None:
        """Returns the summary of a run, None when it is not finished."""
        return RunFolder(self._folder / self.changed(config).run_id).summary()

    def require(self, configs: Sequence[RunConfig]) -> None:
        """Ends the stage here, until all these runs are finished."""
        if any(self.summary(config) is None for config in configs):
            raise NotReady

    def all(self, configs: Sequence[RunConfig]) -> list[dict[str, Any]]:
        """Returns the summaries of all these runs; ends the stage here until they are finished."""
        self.require(configs)
        return [self.summary(config) for config in configs]


Stage = Callable[[str, StageResults], Sequence[RunConfig]]


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One figure or table.

    Attributes:
      paper, item: where it lives, `reproductions/<paper>/<item>`.
      title: what `igr list` says about it.
      stages: functions (scale, results) -> configs, in order; see `StageResults`.
      runs: short form for one stage, scale -> configs.
      minutes: measured wall time of each scale, {"quick": 4.5}.
      datasets: names of the data sets of each scale, for stages to read as `results.datasets`.
    """

    paper: str
    item: str
    title: str = ""
    stages: tuple[Stage, ...] = ()
    runs: Callable[[str], Sequence[RunConfig]] | None = None
    minutes: Mapping[str, float] = field(default_factory=dict)
    datasets: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self):
        if (self.runs is None) == (not self.stages):
            raise UserError(f"experiment {self.name} needs either runs=... or stages=(...)")
        if self.runs is not None:
            object.__setattr__(self, "stages", (lambda scale, results: self.runs(scale),))

    @property
    def name(self) -> str:
        """'igr/table_1_vae_likelihood'."""
        return f"{self.paper}/{self.item}"


@dataclass(frozen=True)
class Expansion:
    """The runs that are known so far, each once, with the number (from 1) of its stage; `waiting` is the first stage that is not ready."""

    runs: dict[str, RunConfig]
    stages: dict[str, int]
    waiting: int | None


def expand(
    experiment: Experiment,
    scale: str,
    folder: Path,
    settings: Mapping[str, str] | None = None,
    wanted: Callable[[str], bool] = lambda run_id: True,
    lenient: bool = False,
) -> Expansion:
    """Returns the runs of an experiment, up to the first stage whose inputs are unfinished.

    Args:
      scale: "smoke", "quick" or "paper".
      folder: the scale's folder, read for the summaries that later stages need.
      settings: `--set` values, applied to every run.
      wanted: says of a run_id whether the run is to be kept (`--only`).
      lenient: leave out the runs that cannot take the settings, as long as one can; for readers, since those were never started.
    Raises:
      UserError: unknown scale, or a setting that a run does not have.
    """
    if scale not in SCALES:
        raise UserError(f"unknown scale '{scale}': {nearest(scale, SCALES)}")
    results = StageResults(folder, settings, experiment.datasets.get(scale, ()))
    runs: dict[str, RunConfig] = {}
    stages: dict[str, int] = {}
    refused: UserError | None = None
    for number, stage in enumerate(experiment.stages, start=1):
        try:
            configs = stage(scale, results)
        except NotReady:
            return Expansion(runs, stages, number)
        for original in configs:
            try:
                config = results.changed(original)
            except UserError as error:
                if wanted(original.run_id) and not lenient:
                    raise
                refused = error
                continue  # a run that is left out need not take the settings of those that are not
            if not wanted(config.run_id):
                continue
            runs.setdefault(config.run_id, config)
            stages.setdefault(config.run_id, number)
    if refused is not None and not runs:
        raise refused
    return Expansion(runs, stages, None)
