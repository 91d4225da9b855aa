"""Gradients of a relaxed code with respect to its distribution's parameters, and the noise of a gradient across
draws."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import tensorflow as tf

Gradients = Mapping[str, Sequence[tf.Tensor]]


def jacobian_norm(sample_of: Callable[[tf.Tensor], tf.Tensor], parameters: tf.Tensor) -> tf.Tensor:
    """Frobenius norm of d psi / d parameters of every variable, by one backward pass for each category.

        sqrt(sum_k |d psi_k / d parameters|^2)

    Variables must not depend on each other's parameters, so that the sum over them can be differentiated at once.

    Args:
      sample_of: maps parameters to psi [..., K] at fixed noise.
      parameters: [..., P], all blocks of a variable.
    Returns:
      [...].
    """
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(parameters)
        psi = sample_of(parameters)
        columns = [tf.reduce_sum(column) for column in tf.unstack(psi, axis=-1)]
    squares = [tf.reduce_sum(tape.gradient(column, parameters) ** 2, -1) for column in columns]
    return tf.sqrt(tf.add_n(squares))


def historical_norm(logits_of: Callable[[tf.Tensor], tf.Tensor], first_block: tf.Tensor) -> tf.Tensor:
    """Norm over categories of d sum_k softmax_k(logits) / d first block: the monitor of the authors' code.

    A softmax sums to 1, so in exact arithmetic this is 0 for every model, temperature and parameter. The computed value
    is the round-off of the backward pass, and the share of values below a limit counts how often the round-off cancels.

    Args:
      logits_of: maps the first block [..., D] to tempered scores [..., D].
      first_block: loc, or logits of Gumbel-Softmax [..., D].
    Returns:
      [...].
    Source: docs/papers/igr.md, section 3.8.
    """
    with tf.GradientTape() as tape:
        tape.watch(first_block)
        total = tf.reduce_sum(tf.nn.softmax(logits_of(first_block)), -1)
    return tf.norm(tape.gradient(total, first_block), axis=-1)


class Moments(NamedTuple):
    """Running mean [...] of `count` vectors and running sum of squared deviations of every entry [...] (Welford)."""

    count: tf.Tensor
    mean: tf.Tensor
    deviation: tf.Tensor

    @classmethod
    def start(cls, like: tf.Tensor) -> "Moments":
        """The moments of no vectors."""
        return cls(tf.zeros((), like.dtype), tf.zeros_like(like), tf.zeros_like(like))

    def add(self, value: tf.Tensor) -> "Moments":
        """The moments with one more vector; they stay accurate when the mean is much larger than the deviations."""
        count = self.count + 1
        mean = self.mean + (value - self.mean) / count
        return Moments(count, mean, self.deviation + (value - self.mean) * (value - mean))

    def variance(self, axis=None) -> tf.Tensor:
        """Trace of the covariance, unbiased: sum over `axis` of the entries' variances."""
        return tf.reduce_sum(self.deviation, axis) / (self.count - 1)

    def signal(self, axis=None) -> tf.Tensor:
        """Squared norm of the expectation, unbiased: |mean|^2 - variance / count; for pure noise it may be negative."""
        return tf.reduce_sum(self.mean**2, axis) - self.variance(axis) / self.count
