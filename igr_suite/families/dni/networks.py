"""Classifiers as one block of layers for each layer with weights, so that they can be cut behind any of them."""

import math

import keras

from igr_suite.families.dni.config import CLASSES, DNIModelConfig
from igr_suite.networks.batch_norm import BatchNorm
from igr_suite.networks.initialisers import SquareOrthogonal

KERNEL = 5


def classifier_blocks(config: DNIModelConfig, image_shape: tuple[int, int, int], seed: int) -> list[list[keras.Layer]]:
    """Layers of every hidden layer, then of the output layer.

    Args:
      config: sizes, activation, normalisation, initial weights.
      image_shape: height, width and channels; the first block takes flat images.
      seed: of the initial weights.
    Returns:
      Lists of unbuilt layers; together they map [B, H W C] to logits [B, 10].
    """
    sources = [*(_Initial(config, 1000 * seed + i) for i in range(len(config.hidden) + 1))]
    if config.network == "cnn":
        blocks = [_convolution(config, size, i, source) for i, (size, source) in enumerate(zip(config.hidden, sources))]
        blocks[0].insert(0, keras.layers.Reshape(image_shape))
        top = [keras.layers.Flatten()]
    else:
        blocks = [
            [source.dense(size), *_after(config, i)] for i, (size, source) in enumerate(zip(config.hidden, sources))
        ]
        top = []
    return [*blocks, [*top, sources[-1].dense(CLASSES)]]


def _after(config: DNIModelConfig, number: int) -> list[keras.Layer]:
    norm = [BatchNorm(config.bn_momentum, affine=config.batch_norm == "affine")] if config.batch_norm != "none" else []
    return [*norm, keras.layers.Activation(config.activation, name=f"hidden_{number + 1}")]


def _convolution(config: DNIModelConfig, filters: int, number: int, source: "_Initial") -> list[keras.Layer]:
    pool = keras.layers.MaxPooling2D if number == 0 else keras.layers.AveragePooling2D
    return [source.conv(filters), *_after(config, number), pool(3, 2, "same")]


class _Initial:
    """Makes layers whose initial weights follow the config's rule, with the seeds of one hidden layer."""

    def __init__(self, config: DNIModelConfig, seed: int):
        self.config, self.seed = config, 2 * seed

    def dense(self, units: int) -> keras.Layer:
        return (
            FanInDense(units, self.seed)
            if self.config.initial == "fan_in"
            else keras.layers.Dense(units, **self._distributions())
        )

    def conv(self, filters: int) -> keras.Layer:
        return keras.layers.Conv2D(filters, KERNEL, padding="same", **self._distributions())

    def _distributions(self) -> dict[str, object]:
        if self.config.initial == "uniform":
            bound = self.config.initial_range
            return {
                "kernel_initializer": keras.initializers.RandomUniform(-bound, bound, self.seed),
                "bias_initializer": keras.initializers.RandomUniform(-bound, bound, self.seed + 1),
            }
        if self.config.initial == "orthogonal":
            return {"kernel_initializer": SquareOrthogonal(self.seed)}
        return {"kernel_initializer": keras.initializers.GlorotUniform(self.seed)}


class FanInDense(keras.layers.Dense):
    """A dense layer whose weights and biases are U(-1/sqrt(fan in), 1/sqrt(fan in)), Torch's default."""

    def __init__(self, units: int, seed: int):
        super().__init__(units)
        self._seed = seed

    def build(self, input_shape):
        bound = 1.0 / math.sqrt(input_shape[-1])
        self.kernel_initializer = keras.initializers.RandomUniform(-bound, bound, self._seed)
        self.bias_initializer = keras.initializers.RandomUniform(-bound, bound, self._seed + 1)
        super().build(input_shape)
