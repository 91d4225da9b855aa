"""Estimates how long the unfinished runs of an experiment will take, from the measured times of finished ones."""

import re
import statistics
from collections.abc import Collection, Mapping
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
    """A finished run: its kind, its costly settings, and the time that it took."""

    kind: str
    costly: frozenset[tuple[str, Any]]  # the settings that a step's cost may depend on
    seconds: float
    training: float  # the part of these seconds that grows with the number of steps
    steps: int | None
    epochs: float | None
    memory: int | None  # its peak, in MB


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


def estimate(
    configs: Mapping[str, RunConfig], steps: Mapping[str, int | None], measured: Collection[Measured]
) -> Estimate:
    """Estimates the time of unfinished runs.

    Every run is compared with those finished runs of the same kind that differ in the fewest settings. Of these, only
    runs with at least half the steps of the longest one count, since the start of a run, with its compilation, weighs
    heavily in short ones. The estimate is the median of their seconds per step times the number of steps, plus the
    median of the time that they spent outside training.

    Args:
      configs: run_id -> config of the unfinished runs.
      steps: run_id -> step that the run has reached; absent or None for runs that have not begun.
      measured: the finished runs.
    """
    seconds = [_seconds(config, steps.get(run_id), measured) for run_id, config in configs.items()]
    known = [value for value in seconds if value is not None]
    return Estimate(sum(known), len(seconds), len(seconds) - len(known), max(known, default=0.0))


def measured_runs(experiment: Experiment, root: Path) -> list[Measured]:
    """Returns the finished runs of all scales of an experiment and of those that it shares runs with, in `root` and in
    the checkout's results."""
    roots = dict.fromkeys(path.resolve() for path in (root, repository() / "results"))
    names = (experiment.name, *experiment.shares_with)
    return [
        run
        for place in roots
        for name in names
        for path in sorted((place / name).glob("*/*/summary.json"))
        if (run := _measured(path.parent)) is not None
    ]


def hours(seconds: float) -> str:
    """Returns '13 h', '6.5 h', '40 min' or '12 s', which is precise enough for an estimate."""
    if seconds >= 3600:
        hours = seconds / 3600
        return f"{hours:.0f} h" if hours >= 9.95 else f"{hours:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 100 else f"{seconds:.0f} s"


def _seconds(config: RunConfig, done: int | None, measured: Collection[Measured]) -> float | None:
    kind, settings = type(config).__name__, flatten(config.to_dict())
    costly = _costly(settings)
    distances = [(_distance(costly, run.costly), run) for run in measured if run.kind == kind]
    if not distances:
        return None
    least = min(distance for distance, _ in distances)
    nearest = [run for distance, run in distances if distance == least]
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


def _costly(settings: Mapping[str, Any]) -> frozenset[tuple[str, Any]]:
    return frozenset(
        (path, value) for path, value in settings.items() if value is not None and not _BESIDE.fullmatch(path)
    )


def _distance(costly: frozenset[tuple[str, Any]], other: frozenset[tuple[str, Any]]) -> int:
    """Returns the number of settings that differ; one that is absent is as one that is None."""
    return len({path for path, _ in costly ^ other})


def _measured(run: Path) -> Measured | None:
    summary, meta, config = (json_object(run / name) for name in ("summary.json", "meta.json", "config.json"))
    seconds = meta.get("wall_seconds")
    if not is_number(seconds) or not isinstance(config.get("config"), dict):
        return None
    training, memory = meta.get("train_seconds"), meta.get("peak_memory_mb")
    settings, steps = flatten(config["config"]), summary.get("steps")
    epochs = settings.get("schedule.epochs") or summary.get("epoch")
    return Measured(
        kind=str(config.get("kind")),
        costly=_costly(settings),
        seconds=seconds,
        training=min(training, seconds) if is_number(training) else seconds,
        steps=steps if is_number(steps) and steps > 0 else None,
        epochs=epochs if is_number(epochs) and epochs > 0 else None,
        memory=int(memory) if is_number(memory) else None,
    )
