"""The first affine map of a Keras network apart from the rest of it."""

from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf


class FirstAffine(NamedTuple):
    """A network as rest((scale x + offset) kernel + bias).

    Attributes:
      kernel, bias: [inputs, outputs] and [outputs].
      scale, offset: of the inputs.
      rest: maps outputs of the affine map [N, outputs] to those of the network.
    """

    kernel: tf.Tensor
    bias: tf.Tensor
    scale: float
    offset: float
    rest: Callable[[tf.Tensor], tf.Tensor]


def first_affine(network: keras.Sequential) -> FirstAffine | None:
    """Returns the parts of a network that begins with an affine map, rescaled inputs or not; None for any other."""
    first, *others = network.layers
    scale, offset = 1.0, 0.0
    if isinstance(first, keras.layers.Rescaling):
        scale, offset = first.scale, first.offset
        first, *others = others
    if not isinstance(first, keras.layers.Dense) or not first.use_bias:
        return None

    def rest(x: tf.Tensor) -> tf.Tensor:
        x = first.activation(x)
        for layer in others:
            x = layer(x)
        return x

    kernel, bias = (tf.convert_to_tensor(weights) for weights in (first.kernel, first.bias))
    return FirstAffine(kernel, bias, scale, offset, rest)
