"""Gradients as TensorFlow returns them: dense, or as the rows of an embedding that were used."""

from collections.abc import Callable
from typing import TypeAlias

import tensorflow as tf

Gradient: TypeAlias = tf.Tensor | tf.IndexedSlices


def times(gradient: Gradient, factor) -> Gradient:
    """A gradient times a scalar; IndexedSlices stay so, because Keras clips them by the norm of their rows."""
    return with_values(lambda values: values * tf.cast(factor, values.dtype), gradient)


def with_values(function: Callable[[tf.Tensor], tf.Tensor], gradient: Gradient) -> Gradient:
    """A gradient with a function applied to its values; IndexedSlices stay so."""
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(function(gradient.values), gradient.indices, gradient.dense_shape)
    return function(gradient)


def square_norm(gradient: Gradient) -> tf.Tensor:
    """The sum of the squares of a gradient's values; a row that occurs several times counts each time, as in Keras's
    clipping."""
    values = gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient
    return tf.reduce_sum(tf.square(values))
