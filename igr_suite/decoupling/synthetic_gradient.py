"""Networks that predict the gradient at an interface, or its activations, from what is known there."""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from igr_suite.checks import check_count, check_flag, check_integer, is_whole
from igr_suite.errors import UserError
from igr_suite.networks.batch_norm import BatchNorm

# (shape of the input without the batch, shape of the output) -> an unbuilt layer between them
Synthesiser = Callable[[tuple[int, ...], tuple[int, ...]], keras.Layer]


def linear(seed: int = 0) -> Synthesiser:
    """Returns a factory of affine maps of the last axis that start at zero; with one-hot labels c, h W + c C + b."""
    return mlp((), seed=seed)


def mlp(
    hidden: Sequence[int] = (1024, 1024), *, batch_norm: bool = True, affine: bool = True, seed: int = 0
) -> Synthesiser:
    """Returns a factory of networks with (linear, batch norm, relu) for each hidden layer and a linear last layer that
    starts at zero.

    Args:
      hidden: widths of the hidden layers; without any the network is linear.
      batch_norm: whether hidden layers are normalised, always by the batch's statistics: the network is used in
        training only.
      affine: whether the normalisation has a trained scale and shift.
      seed: of the hidden layers' weights (Glorot-uniform).
    """
    seed = check_integer("seed", seed)
    return _network(
        hidden,
        batch_norm,
        affine,
        lambda size, i: keras.layers.Dense(size, kernel_initializer=keras.initializers.GlorotUniform(seed + i)),
        lambda size: keras.layers.Dense(size, kernel_initializer="zeros"),
    )


def conv(
    hidden: Sequence[int] = (64, 64), kernel: int = 5, *, batch_norm: bool = True, affine: bool = True, seed: int = 0
) -> Synthesiser:
    """Returns a factory of networks of "same" convolutions whose last layer starts at zero; `hidden` are numbers of
    filters, the other arguments are as in `mlp`."""

    seed, kernel = check_integer("seed", seed), check_count("kernel", kernel)

    def last(size: int) -> keras.Layer:
        return keras.layers.Conv2D(size, kernel, padding="same", kernel_initializer="zeros")

    def middle(size: int, i: int) -> keras.Layer:
        return keras.layers.Conv2D(
            size, kernel, padding="same", kernel_initializer=keras.initializers.GlorotUniform(seed + i)
        )

    factory = _network(hidden, batch_norm, affine, middle, last)

    def build(inputs: tuple[int, ...], outputs: tuple[int, ...]) -> keras.Layer:
        if len(outputs) != 3:
            raise UserError(
                f"a convolutional synthesiser needs feature maps [height, width, channels], and this interface is "
                f"{outputs}"
            )
        return factory(inputs, outputs)

    return build


def _network(hidden: Sequence[int], batch_norm: bool, affine: bool, middle, last) -> Synthesiser:
    sizes = hidden if isinstance(hidden, Sequence) and not isinstance(hidden, str) else [hidden]
    if sizes is not hidden or not all(is_whole(size, 1) for size in sizes):
        raise UserError(
            f"the hidden layers of a synthesiser are a list of sizes, integers of at least 1, got {hidden!r}"
        )
    check_flag("batch_norm", batch_norm)
    check_flag("affine", affine)

    def build(inputs: tuple[int, ...], outputs: tuple[int, ...]) -> keras.Layer:
        del inputs  # Keras builds the layers for them
        layers: list[keras.Layer] = []
        for i, size in enumerate(hidden):
            layers += [
                middle(size, i),
                *([BatchNorm(affine=affine, moving=False)] if batch_norm else []),
                keras.layers.ReLU(),
            ]
        return keras.Sequential([*layers, last(outputs[-1])])

    return build


def with_context(values: tf.Tensor, context: tf.Tensor | None) -> tf.Tensor:
    """Appends a context [B, C] to the last axis of values [B, ..., F], the same at every position of feature maps; [B,
    ..., F + C]."""
    if context is None:
        return values
    spread = tf.reshape(context, [tf.shape(values)[0], *[1] * (len(values.shape) - 2), context.shape[-1]])
    spread = tf.broadcast_to(spread, tf.concat([tf.shape(values)[:-1], [context.shape[-1]]], 0))
    return tf.concat([values, tf.cast(spread, values.dtype)], -1)
