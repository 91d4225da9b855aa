"""The executor that times the training steps of runs beside it."""

import gc
import statistics
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.lab.runs.progress import Progress
from igr_suite.lab.runs.store import RunFolder
from igr_suite.randomness import run_seed
from igr_suite.studies.comparison.config import StepTime
from igr_suite.training.loading import untrained
from igr_suite.training.loop import LONGEST_CALL, compiled_steps
from igr_suite.training.timing import Program, Windows, interleaved, ratio


def execute(config: StepTime, folder: RunFolder) -> None:
    """Writes the times of every run's step: {"runs": {run id: {"processor_seconds", "wall_seconds", "relative_time",
    "relative_time_low", "relative_time_high"}}}; the first two are medians over windows, and the others the median and
    the range of the ratios of processor times to those of the first run in neighbouring windows.

    The steps are those that the run takes, compiled as for training and without evaluations. Processor time excludes
    most of what other processes do to the machine. The first run is timed with every group of the others; its times are
    those of all of its windows.

    Raises:
      UserError: a run is not beside this one, or trains no model.
    """
    first, *others = config.runs
    place = folder.path.parent
    groups = [others[start : start + config.together] for start in range(0, len(others), config.together)]
    steps, measured, of_first = program(place / first), {}, Windows()
    with Progress(folder) as progress:
        for number, group in enumerate(groups):
            windows = _timed(place, {first: steps}, group, config)
            of_first.wall += windows[first].wall
            of_first.processor += windows[first].processor
            measured |= {name: _summary(windows[name], windows[first]) for name in group}
            progress.update(number + 1, len(groups))
            gc.collect()  # the models of the group
    folder.write_summary({"runs": {first: _summary(of_first, of_first), **measured}})


def _timed(place: Path, first: dict[str, Program], group: Sequence[str], config: StepTime) -> dict[str, Windows]:
    programs = first | {name: program(place / name) for name in group}
    return interleaved(programs, config.windows, config.seconds, LONGEST_CALL)


def program(path: Path) -> Program:
    """The compiled steps of the run in a folder, with untrained weights.

    Raises:
      UserError: it is no run's folder, or the run trains no model.
    """
    run = RunFolder(path)
    config = run.config()
    if config is None:
        raise UserError(f"there is no run {path.name} in {path.parent}, whose steps are to be timed")
    training = untrained(config, run)
    images, plan = tf.constant(training.rows), training.plan
    steps = compiled_steps(training.model, images, plan.batch_size, training.replicas)
    orders, seed = plan.orders(0, min(LONGEST_CALL, plan.steps_per_epoch)), run_seed(plan.seed, "step time")

    def train(count: int) -> None:
        for value in steps(orders, count, 0, seed).values():
            value.numpy()

    return train


def _summary(windows: Windows, first: Windows) -> dict[str, float]:
    relative, low, high = ratio(windows.processor, first.processor)
    return {
        "processor_seconds": statistics.median(windows.processor),
        "wall_seconds": statistics.median(windows.wall),
        "relative_time": relative,
        "relative_time_low": low,
        "relative_time_high": high,
    }
