"""Encoder and decoder networks of the IGR experiments, by name.

| name          | encoder                                              | decoder                                       |
|---------------|------------------------------------------------------|-----------------------------------------------|
| linear        | flatten, linear                                      | linear                                        |
| dense_g2      | flatten, 784 C relu, 512 relu, 256 relu, linear      | 256 relu, 512 relu, linear                    |
| nonlinear     | flatten, 512 relu, 256 relu, linear                  | 256 relu, 512 relu, linear                    |
| leaky         | as nonlinear, with leaky relu of slope 0.2           | likewise                                      |
| leaky_200     | flatten, 200, 200, leaky relu of slope 0.3, linear   | likewise                                      |
| dlgmm_dense   | flatten, 200 relu, 200 relu, 200 relu, linear        | 200 relu, 200 relu, linear                    |
| dense_relax   | 2x - 1, flatten, 200 relu, 200 relu, linear          | 2z - 1, 200 relu, 200 relu, linear            |
| conv_jointvae | conv 4x4/2 relu 32 64 64 (64), dense 256 relu,       | 256, 1024 relu, transposed convs to the image |
|               | linear                                               |                                               |
| conv          | conv 3x3/2 relu 32 64, linear                        | 1568 relu, transposed convs 3x3 64/2 32/2 1/1 |
| dlgmm_conv    | conv 4x4/2 relu 32 64 64, linear                     | as conv                                       |

conv_jointvae takes images of 32x32 or 64x64, conv and dlgmm_conv of 28x28; see `networks/convolutional.py`.

Source: docs/papers/igr.md, section 3.2 (Potapczynski et al., 2020); leaky and leaky_200:
docs/papers/rebar.md, section 1.5.
"""

import contextlib
import math
from collections.abc import Iterator

import keras

from igr_suite.errors import UserError, nearest
from igr_suite.networks.convolutional import decoder_layers, encoder_layers
from igr_suite.networks.image_sides import CONVOLUTIONAL

HIDDEN = {
    "linear": lambda pixels: (),
    "dense_g2": lambda pixels: (pixels, 512, 256),
    "nonlinear": lambda pixels: (512, 256),
    "leaky": lambda pixels: (512, 256),
    "leaky_200": lambda pixels: (200, 200),
    "dlgmm_dense": lambda pixels: (200, 200, 200),
    "dense_relax": lambda pixels: (200, 200),
}
DECODER_HIDDEN = {"linear": (), "dense_g2": (256, 512), "nonlinear": (256, 512), "dlgmm_dense": (200, 200)}
DECODER_HIDDEN |= {"dense_relax": (200, 200), "leaky": (256, 512), "leaky_200": (200, 200)}
# Of architectures that have another activation than relu; the slope of Keras's "leaky_relu" is 0.2.
ACTIVATIONS = {"leaky": "leaky_relu", "leaky_200": keras.layers.LeakyReLU(negative_slope=0.3)}
SIGNED = ("dense_relax",)  # architectures that map inputs in [0, 1] to 2 x - 1 first
ARCHITECTURES = (*HIDDEN, *CONVOLUTIONAL)


def dense_stack(
    widths: tuple[int, ...], outputs: int, seed: int, name: str, activation: str | keras.layers.Layer = "relu"
) -> keras.Sequential:
    """Dense layers of the given widths, relu by default, and a linear layer on top; Glorot-uniform weights from
    `seed`."""
    layers = [
        keras.layers.Dense(
            width,
            activation=activation,
            kernel_initializer=keras.initializers.GlorotUniform(seed + i),
            name=f"hidden_{i}",
        )
        for i, width in enumerate(widths)
    ]
    top = keras.layers.Dense(
        outputs, kernel_initializer=keras.initializers.GlorotUniform(seed + len(widths)), name="output"
    )
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
    if architecture in CONVOLUTIONAL:
        net = keras.Sequential(encoder_layers(architecture, image_shape, outputs, seed), name="encoder")
    else:
        net = _dense(architecture, _known(HIDDEN, architecture)(pixels), outputs, seed, "encoder")
    net.build((None, pixels))
    return net


def decoder(
    architecture: str, latents: int, image_shape: tuple[int, int, int], parameters: int, seed: int
) -> keras.Model:
    """Network from flattened latents to the parameters of the pixels' distribution.

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
    if architecture in CONVOLUTIONAL:
        net = keras.Sequential(decoder_layers(architecture, image_shape, parameters, seed), name="decoder")
    else:
        net = _dense(architecture, _known(DECODER_HIDDEN, architecture), outputs, seed, "decoder")
    net.build((None, latents))
    return net


def _dense(architecture: str, widths: tuple[int, ...], outputs: int, seed: int, name: str) -> keras.Sequential:
    """The architecture's dense layers, preceded by 2 x - 1 where it has that."""
    net = dense_stack(widths, outputs, seed, name, ACTIVATIONS.get(architecture, "relu"))
    if architecture not in SIGNED:
        return net
    return keras.Sequential([keras.layers.Rescaling(2.0, -1.0), *net.layers], name=net.name)


@contextlib.contextmanager
def computing_in(networks: list[keras.Model], precision: str) -> Iterator[None]:
    """Makes the layers of networks compute in "bfloat16" (weights and gradients of weights stay float32) or "float32"
    inside the context.

    It takes effect when a function is traced, so one set of weights serves a training step in bfloat16 and evaluation
    in float32.
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
