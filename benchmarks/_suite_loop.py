"""What this suite's engines have in common: the compiled loop that `igr run` uses, called chunk by chunk."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from igr_suite.randomness import run_seed
from igr_suite.training.loop import LONGEST_CALL, compiled_steps


def training(p, model: keras.Model, rows: np.ndarray, scalar: str, sign: int = 1) -> Callable[[int], float]:
    """Returns a function that trains a number of steps (a multiple of CHUNK) and returns the last chunk's mean scalar.

    Args:
      p: the problem's module.
      rows: uint8, one example a row.
      scalar: its name in the result of `train_step`.
      sign: -1 to return its negative.
    """
    run = compiled_steps(model, tf.constant(rows), p.BATCH)
    indices, seed = p.batch_indices(), run_seed(0, "train")

    def train(steps: int) -> float:
        for first in range(0, steps, p.CHUNK):
            orders = tf.pad(next(indices), ((0, LONGEST_CALL - p.CHUNK), (0, 0)))
            sums = run(orders, p.CHUNK, first, seed)
        return sign * float(sums[scalar]) / p.CHUNK

    return train
