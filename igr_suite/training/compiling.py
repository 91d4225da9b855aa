"""Whether XLA or TensorFlow's graph runs the loop of a run's steps, where IGR_COMPILER takes the choice from the
family.

The two differ in the order of their sums, so a run keeps the one with which it began: checkpoints name it, and a resumed
run ends bitwise as one that was never stopped.
"""

import statistics
import sys
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from igr_suite.lab.runs import compilers
from igr_suite.lab.runs.store import RunFolder
from igr_suite.training.timing import Program, interleaved

NOTE = "compiler"  # in meta.json
WINDOWS, SECONDS = 5, 0.3  # windows of each program that are timed, in turn, and about how long one lasts

Steps = Callable[..., dict[str, tf.Tensor]]


def compiled_by_xla(
    model: keras.Model,
    steps_of: Callable[[bool], Steps],
    orders: np.ndarray,
    most: int,
    seed: tf.Tensor,
    folder: RunFolder,
) -> bool | None:
    """Chooses for a run that has not begun, and writes to meta.json and to the run's log what was chosen and why.

    Args:
      model: untrained; measuring trains it and then restores all that training changes.
      steps_of: maps whether XLA compiles to the compiled loop, as `loop.compiled_steps`.
      orders: int32 [LONGEST_CALL, B], rows of example indices for the steps that are timed.
      most: number of rows that may be used.
      seed: int32 [2].
      folder: open run folder.
    Returns:
      Whether XLA compiles the loop; None where IGR_COMPILER is not set, so that the model's own choice holds.
    Raises:
      UserError: IGR_COMPILER is not one of `compilers.CHOICES`.
    """
    asked = compilers.chosen()
    if asked is None:
        if folder.meta().get(NOTE) is not None:  # of an earlier start that saved nothing
            folder.write_meta(**{NOTE: None})
        return None
    note = {"asked": asked}
    if asked == "measure":
        rates = steps_per_second(
            model, {name: steps_of(name == "xla") for name in ("xla", "graph")}, orders, most, seed
        )
        note |= {"chosen": max(rates, key=rates.get), "steps_per_second": rates}
        measured = ", ".join(f"{name} {rate:.3g} steps/s" for name, rate in rates.items())
        print(f"compiler: {measured}; the run takes {note['chosen']}", file=sys.stderr, flush=True)
    else:
        note |= {"chosen": asked}
        print(f"compiler: {asked}, as {compilers.VARIABLE} says", file=sys.stderr, flush=True)
    folder.write_meta(**{NOTE: note})
    return note["chosen"] == "xla"


def keep(xla: bool | None, folder: RunFolder) -> bool | None:
    """Returns the choice of a checkpoint, and notes it in a meta.json that does not have it: the checkpoint of a shorter
    run comes without its meta.json."""
    if xla is not None and folder.meta().get(NOTE) is None:
        folder.write_meta(**{NOTE: {"asked": None, "chosen": "xla" if xla else "graph"}})
    return xla


def steps_per_second(
    model: keras.Model, programs: dict[str, Steps], orders: np.ndarray, most: int, seed: tf.Tensor
) -> dict[str, float]:
    """Medians over windows of the programs in turn; the model is left as it was.

    Args:
      model, orders, most, seed: as for `compiled_by_xla`.
      programs: compiled loops by name.
    """
    variables = model.state_variables()
    before = [np.array(variable.numpy()) for variable in variables]

    def trained_by(steps: Steps) -> Program:
        def train(count: int) -> None:
            for value in steps(orders, count, 0, seed).values():
                value.numpy()

        return train

    windows = interleaved({name: trained_by(steps) for name, steps in programs.items()}, WINDOWS, SECONDS, most)
    for variable, array in zip(variables, before, strict=True):
        variable.assign(array)
    return {name: round(1 / statistics.median(of_name.wall), 3) for name, of_name in windows.items()}
