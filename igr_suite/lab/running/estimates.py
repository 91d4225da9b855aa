"""Estimates how long the unfinished runs of an experiment will take, from the measured times of finished ones."""

import re
import statistics
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from igr_suite.lab.running.experiment import Experiment
from igr_suite.lab.running.places import repository
from igr_suite.lab.runs.config import RunConfig, flatten
from igr_suite.lab.runs.reading import is_number, json_object

# Settings that change the length of a run, its random numbers or what is measured beside training, but not the cost of
# a training step.
_BESIDE = re.compile(r"(.*\.)?(seed|schedule\.(epochs|steps|evaluate_every)|(evaluation|monitor)(\..*)?)")


@dataclass(frozen=True)
class Measured:
    """A finished run: its kind, its settings, and the time that it took."""

    kind: str
    settings: Mapping[str, Any]  # dotted path -> value
    seconds: float
    training: float  # the part of these seconds that grows with the number of steps
    steps: int | None
    epochs: float | None


@dataclass(frozen=True)
class Estimate:
    """Seconds of one thread that the unfinished runs need; `unknown` of the `runs` could not be estimated."""

    seconds: float
    runs: int
    unknown: int
    longest: float

    def words(self, jobs: int) -> str:
        """Returns 'about 13 h of one thread, 6.5 h with 2 runs at once'."""
        known = self.runs - self.unknown
        if self.runs == 0:
            return ""
        if known == 0:
            return "no time can be estimated: no run of this kind is finished yet"
        text = f"about {hours(self.seconds)} of one thread"
        if jobs > 1 and known > 1:
            text += f", {hours(max(self.longest, self.seconds / jobs))} with {jobs} runs at once"
        return text + (f"; {self.unknown} of {self.runs} runs could not be estimated" if self.unknown else "")


def estimate(configs: Mapping[str, RunConfig], steps: Mapping[str, int | None], folders: Iterable[Path]) -> Estimate:
    """Estimates the time of unfinished runs.

    Every run is compared with those finished runs of the same kind that differ in the fewest settings. Of these, only
    runs with at least half the steps of the longest one count, since the start of a run, with its compilation, weighs
    heavily in short ones. The estimate is the median of their seconds per step times the number of steps, plus the
    median of the time that they spent outside training.

    Args:
      configs: run_id -> config of the unfinished runs.
      steps: run_id -> step that the run has reached; absent or None for runs that have not begun.
      folders: folders of scales, in which finished runs are looked for.
    """
    measured = [run for folder in folders for run in _measured(folder)]
    seconds = [_seconds(config, steps.get(run_id), measured) for run_id, config in configs.items()]
    known = [value for value in seconds if value is not None]
    return Estimate(sum(known), len(seconds), len(seconds) - len(known), max(known, default=0.0))


def measured_folders(experiment: Experiment, root: Path) -> list[Path]:
    """Returns the folders of all scales of an experiment and of those that it shares runs with, in `root` and in the
    checkout's results."""
    roots = dict.fromkeys(path.resolve() for path in (root, repository() / "results"))
    names = (experiment.name, *experiment.shares_with)
    return [
        folder for place in roots for name in names for folder in sorted((place / name).glob("*")) if folder.is_dir()
    ]


def peak_memory(folders: Iterable[Path]) -> int | None:
    """Returns the largest peak memory of a finished run in these folders, in MB; None where none was measured."""
    values = [
        json_object(path.parent / "meta.json").get("peak_memory_mb")
        for folder in folders
        for path in folder.glob("*/summary.json")
    ]
    return max((int(value) for value in values if is_number(value)), default=None)


def hours(seconds: float) -> str:
    """Returns '13 h', '6.5 h', '40 min' or '12 s', which is precise enough for an estimate."""
    if seconds >= 3600:
        hours = seconds / 3600
        return f"{hours:.0f} h" if hours >= 9.95 else f"{hours:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 100 else f"{seconds:.0f} s"


def _seconds(config: RunConfig, done: int | None, measured: list[Measured]) -> float | None:
    kind, settings = type(config).__name__, flatten(config.to_dict())
    distances = [(_distance(settings, run.settings), run) for run in measured if run.kind == kind]
    if not distances:
        return None
    nearest = [run for distance, run in distances if distance == min(distance for distance, _ in distances)]
    longest = max(run.steps or 0 for run in nearest)
    nearest = [run for run in nearest if 2 * (run.steps or 0) >= longest]
    beside = statistics.median(run.seconds - run.training for run in nearest)
    wanted = _steps(settings, nearest[0])
    if wanted is None or not longest:
        return beside + statistics.median(run.training for run in nearest)
    return beside + statistics.median(run.training / run.steps for run in nearest) * max(0.0, wanted - (done or 0))


def _steps(settings: Mapping[str, Any], nearest: Measured) -> float | None:
    """Returns the steps of a run; where only its epochs are known, by the steps per epoch of the nearest run."""
    if settings.get("schedule.steps") is not None:
        return settings["schedule.steps"]
    epochs = settings.get("schedule.epochs")
    return epochs * nearest.steps / nearest.epochs if epochs is not None and nearest.steps and nearest.epochs else None


def _distance(settings: Mapping[str, Any], other: Mapping[str, Any]) -> int:
    paths = settings.keys() | other.keys()
    return sum(settings.get(path) != other.get(path) for path in paths if not _BESIDE.fullmatch(path))


def _measured(folder: Path) -> Iterator[Measured]:
    for path in sorted(folder.glob("*/summary.json")):
        run = path.parent
        summary, meta, config = (json_object(run / name) for name in ("summary.json", "meta.json", "config.json"))
        seconds = meta.get("wall_seconds")
        if not is_number(seconds) or not isinstance(config.get("config"), dict):
            continue
        training = meta.get("train_seconds")
        settings, steps = flatten(config["config"]), summary.get("steps")
        epochs = settings.get("schedule.epochs") or summary.get("epoch")
        yield Measured(
            kind=str(config.get("kind")),
            settings=settings,
            seconds=seconds,
            training=min(training, seconds) if is_number(training) else seconds,
            steps=steps if is_number(steps) and steps > 0 else None,
            epochs=epochs if is_number(epochs) and epochs > 0 else None,
        )
