"""Experiments: named lists of runs in stages, where a later stage may read the results of earlier ones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from igr_suite.errors import UserError, nearest
from igr_suite.lab.running.grids import Settings, may_have_grid, points, varied
from igr_suite.lab.runs.config import RunConfig, flatten
from igr_suite.lab.runs.reading import json_object
from igr_suite.lab.runs.store import RunFolder

SCALES = ("smoke", "quick", "paper")
DATA_KEY = "data.name"  # `--data NAME` is short for setting it


def check_scale(scale: str) -> str:
    """Returns the scale.

    Raises:
      UserError: it is none of SCALES.
    """
    if scale not in SCALES:
        raise UserError(f"unknown scale '{scale}': {nearest(scale, SCALES)}")
    return scale


class NotReady(Exception):
    """A stage needs the summaries of runs that are not finished; it is expanded again when they are."""


class SettingsRefused(UserError):
    """A run cannot take the values of `--set`."""


class StageResults:
    """The results of earlier stages, for a stage to read.

    Args:
      folder: the scale's folder, which holds the run folders.
      settings: `--set` values; they apply to every config that a stage passes to a method.
      datasets: the experiment's data sets at this scale.
      if_prepared: those of them that are left out where their files are absent.
      data_dir: where data sets are looked for; None means the environment's folder.
    Attributes:
      datasets: the data sets for which runs are to be made; (A, B) with `--data A,B`.
      left_out: data sets that are absent here and of which there is no run.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str] | None = None,
        datasets: Sequence[str] = (),
        if_prepared: Sequence[str] = (),
        data_dir: str | None = None,
    ):
        self._folder, self._changes = folder, dict(settings or {})
        self.left_out: tuple[str, ...] = ()
        # the stages make their runs for these data sets, so the setting is not applied to the runs again
        if DATA_KEY in self._changes and datasets:
            self.datasets = tuple(self._changes.pop(DATA_KEY).split(","))
        else:
            from igr_suite import data  # needs numpy, which a login node may not have

            absent = [name for name in datasets if name in if_prepared and not data.status(name, data_dir).prepared]
            # a data set with runs that were made elsewhere is kept, so that they are drawn
            self.left_out = tuple(name for name in absent if not self._has_runs(name))
            self.datasets = tuple(name for name in datasets if name not in self.left_out)

    def _has_runs(self, dataset: str) -> bool:
        configs = (json_object(path).get("config") for path in self._folder.glob("*/config.json"))
        return any(flatten(config).get(DATA_KEY) == dataset for config in configs if isinstance(config, dict))

    @property
    def altered(self) -> bool:
        """Whether `--set` changes the runs; another choice of data sets does not."""
        return bool(self._changes)

    def changed(self, config: RunConfig) -> RunConfig:
        """Returns the config with the `--set` values; a later stage that asks for a run that cannot take them has no
        runs."""
        try:
            return config.with_values(self._changes) if self._changes else config
        except UserError as error:
            raise SettingsRefused(str(error)) from error

    def summary(self, config: RunConfig) -> dict[str, Any] | None:
        """Returns the summary of a run, None when the run is not finished or not whole."""
        folder = RunFolder(self._folder / self.changed(config).run_id)
        return folder.summary() if folder.whole else None

    def require(self, configs: Sequence[RunConfig]) -> None:
        """Ends the stage here until all these runs are finished."""
        if any(self.summary(config) is None for config in configs):
            raise NotReady

    def survivors(self, configs: Sequence[RunConfig]) -> list[RunConfig]:
        """Returns the finished ones of these runs once all others have diverged; ends the stage here until then."""
        finished = [config for config in configs if self.summary(config) is not None]
        others = [config for config in configs if self.summary(config) is None]
        if not all(RunFolder(self._folder / self.changed(config).run_id).diverged for config in others):
            raise NotReady
        return finished

    def all(self, configs: Sequence[RunConfig]) -> list[dict[str, Any]]:
        """Returns the summaries of all these runs; ends the stage here until they are finished."""
        self.require(configs)
        return [self.summary(config) for config in configs]


Stage = Callable[[str, StageResults], Sequence[RunConfig]]


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One figure or table.

    Attributes:
      paper, item: its folder, `reproductions/<paper>/<item>`.
      title: its description in `igr list`.
      stages: functions (scale, results) -> configs, in order; see `StageResults`.
      runs: short form for one stage, scale -> configs.
      minutes: measured wall time of each scale, {"quick": 4.5}.
      datasets: names of the data sets of each scale, for stages to read as `results.datasets`.
      if_prepared: data sets that are left out where they are absent, unless they are requested by name; an absent data
        set that is not listed here is an error.
      shares_with: names of experiments with equal runs; runs that these have finished are copied, not trained again.
      copies_checkpoints: whether the copies come with their checkpoints, for later stages that start from them.
      no_reference: why there is nothing to compare with, where published.csv has no rows; shown by `igr check` and the
        report.
      about: setting -> the only values of it that the figure can show, none of a group; `--set` to another value is
        refused before anything runs.
    """

    paper: str
    item: str
    title: str = ""
    stages: tuple[Stage, ...] = ()
    runs: Callable[[str], Sequence[RunConfig]] | None = None
    minutes: Mapping[str, float] = field(default_factory=dict)
    datasets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    if_prepared: Sequence[str] = ()
    shares_with: Sequence[str] = ()
    copies_checkpoints: bool = False
    no_reference: str = ""
    about: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self):
        if (self.runs is None) == (not self.stages):
            raise UserError(f"experiment {self.name} needs either runs=... or stages=(...)")
        if self.runs is not None:
            object.__setattr__(self, "stages", (lambda scale, results: self.runs(scale),))

    def check_subject(self, settings: Mapping[str, Any]) -> None:
        """Raises UserError for a setting that turns the runs into ones that this figure cannot show."""
        way_out = "leave it out, or take another experiment (igr list)"
        for key, shown in self.about.items():
            for path, value in settings.items():
                if path.startswith(f"{key}."):
                    raise UserError(f"{self.name} cannot show runs with {path}={value}; {way_out}")
                if path == key and str(value) not in shown:
                    raise UserError(
                        f"{self.name} is about {key}={' or '.join(shown)} and cannot show {value}; {way_out}"
                    )

    @property
    def name(self) -> str:
        """'igr/table_1_vae_likelihood'."""
        return f"{self.paper}/{self.item}"


@dataclass(frozen=True)
class Expansion:
    """The runs that are known so far, each once, with the number (from 1) of its stage.

    `waiting` is the first stage that is not ready; `left_out` names the data sets that are absent and not requested by
    name.
    """

    runs: dict[str, RunConfig]
    stages: dict[str, int]
    waiting: int | None
    left_out: tuple[str, ...] = ()


def expand(
    experiment: Experiment,
    scale: str,
    folder: Path,
    settings: Settings | None = None,
    wanted: Callable[[str], bool] = lambda run_id: True,
    lenient: bool = False,
    data_dir: str | None = None,
) -> Expansion:
    """Returns the runs of an experiment, up to the first stage whose inputs are unfinished; of a sweep those of every
    point of its grid, each with its own stages.

    Args:
      scale: "smoke", "quick" or "paper".
      folder: the scale's folder, read for the summaries that later stages need.
      settings: `--set` values, applied to every run.
      wanted: run_id -> whether the run is to be kept (`--only`).
      lenient: whether to leave out the runs that cannot take the settings, as long as one can; for readers, since such
        runs were never started.
      data_dir: where data sets are looked for; None means the environment's folder.
    Raises:
      UserError: unknown scale, or a setting that a run does not have.
    """
    check_scale(scale)
    settings = settings or {}
    refused: list[UserError] = []
    unwanted: list[str] = []
    expansions = []
    for point in points(settings, grid_of(experiment, scale, folder, settings, data_dir)):
        experiment.check_subject(point)
        results = _stage_results(experiment, scale, folder, point, data_dir)
        expansions.append(_expand_point(experiment, scale, results, wanted, lenient, refused, unwanted))
    runs: dict[str, RunConfig] = {}
    stages: dict[str, int] = {}
    for expansion in expansions:
        runs = expansion.runs | runs
        stages = expansion.stages | stages
    ordered = dict.fromkeys(run_id for expansion in expansions for run_id in expansion.runs)
    waiting = min((expansion.waiting for expansion in expansions if expansion.waiting is not None), default=None)
    if refused and not runs and not unwanted and waiting is None:
        raise refused[-1]
    return Expansion({run_id: runs[run_id] for run_id in ordered}, stages, waiting, expansions[0].left_out)


def grid_of(
    experiment: Experiment, scale: str, folder: Path, settings: Settings, data_dir: str | None = None
) -> dict[str, tuple[str, ...]]:
    """Returns the settings with several values, path -> texts, as the runs of the first stage take them; empty where
    all runs have the same settings. Arguments as in `expand`."""
    own = {path: text for path, text in settings.items() if path != DATA_KEY or not experiment.datasets.get(scale)}
    if not may_have_grid(own):
        return {}
    data = {path: text for path, text in settings.items() if path not in own and isinstance(text, str)}
    try:
        configs = experiment.stages[0](scale, _stage_results(experiment, scale, folder, data, data_dir))
    except NotReady:
        return {}
    return varied(own, configs)


def _stage_results(
    experiment: Experiment, scale: str, folder: Path, settings: Mapping[str, str], data_dir: str | None
) -> StageResults:
    return StageResults(folder, settings, experiment.datasets.get(scale, ()), experiment.if_prepared, data_dir)


def _expand_point(
    experiment: Experiment,
    scale: str,
    results: StageResults,
    wanted: Callable[[str], bool],
    lenient: bool,
    refused: list[UserError],
    unwanted: list[str],
) -> Expansion:
    """Returns the runs at one point of a grid; the errors of runs that cannot take the settings and are left out are
    appended to `refused`, the names of those that can and are left out to `unwanted`."""
    runs: dict[str, RunConfig] = {}
    stages: dict[str, int] = {}
    for number, stage in enumerate(experiment.stages, start=1):
        try:
            configs = stage(scale, results)
        except NotReady:
            return Expansion(runs, stages, number, results.left_out)
        except SettingsRefused as error:
            if number == 1:
                raise
            refused.append(error)
            continue  # the stage reads runs that were refused, or left out, ahead of it
        for original in configs:
            try:
                config = results.changed(original)
            except UserError as error:
                if wanted(original.run_id) and not lenient:
                    raise
                refused.append(error)
                continue  # a run that is left out need not take the settings of those that are not
            if not wanted(config.run_id):
                unwanted.append(config.run_id)
                continue
            runs.setdefault(config.run_id, config)
            stages.setdefault(config.run_id, number)
    return Expansion(runs, stages, None, results.left_out)
