"""Several baseline networks x -> tanh(100) -> scalar, stacked so that a step computes all of them in one product."""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from igr_suite.randomness import at_step, run_seed, standard_normal

UNITS = 100  # of the hidden layer, as in REBAR's code


class Values(NamedTuple):
    """Outputs [N, count] of the baselines, and their hidden layers [N, count, UNITS], which the gradients need."""

    outputs: tf.Tensor
    hidden: tf.Tensor


def shapes(inputs: int, count: int) -> list[tuple[int, ...]]:
    """Shapes of the stacked weights: [W_1, b_1, W_2, b_2]."""
    return [(inputs, count * UNITS), (count * UNITS,), (UNITS, count), (count,)]


def evaluate(weights: Sequence[tf.Tensor], x: tf.Tensor) -> Values:
    """The values of all baselines at a context x [N, inputs], such as centred images."""
    first, bias, second, last = weights
    hidden = tf.reshape(tf.tanh(tf.matmul(x, first) + bias), (x.shape[0], -1, UNITS))
    return Values(tf.reduce_sum(hidden * tf.transpose(second), -1) + last, hidden)


def gradients(weights: Sequence[tf.Tensor], x: tf.Tensor, values: Values, upstream: tf.Tensor) -> list[tf.Tensor]:
    """Gradients of the weights, given the gradient `upstream` [N, count] of the outputs."""
    spread = upstream[..., tf.newaxis]
    inner = tf.reshape(spread * tf.transpose(weights[2]) * (1.0 - tf.square(values.hidden)), (x.shape[0], -1))
    second = tf.transpose(tf.reduce_sum(spread * values.hidden, 0))
    return [tf.matmul(x, inner, transpose_a=True), tf.reduce_sum(inner, 0), second, tf.reduce_sum(upstream, 0)]


class BaselineNetworks:
    """One baseline for each layer.

    Args:
      inputs: width of the context.
      count: number of baselines.
      dtype: of the weights.
      seed: of the initial kernels, normal with variance 2.6 / inputs as those of belief networks; biases begin at 0.
    """

    def __init__(self, inputs: int, count: int, dtype: tf.DType = tf.float32, seed: int = 0):
        place = run_seed(seed, "baseline networks")
        first = standard_normal((inputs, count * UNITS), at_step(place, tf.constant(1)), dtype)
        second = standard_normal((UNITS, count), at_step(place, tf.constant(2)), dtype)
        self.weights = [
            tf.Variable(first * tf.cast((2.6 / inputs) ** 0.5, dtype)),
            tf.Variable(tf.zeros([count * UNITS], dtype)),
            tf.Variable(second * tf.cast((2.6 / UNITS) ** 0.5, dtype)),
            tf.Variable(tf.zeros([count], dtype)),
        ]

    def __call__(self, context: tf.Tensor) -> tf.Tensor:
        """Returns all baselines [B, count] of a context [B, inputs]."""
        return evaluate(self.weights, context).outputs
