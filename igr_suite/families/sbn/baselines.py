"""Several baseline networks x -> tanh(100) -> scalar, stacked so that a step computes all of them in one product."""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

UNITS = 100


class Values(NamedTuple):
    """Outputs [N, count] of the baselines, and their hidden layers [N, count, UNITS], which the gradients need."""

    outputs: tf.Tensor
    hidden: tf.Tensor


def shapes(pixels: int, count: int) -> list[tuple[int, ...]]:
    """Shapes of the stacked weights: [W_1, b_1, W_2, b_2]."""
    return [(pixels, count * UNITS), (count * UNITS,), (UNITS, count), (count,)]


def evaluate(weights: Sequence[tf.Tensor], x: tf.Tensor) -> Values:
    """The values of all baselines at centred images x [N, pixels]."""
    first, bias, second, last = weights
    hidden = tf.reshape(tf.tanh(tf.matmul(x, first) + bias), (x.shape[0], -1, UNITS))
    return Values(tf.reduce_sum(hidden * tf.transpose(second), -1) + last, hidden)


def gradients(weights: Sequence[tf.Tensor], x: tf.Tensor, values: Values, upstream: tf.Tensor) -> list[tf.Tensor]:
    """Gradients of the weights, given the gradient `upstream` [N, count] of the outputs."""
    spread = upstream[..., tf.newaxis]
    inner = tf.reshape(spread * tf.transpose(weights[2]) * (1.0 - tf.square(values.hidden)), (x.shape[0], -1))
    second = tf.transpose(tf.reduce_sum(spread * values.hidden, 0))
    return [tf.matmul(x, inner, transpose_a=True), tf.reduce_sum(inner, 0), second, tf.reduce_sum(upstream, 0)]
