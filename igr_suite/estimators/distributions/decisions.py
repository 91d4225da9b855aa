"""A categorical variable as a walk: C - 1 binary decisions, of which those on the way to a category are visited."""

from typing import NamedTuple, Protocol

import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.estimators.inputs import known_sizes


class Walk(NamedTuple):
    """What a walk meets.

    Attributes:
      visited: 1 for every decision on the way, 0 for the others [..., V, C - 1].
      samples: the category at its end, one-hot [..., V, C].
    """

    visited: tf.Tensor
    samples: tf.Tensor


class Decisions(Protocol):
    """The decisions of each variable of logits [..., V, C], independent Bernoulli variables.

    Attributes:
      logits: phi, of each decision [..., V, C - 1].
    """

    logits: tf.Tensor

    def walk(self, bits: tf.Tensor) -> Walk:
        """Returns the walk for outcomes 0 or 1 of all decisions [..., V, C - 1], visited or not."""

    def vjp(self, gradient: tf.Tensor) -> tf.Tensor:
        """Maps d/dphi [..., V, C - 1] to d/dlogits [..., V, C]."""


def decisions_shape(shape):
    """Returns the shape [..., V, C - 1] of the decisions of logits [..., V, C]; numbers, or an int tensor for one.

    Raises:
      UserError: a size that is not known.
    """
    if tf.is_tensor(shape):
        return tf.concat([shape[:-1], shape[-1:] - 1], 0)
    sizes = known_sizes(shape, "tf.shape(logits)")
    return [*sizes[:-1], sizes[-1] - 1]


def known_categories(logits: tf.Tensor) -> int:
    """Returns C of logits [..., V, C].

    Raises:
      UserError: it is not known.
    """
    if logits.shape[-1] is None:
        raise UserError(
            f"logits of shape {logits.shape} have a number of categories that is not known while this function is "
            f"traced: pass logits whose last size is known"
        )
    return logits.shape[-1]


def log_add_exp(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """log(exp first + exp second), of finite tensors of equal shapes."""
    return tf.maximum(first, second) + tf.nn.softplus(-tf.abs(first - second))
