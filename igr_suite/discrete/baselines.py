"""Baseline networks x -> tanh(100) -> scalar, stacked so that one product computes all of them."""

import tensorflow as tf

from igr_suite.randomness import at_step, run_seed, standard_normal

UNITS = 100  # of the hidden layer, as in REBAR's code


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
        kernel, bias, second, last = self.weights
        hidden = tf.tanh(tf.matmul(context, kernel) + bias)
        hidden = tf.reshape(hidden, (-1, second.shape[1], UNITS))
        return tf.reduce_sum(hidden * tf.transpose(second), -1) + last
