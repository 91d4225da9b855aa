"""Encoder and decoder networks of the IGR experiments, by name.

| name            | encoder                                              | decoder                                        |
|-----------------|------------------------------------------------------|------------------------------------------------|
| linear          | flatten, linear                                      | linear                                         |
| dense_g2        | flatten, 784 C relu, 512 relu, 256 relu, linear      | 256 relu, 512 relu, linear                     |
| nonlinear       | flatten, 512 relu, 256 relu, linear                  | 256 relu, 512 relu, linear                     |
| dlgmm_dense     | flatten, 200 relu, 200 relu, 200 relu, linear        | 200 relu, 200 relu, linear                     |
| dense_relax     | 2x - 1, flatten, 200 relu, 200 relu, linear          | 2z - 1, 200 relu, 200 relu, linear             |
| conv_jointvae   | conv 4x4/2 relu 32 64 64 (64), dense 256 relu, linear | 256, 1024 relu, transposed convs to the image |

Source: spec/igr.md section 3.2 (Potapczynski et al., 2020).
"""

import contextlib
import math
from collections.abc import Iterator

import keras

from igr_suite.errors import UserError, nearest

HIDDEN = {
    "linear": lambda pixels: (),
    "dense_g2": lambda pixels: (pixels, 512, 256),
    "nonlinear": lambda pixels: (512, 256),
    "dlgmm_dense": lambda pixels: (200, 200, 200),
    "dense_relax": lambda pixels: (200, 200),
}
DECODER_HIDDEN = {"linear": (), "dense_g2": (256, 512), "nonlinear": (256, 512), "dlgmm_dense": (200, 200)}
DECODER_HIDDEN |= {"dense_relax": (200, 200)}
SIGNED = ("dense_relax",)  # their networks take 2 x - 1 of inputs in [0, 1]
ARCHITECTURES = (*HIDDEN, "conv_jointvae")
CONVOLUTIONAL_SIDES = (32, 64)


def dense_stack(widths: tuple[int, ...], outputs: int, seed: int, name: str, activation: str = "relu") -> keras.Sequential:
    """Dense layers of the given widths, relu by default, and a linear layer on top; Glorot-uniform weights from `seed`."""
    layers = [
        keras.layers.Dense(width, activation=activation, kernel_initializer=keras.initializers.GlorotUniform(seed + i), name=f"hidden_{i}")
        for i, width in enumerate(widths)
    ]
    top = keras.layers.Dense(outputs, kernel_initializer=keras.initializers.GlorotUniform(seed + len(widths)), name="output")
    return keras.Sequential([*layers, top], name=name)


def encoder(architecture: str, image_shape: tuple[int, int, int], outputs: int, seed: int) -> keras.Model:
    """Network from images to the posterior's parameters.

    Args:
      architecture: one of ARCHITECTURES.
      image_shape: (height, width, channels).
      outputs: number of parameters of all latent variables together.
      seed: seed of the initial weights.
    Returns:
      A built Keras model [B, height * width * channels] -> [B, outputs].
    Raises:
      UserError: unknown architecture, or images that a convolutional network cannot take.
    """
    pixels = math.prod(image_shape)
    if architecture == "conv_jointvae":
        net = _convolutional_encoder(image_shape, outputs, seed)
    else:
        net = _signed(architecture, dense_stack(_known(HIDDEN, architecture)(pixels), outputs, seed, "encoder"))
    net.build((None, pixels))
    return net


def decoder(architecture: str, latents: int, image_shape: tuple[int, int, int], parameters: int, seed: int) -> keras.Model:
    """Network from flattened latents to the parameters of the pixels' law.

    Args:
      architecture: one of ARCHITECTURES.
      latents: size of the flattened latent code.
      image_shape: (height, width, channels).
      parameters: parameters per pixel and channel (1 Bernoulli, 2 Gaussian).
      seed: seed of the initial weights.
    Returns:
      A built Keras model [B, latents] -> [B, height * width * channels * parameters].
    """
    outputs = math.prod(image_shape) * parameters
    if architecture == "conv_jointvae":
        net = _convolutional_decoder(image_shape, parameters, seed)
    else:
        net = _signed(architecture, dense_stack(_known(DECODER_HIDDEN, architecture), outputs, seed, "decoder"))
    net.build((None, latents))
    return net


def _signed(architecture: str, net: keras.Sequential) -> keras.Sequential:
    """The network behind 2 x - 1 where its architecture takes that."""
    if architecture not in SIGNED:
        return net
    return keras.Sequential([keras.layers.Rescaling(2.0, -1.0), *net.layers], name=net.name)


@contextlib.contextmanager
def computing_in(networks: list[keras.Model], precision: str) -> Iterator[None]:
    """Lets the layers of networks compute in "bfloat16" (weights and gradients of weights stay float32) or "float32" while it lasts.

    It acts while a function is traced, so that one set of weights serves a training step in bfloat16 and evaluation in float32.
    """
    layers = [layer for network in networks for layer in network.layers]
    before = [layer.dtype_policy for layer in layers]
    for layer in layers:
        layer.dtype_policy = "mixed_bfloat16" if precision == "bfloat16" else "float32"
    try:
        yield
    finally:
        for layer, policy in zip(layers, before):
            layer.dtype_policy = policy


def _known(table: dict, architecture: str):
    if architecture not in table:
        raise UserError(f"unknown architecture '{architecture}'; {nearest(architecture, ARCHITECTURES)}")
    return table[architecture]


def _check_convolutional(image_shape: tuple[int, int, int]) -> None:
    height, width, _ = image_shape
    if height != width or height not in CONVOLUTIONAL_SIDES:
        raise UserError(
            f"architecture 'conv_jointvae' takes square images of side 32 or 64, got {height}x{width}; "
            "take one of the dense ones: linear, nonlinear, dense_g2"
        )


def _convolutional_encoder(image_shape: tuple[int, int, int], outputs: int, seed: int) -> keras.Sequential:
    _check_convolutional(image_shape)
    filters = (32, 64, 64, 64) if image_shape[0] == 64 else (32, 64, 64)
    convolutions = [
        keras.layers.Conv2D(n, 4, 2, "same", activation="relu", kernel_initializer=keras.initializers.GlorotUniform(seed + i))
        for i, n in enumerate(filters)
    ]
    return keras.Sequential(
        [
            keras.layers.Reshape(image_shape),
            *convolutions,
            keras.layers.Flatten(),
            keras.layers.Dense(256, activation="relu", kernel_initializer=keras.initializers.GlorotUniform(seed + 10)),
            keras.layers.Dense(outputs, kernel_initializer=keras.initializers.GlorotUniform(seed + 11)),
        ],
        name="encoder",
    )


def _convolutional_decoder(image_shape: tuple[int, int, int], parameters: int, seed: int) -> keras.Sequential:
    _check_convolutional(image_shape)
    filters = (64, 32, 32) if image_shape[0] == 64 else (32, 32)

    def glorot(i: int) -> keras.Initializer:
        return keras.initializers.GlorotUniform(seed + i)

    return keras.Sequential(
        [
            keras.layers.Dense(256, activation="relu", kernel_initializer=glorot(20)),
            keras.layers.Dense(1024, activation="relu", kernel_initializer=glorot(21)),
            keras.layers.Reshape((4, 4, 64)),
            *(
                keras.layers.Conv2DTranspose(n, 4, 2, "same", activation="relu", kernel_initializer=glorot(22 + i))
                for i, n in enumerate(filters)
            ),
            keras.layers.Conv2DTranspose(image_shape[2] * parameters, 4, 2, "same", kernel_initializer=glorot(30)),
            # the pixels' first parameters come before their second ones, as the likelihoods take them
            keras.layers.Reshape((image_shape[0] * image_shape[1], parameters, image_shape[2])),
            keras.layers.Permute((2, 1, 3)),
            keras.layers.Flatten(),
        ],
        name="decoder",
    )
