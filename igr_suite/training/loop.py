"""The training loop: many steps in a compiled call over data in memory; the host works only between calls."""

import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import keras
import numpy as np
import tensorflow as tf

from igr_suite.data.batching import epoch_order, steps_per_epoch
from igr_suite.errors import UserError
from igr_suite.lab.runs.interrupts import Interrupts
from igr_suite.lab.runs.progress import Progress
from igr_suite.lab.runs.store import RunFolder
from igr_suite.randomness import at_step, run_seed
from igr_suite.training import checkpoints
from igr_suite.training.compiling import compiled_by_xla, keep
from igr_suite.training.strategy import Replicas

LOGGED_POINTS = 250  # a run logs a few hundred points, not every step
LONGEST_CALL = 200  # steps: about a second, so that signals are handled soon
# Resumes are bitwise from any step, so the clock may decide when to save.
CHECKPOINT_SECONDS = float(os.environ.get("IGR_CHECKPOINT_SECONDS", "20"))


@dataclass(frozen=True)
class Plan:
    """The steps at which the loop returns to the host: ends of compiled calls, metrics rows, evaluations.

    Raises:
      UserError: a batch is larger than the training split, or there are no examples.
    """

    examples: int
    batch_size: int
    epochs: int
    evaluate_every: int
    seed: int
    fill: bool = False
    stored_order: bool = False  # every epoch visits the examples as they are stored

    def __post_init__(self):
        steps_per_epoch(self.examples, self.batch_size)

    @cached_property
    def steps_per_epoch(self) -> int:
        """Number of batches in an epoch; the remainder of a shuffled epoch is left out, or with `fill` completed to a
        batch by the epoch's first images."""
        return -(-self.examples // self.batch_size) if self.fill else self.examples // self.batch_size

    @property
    def steps(self) -> int:
        """Number of steps of the whole run."""
        return self.epochs * self.steps_per_epoch

    def logs(self, step: int) -> bool:
        """Whether a metrics row is due at this step; rows divide epochs evenly."""
        rows = min(self.steps_per_epoch, max(1, LOGGED_POINTS // self.epochs))
        within = step % self.steps_per_epoch or self.steps_per_epoch
        return within * rows // self.steps_per_epoch > (within - 1) * rows // self.steps_per_epoch

    def evaluates(self, step: int) -> bool:
        """Whether an evaluation is due: after the first epoch, every `evaluate_every` epochs and at the end."""
        epoch, rest = divmod(step, self.steps_per_epoch)
        return rest == 0 and (epoch == 1 or epoch % self.evaluate_every == 0 or epoch == self.epochs)

    def next_stop(self, step: int) -> int:
        """End of the compiled call that begins at `step`: the next row, the end of the epoch or LONGEST_CALL steps
        later."""
        stop = step + 1
        while not self.logs(stop) and stop - step < LONGEST_CALL:
            stop += 1
        return stop

    def orders(self, begin: int, end: int) -> np.ndarray:
        """Example indices int32 [LONGEST_CALL, batch_size]: a row for each step, all of one epoch, then rows of
        zeros."""
        epoch, first = divmod(begin, self.steps_per_epoch)
        if epoch not in self._order:
            self._order.clear()
            if self.stored_order:
                order = np.arange(self.steps_per_epoch * self.batch_size) % self.examples
                self._order[epoch] = order.reshape(self.steps_per_epoch, self.batch_size).astype(np.int32)
            else:
                self._order[epoch] = epoch_order(self.seed, epoch, self.examples, self.batch_size, self.fill)
        rows = np.zeros((LONGEST_CALL, self.batch_size), np.int32)
        rows[: end - begin] = self._order[epoch][first : first + end - begin]
        return rows

    @cached_property
    def _order(self) -> dict[int, np.ndarray]:
        return {}


def compiled_steps(
    model: keras.Model,
    images: tf.Tensor,
    batch_size: int,
    replicas: Replicas | None = None,
    xla: bool | None = None,
) -> Callable[..., dict[str, tf.Tensor]]:
    """Several training steps as one compiled call.

    Args:
      model: has `train_step(batch, seed) -> dict of scalars`, the dict's keys as `scalars`, and `jit_steps`: whether
        XLA compiles the loop, which is measured for each model family (docs/performance.md).
      images: uint8 [N, D], the training set in memory.
      batch_size: B.
      replicas: the devices among which every batch is divided; XLA compiles for one device only. By default there is
        one.
      xla: takes the place of `model.jit_steps`.
    Returns:
      A function (orders int32 [LONGEST_CALL, B], n int32, first step int32, seed int32 [2]) -> sums of the scalars over
      n steps, which use the first n rows: the number of rows is fixed so that XLA compiles one program.
    """
    replicas = replicas or Replicas()
    xla = model.jit_steps if xla is None else xla

    @tf.function(
        input_signature=[
            tf.TensorSpec((LONGEST_CALL, batch_size), tf.int32),
            tf.TensorSpec((), tf.int32),
            tf.TensorSpec((), tf.int32),
            tf.TensorSpec((2,), tf.int32),
        ],
        autograph=False,
        jit_compile=xla and replicas.strategy is None,
    )
    def run(orders, count, first, seed):
        def body(i, sums):
            scalars = replicas.train_step(model, tf.gather(images, orders[i]), at_step(seed, first + i))
            return i + 1, {name: sums[name] + scalars[name] for name in sums}

        start = {name: tf.zeros(()) for name in model.scalars}
        return tf.while_loop(lambda i, _: i < count, body, (tf.constant(0), start), parallel_iterations=1)[1]

    return run


class Diverged(UserError):
    """A loss or a weight is no longer finite."""

    reason = "diverged"  # a selection continues without such a run


def fit(
    model: keras.Model,
    images: tf.Tensor,
    plan: Plan,
    folder: RunFolder,
    evaluate: Callable[[int], dict[str, float]],
    interrupts: Interrupts,
    replicas: Replicas | None = None,
) -> float:
    """Trains to the end of the plan, from the folder's last checkpoint if there is one; the result is bitwise the same.

    Args:
      model: keras.Model with `train_step(batch, seed)` and `state_variables()`.
      images: uint8 [N, D] training set.
      plan: epochs, batches, rows and evaluations.
      folder: open run folder; rows and checkpoints are written to it.
      evaluate: maps a step to scalars of a metrics row.
      interrupts: may request an early stop; the run then saves and raises Interrupted.
      replicas: the devices among which batches are divided; the model was built in their scope. By default there is
        one.
    Returns:
      Seconds that this process spent training, without evaluations.
    Raises:
      Diverged: a scalar or a weight is not finite; the last good checkpoint is kept.
      UserError: damaged checkpoint or metrics, unwritable folder, a batch that cannot be divided among the replicas.
    """
    replicas = replicas or Replicas()
    replicas.announce(plan.batch_size, folder)
    seed = run_seed(plan.seed, "train")

    def steps_of(xla: bool | None) -> Callable[..., dict[str, tf.Tensor]]:
        return compiled_steps(model, images, plan.batch_size, replicas, xla)

    state = resume(model, folder)
    if state is None:
        step, sums, counted = 0, {}, 0
        first = min(plan.steps_per_epoch, LONGEST_CALL)
        xla = compiled_by_xla(model, steps_of, plan.orders(0, first), first, seed, folder)
    else:
        step, sums, counted = state.step, state.host["sums"], state.host["counted"]
        xla = keep(state.host.get("xla"), folder)
    run = steps_of(xla)
    saved, seconds = time.monotonic(), 0.0
    with Progress(folder) as progress:
        while step < plan.steps:
            stop = plan.next_stop(step)
            began = time.perf_counter()
            scalars = run(plan.orders(step, stop), stop - step, step, seed)
            new = {name: float(value) for name, value in scalars.items()}
            seconds += time.perf_counter() - began
            sums = {name: sums.get(name, 0.0) + value for name, value in new.items()}
            _check_finite(sums, step, stop, folder)
            counted, step = counted + stop - step, stop
            means = {f"train_{name}": value for name, value in means_of(model, sums, counted).items()}
            progress.update(step, plan.steps, epoch=step / plan.steps_per_epoch, **means)
            if plan.logs(step):
                folder.metrics.append(step, epoch=step / plan.steps_per_epoch, **means)
                sums, counted = {}, 0
            if plan.evaluates(step):
                folder.metrics.append(step, epoch=step / plan.steps_per_epoch, **evaluate(step))
            stopping, due = replicas.any([interrupts.requested, time.monotonic() - saved > CHECKPOINT_SECONDS])
            if stopping or due or step == plan.steps:
                _save(model, folder, step, sums, counted, xla)
                saved = time.monotonic()
            if stopping and step < plan.steps:
                interrupts.stop()
    return seconds


def means_of(model: keras.Model, sums: dict[str, float], steps: int) -> dict[str, float]:
    """Means of a row's scalars over its steps, or, for scalars that are not measured at every step, over the steps at
    which they are.

    Args:
      model: its `counted_by`, if it has one, maps such a scalar, which is 0 at steps without a measurement, to a scalar
        that is 1 at steps with one and 0 otherwise.
      sums: of the scalars over the steps.
      steps: number of steps.
    Returns:
      Means by name, without the counting scalars, and without scalars that were not measured at any of the steps.
    """
    counts = getattr(model, "counted_by", {})
    measured = {
        name: sums.get(counts[name], 0.0) if name in counts else steps for name in sums if name not in counts.values()
    }
    return {name: sums[name] / count for name, count in measured.items() if count}


def resume(model: keras.Model, folder: RunFolder) -> checkpoints.State | None:
    """Restores the last checkpoint into the model and truncates the metrics to its step.

    Returns:
      The checkpoint, whose `host` has `sums` of the scalars since the last row, the number of steps `counted` in them,
      and where IGR_COMPILER decided, `xla`: whether XLA compiles the steps. None without a checkpoint.
    Raises:
      UserError: the checkpoint is damaged or belongs to another model.
    """
    state = checkpoints.latest(folder.checkpoints)
    if state is None:
        folder.metrics.cut_after(0)
        return None
    _check_host(state, folder)
    restore(model, state, folder)
    if "metrics_bytes" in state.host:
        folder.metrics.cut_to(state.host["metrics_bytes"], state.step)
    else:  # saved by an older version
        folder.metrics.cut_after(state.step)
    return state


def _check_host(state: checkpoints.State, folder: RunFolder) -> None:
    """Raises UserError unless the numbers of a checkpoint's unfinished row are of the kind that `fit` saves."""
    sums = state.host.get("sums")
    counts = [state.host.get("counted"), state.host.get("metrics_bytes", 0)]
    good = isinstance(sums, dict) and all(
        type(value) in (int, float) and math.isfinite(value) for value in sums.values()
    )
    good = good and type(state.host.get("xla")) in (bool, type(None))
    if not good or not all(type(count) is int and count >= 0 for count in counts) or counts[0] > state.step:
        path = checkpoints.path_of(folder.checkpoints, state.step)
        raise checkpoints.damaged(path, "not what a run saves: its host.npy lacks the sums of the row that was begun")


def fit_into(arrays: Sequence[np.ndarray], variables: Sequence[tf.Variable | keras.Variable]) -> bool:
    """Whether arrays have the number, shapes and types of the variables, so that none would be converted."""
    expected = [(tuple(v.shape), np.dtype(tf.as_dtype(v.dtype).as_numpy_dtype)) for v in variables]
    return expected == [(array.shape, array.dtype) for array in arrays]


def restore(model: keras.Model, state: checkpoints.State, folder: RunFolder) -> None:
    """Assigns a checkpoint's arrays to the model's state variables, all or none.

    Raises:
      UserError: it belongs to another model, with other shapes or types.
    """
    variables = model.state_variables()
    if not fit_into(state.arrays, variables):
        raise UserError(
            f"the checkpoint of step {state.step} in {folder.path} is of another model; delete the folder to run it "
            f"again"
        )
    for variable, array in zip(variables, state.arrays):
        variable.assign(array)


def _save(
    model: keras.Model, folder: RunFolder, step: int, sums: dict[str, float], counted: int, xla: bool | None
) -> None:
    arrays = [np.asarray(variable.numpy()) for variable in model.state_variables()]
    if not all(np.isfinite(array).all() for array in arrays if array.dtype.kind == "f"):
        raise Diverged(_diverged("a weight is not finite", step, folder))
    host = {"sums": sums, "counted": counted, "metrics_bytes": folder.metrics.size()}
    if xla is not None:
        host["xla"] = xla
    folder.check_lock()
    checkpoints.save(folder.checkpoints, checkpoints.State(step, arrays, host))


def _check_finite(sums: dict[str, float], step: int, stop: int, folder: RunFolder) -> None:
    for name, value in sums.items():
        if not math.isfinite(value):
            raise Diverged(_diverged(f"train_{name} is {value} between steps {step} and {stop}", stop, folder))


def _diverged(what: str, step: int, folder: RunFolder) -> str:
    kept = checkpoints.paths(folder.checkpoints)
    last = f"the last good checkpoint is {kept[-1]}" if kept else "there was no checkpoint yet"
    return (
        f"training diverged at step {step}: {what}; {last}; try a smaller optimiser.learning_rate or a higher "
        f"model.temperature"
    )
