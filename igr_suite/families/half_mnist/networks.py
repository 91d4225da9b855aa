"""Encoder, decoder and baseline of half-and-half MNIST (docs/papers/half_mnist.md, section 1.2)."""

import contextlib
from collections.abc import Iterator

import keras

from igr_suite.data.halves import HALF_PIXELS
from igr_suite.networks.batch_norm import BatchNorm
from igr_suite.networks.initialisers import SquareOrthogonal

EPSILON = 1e-4  # of every batch normalisation of this family


def encoder(outputs: int, batch_norm: str, seed: int) -> keras.Sequential:
    """392, 200 tanh, 100 tanh, `outputs` linear; batch normalisation "input" stands before every product, "output"
    behind the first two."""
    blocks = [_block(200, "tanh", batch_norm, seed), _block(100, "tanh", batch_norm, seed + 1)]
    top = _block(outputs, None, batch_norm if batch_norm == "input" else None, seed + 2)
    return _network([*blocks, top], HALF_PIXELS, "encoder")


def decoder(latents: int, batch_norm: str, seed: int) -> keras.Sequential:
    """latents, 100 tanh, 200 tanh, 392 logits of pixels; batch normalisation "input" stands before the last two
    products, "output" behind the second."""
    blocks = [_block(100, "tanh", None, seed), _block(200, "tanh", batch_norm, seed + 1)]
    top = _block(HALF_PIXELS, None, batch_norm if batch_norm == "input" else None, seed + 2)
    return _network([*blocks, top], latents, "decoder")


def baseline(activation: str, seed: int) -> keras.Sequential:
    """b(x): one layer from all 784 pixels to one value."""
    return _network([[_dense(1, seed), keras.layers.Activation(activation)]], 2 * HALF_PIXELS, "baseline")


@contextlib.contextmanager
def holding_averages(network: keras.Sequential) -> Iterator[None]:
    """In this context, training passes of a network normalise by the batch and do not change its moving averages; it
    acts on what is traced in it."""
    layers = [layer for layer in network.layers if isinstance(layer, BatchNorm)]
    for layer in layers:
        layer.moving = False
    try:
        yield
    finally:
        for layer in layers:
            layer.moving = True


def _dense(units: int, seed: int) -> keras.layers.Dense:
    return keras.layers.Dense(units, kernel_initializer=SquareOrthogonal(seed))


def _block(units: int, activation: str | None, batch_norm: str | None, seed: int) -> list[keras.layers.Layer]:
    norm = [BatchNorm(0.9, EPSILON)] if batch_norm else []
    dense = [_dense(units, seed)]
    linear = [*norm, *dense] if batch_norm == "input" else [*dense, *norm]
    return [*linear, *([keras.layers.Activation(activation)] if activation else [])]


def _network(blocks: list[list[keras.layers.Layer]], inputs: int, name: str) -> keras.Sequential:
    net = keras.Sequential(sum(blocks, []), name=name)
    net.build((None, inputs))
    return net
