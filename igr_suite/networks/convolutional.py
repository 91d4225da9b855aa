"""Convolutional encoders and decoders: layers from flat images to parameters, and from codes to the pixels' parameters.

The padding of `conv` is not recorded (docs/papers/igr.md, section 3.2); here the encoder has none (28, 13, 6 pixels a
side), the decoder has "same" (7, 14, 28), and its hidden transposed convolutions are followed by relu, as its dense
layer is. `dlgmm_conv` needs no resizing: with "same" padding, images of 28 pixels end in 4x4x64 as those of 32 do, and
its decoder, that of `conv`, makes the 28x28 pixels that the mixture observes.
"""

import keras

from igr_suite.errors import UserError
from igr_suite.networks.image_sides import misfit


def encoder_layers(architecture: str, image_shape: tuple[int, int, int], outputs: int, seed: int) -> list[keras.Layer]:
    """Layers [B, height * width * channels] -> [B, outputs]; arguments as of `networks.encoder`."""
    _check(architecture, image_shape)

    def glorot(i: int) -> keras.Initializer:
        return keras.initializers.GlorotUniform(seed + i)

    if architecture == "conv":
        convolutions = [
            keras.layers.Conv2D(n, 3, 2, activation="relu", kernel_initializer=keras.initializers.HeNormal(seed + i))
            for i, n in enumerate((32, 64))
        ]
    else:
        filters = (32, 64, 64, 64) if image_shape[0] == 64 else (32, 64, 64)
        convolutions = [
            keras.layers.Conv2D(n, 4, 2, "same", activation="relu", kernel_initializer=glorot(i))
            for i, n in enumerate(filters)
        ]
    hidden = (
        [keras.layers.Dense(256, activation="relu", kernel_initializer=glorot(10))]
        if architecture == "conv_jointvae"
        else []
    )
    top = keras.layers.Dense(outputs, kernel_initializer=glorot(11))
    return [keras.layers.Reshape(image_shape), *convolutions, keras.layers.Flatten(), *hidden, top]


def decoder_layers(
    architecture: str, image_shape: tuple[int, int, int], parameters: int, seed: int
) -> list[keras.Layer]:
    """Layers [B, latents] -> [B, height * width * channels * parameters]; arguments as of `networks.decoder`."""
    _check(architecture, image_shape)
    height, width, channels = image_shape

    def glorot(i: int) -> keras.Initializer:
        return keras.initializers.GlorotUniform(seed + i)

    if architecture == "conv_jointvae":
        widths, start, size, last_stride = (256, 1024), (4, 4, 64), 4, 2
        filters = (64, 32, 32) if height == 64 else (32, 32)
    else:
        widths, start, size, last_stride = (7 * 7 * 32,), (7, 7, 32), 3, 1
        filters = (64, 32)
    return [
        *(keras.layers.Dense(n, activation="relu", kernel_initializer=glorot(20 + i)) for i, n in enumerate(widths)),
        keras.layers.Reshape(start),
        *(
            keras.layers.Conv2DTranspose(n, size, 2, "same", activation="relu", kernel_initializer=glorot(22 + i))
            for i, n in enumerate(filters)
        ),
        keras.layers.Conv2DTranspose(channels * parameters, size, last_stride, "same", kernel_initializer=glorot(30)),
        # the pixels' first parameters come before their second ones, as the likelihoods take them
        keras.layers.Reshape((height * width, parameters, channels)),
        keras.layers.Permute((2, 1, 3)),
        keras.layers.Flatten(),
    ]


def _check(architecture: str, image_shape: tuple[int, int, int]) -> None:
    problem = misfit(architecture, image_shape)
    if problem:
        raise UserError(
            f"architecture '{architecture}' {problem}, got {image_shape[0]}x{image_shape[1]}; "
            "take one of the dense ones: linear, nonlinear, dense_g2"
        )
