"""The executor of `PolynomialRun`: all seeds side by side, an epoch of steps as one compiled loop."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from igr_suite.estimators import get
from igr_suite.lab.runs.interrupts import Interrupts
from igr_suite.lab.runs.progress import Progress
from igr_suite.lab.runs.store import RunFolder
from igr_suite.randomness import at_step, run_seed, uniform
from igr_suite.studies.polynomial.config import EXACT, PolynomialRun

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8  # Adam, as in PyTorch
START = 0.01  # largest absolute value of an initial logit
DIGITS = 7  # of a row's numbers


class State(NamedTuple):
    """Logits of all seeds and Adam's averages [S, V, 2]."""

    logits: tf.Tensor
    first: tf.Tensor
    second: tf.Tensor


class Polynomial:
    """Pure functions of a state; a sample's value is its first category's part of the one-hot.

    Args:
      config: of the run.
    """

    def __init__(self, config: PolynomialRun):
        self.config = config
        given = {"temperature": config.temperature, "samples": config.samples}
        settings = {name: value for name, value in given.items() if value is not None}
        self.estimator = None if config.estimator == EXACT else get(config.estimator, **settings)
        self.noise_seed = run_seed(config.seed, "polynomial")

    def loss(self, values: tf.Tensor) -> tf.Tensor:
        """mean_i |b_i - target|^power: [..., V] -> [...]."""
        return tf.reduce_mean(tf.pow(tf.abs(values - self.config.target), self.config.power), -1)

    def expected_loss(self, logits: tf.Tensor) -> tf.Tensor:
        """The mean of the loss over samples, [S, V, 2] -> [S]."""
        on = tf.sigmoid(logits[..., 0] - logits[..., 1])
        return tf.reduce_mean(on * self.loss(tf.ones([1])) + (1.0 - on) * self.loss(tf.zeros([1])), -1)

    def initial(self) -> State:
        """Logits uniform in +-START."""
        shape = [self.config.seeds, self.config.units, 2]
        logits = START * (2.0 * uniform(shape, run_seed(self.config.seed, "polynomial start")) - 1.0)
        return State(logits, tf.zeros_like(logits), tf.zeros_like(logits))

    def gradient(self, logits: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the estimated gradient of the loss [S, V, 2], and the mean loss of the samples [S]."""
        if self.estimator is None:
            with tf.GradientTape() as tape:
                tape.watch(logits)
                loss = self.expected_loss(logits)
            return tape.gradient(loss, logits), loss
        repeated = tf.repeat(logits, self.config.batch_size, 0)
        noise = self.estimator.noise(repeated.shape, seed)
        estimate = self.estimator.estimate(lambda b: self.loss(b[..., 0]), repeated, noise)
        by_seed = [self.config.seeds, self.config.batch_size]
        gradient = tf.reshape(estimate.gradient, [*by_seed, *logits.shape[1:]])
        return tf.reduce_mean(gradient, 1), tf.reduce_mean(tf.reshape(estimate.value, by_seed), 1)

    def epoch(self, state: State, first: tf.Tensor) -> tuple[State, tf.Tensor]:
        """The state after an epoch that begins with step `first`, and the mean loss of its samples [S]."""

        def body(i: tf.Tensor, state: State, total: tf.Tensor) -> tuple[tf.Tensor, State, tf.Tensor]:
            gradient, loss = self.gradient(state.logits, at_step(self.noise_seed, first + i))
            return i + 1, adam(state, gradient, first + i + 1, self.config.learning_rate), total + loss

        steps = self.config.steps_per_epoch
        start = tf.constant(0), state, tf.zeros([self.config.seeds])
        _, state, total = tf.while_loop(lambda i, *_: i < steps, body, start, parallel_iterations=1)
        return state, total / steps


def adam(state: State, gradient: tf.Tensor, number: tf.Tensor, learning_rate: float) -> State:
    """Returns the state after Adam's step `number`, which counts from 1."""
    n = tf.cast(number, gradient.dtype)
    first = BETA_1 * state.first + (1.0 - BETA_1) * gradient
    second = BETA_2 * state.second + (1.0 - BETA_2) * tf.square(gradient)
    scale = tf.sqrt(1.0 - BETA_2**n) / (1.0 - BETA_1**n)
    return State(state.logits - learning_rate * scale * first / (tf.sqrt(second) + EPSILON), first, second)


def row_of(problem: Polynomial, state: State, loss: tf.Tensor | None) -> dict[str, list[float]]:
    """The metrics row, with lists over seeds: "loss" of the epoch's samples, which the row at step 0 does not have, and
    at its end the "expected_loss" and the mean "probability" of the variables."""
    on = tf.reduce_mean(tf.sigmoid(state.logits[..., 0] - state.logits[..., 1]), -1)
    row = {} if loss is None else {"loss": loss}
    row |= {"expected_loss": problem.expected_loss(state.logits), "probability": on}
    return {name: [float(f"{value:.{DIGITS}g}") for value in np.asarray(values)] for name, values in row.items()}


def execute(config: PolynomialRun, folder: RunFolder) -> None:
    """Trains and measures; a run takes seconds to minutes, so an interrupted one starts again."""
    problem = Polynomial(config)
    epoch: Callable = tf.function(problem.epoch, jit_compile=True, autograph=False)
    state, row = problem.initial(), {}
    folder.metrics.cut_after(-1)
    with Interrupts() as interrupts, Progress(folder) as progress:
        for number in range(config.epochs + 1):
            step, loss = number * config.steps_per_epoch, None
            if number:
                state, loss = epoch(state, tf.constant(step - config.steps_per_epoch))
            row = row_of(problem, state, loss)
            folder.metrics.append(step, **row)
            progress.update(step, config.epochs * config.steps_per_epoch, loss=float(np.median(row["expected_loss"])))
            if interrupts.requested:
                interrupts.stop()
    folder.write_summary({"steps": config.epochs * config.steps_per_epoch, "final": row})
