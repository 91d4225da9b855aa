"""Gradients as TensorFlow gives them: dense, or the rows of an embedding that were used."""

from collections.abc import Callable

import tensorflow as tf

Gradient = tf.Tensor | tf.IndexedSlices


def times(gradient: Gradient, factor) -> Gradient:
    """A gradient times a scalar; rows stay rows, by whose norm Keras clips them."""
    return with_values(lambda values: values * tf.cast(factor, values.dtype), gradient)


def with_values(function: Callable[[tf.Tensor], tf.Tensor], gradient: Gradient) -> Gradient:
    """A gradient whose values have gone through a function; rows stay rows."""
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(function(gradient.values), gradient.indices, gradient.dense_shape)
    return function(gradient)


def square_norm(gradient: Gradient) -> tf.Tensor:
    """The sum of the squares of a gradient's values; those of rows that occur several times count apart, as in Keras's
    clipping."""
    values = gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient
    return tf.reduce_sum(tf.square(values))
