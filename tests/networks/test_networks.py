"""Networks have the layers of docs/papers/igr.md, section 3.2, and refuse images that they cannot take."""

import numpy as np
import pytest

from igr_suite.errors import UserError
from igr_suite.networks.image_networks import decoder, encoder


@pytest.mark.parametrize(
    ("architecture", "encoder_widths", "decoder_widths"),
    [
        ("linear", [], []),
        ("nonlinear", [512, 256], [256, 512]),
        ("dense_g2", [784, 512, 256], [256, 512]),
    ],
)
def test_dense_networks(architecture, encoder_widths, decoder_widths):
    down = encoder(architecture, (28, 28, 1), 30, seed=0)
    up = decoder(architecture, 40, (28, 28, 1), 2, seed=0)
    assert [layer.units for layer in down.layers] == [*encoder_widths, 30]
    assert [layer.units for layer in up.layers] == [*decoder_widths, 784 * 2]
    assert down(np.zeros((3, 784), np.float32)).shape == (3, 30)


@pytest.mark.parametrize(("side", "convolutions"), [(32, 3), (64, 4)])
def test_convolutional_networks(side, convolutions):
    down = encoder("conv_jointvae", (side, side, 3), 30, seed=0)
    up = decoder("conv_jointvae", 40, (side, side, 3), 2, seed=0)
    assert sum("conv2d" in layer.name for layer in down.layers) == convolutions
    assert sum("transpose" in layer.name for layer in up.layers) == convolutions
    assert down(np.zeros((2, side * side * 3), np.float32)).shape == (2, 30)
    assert up(np.zeros((2, 40), np.float32)).shape == (2, side * side * 3 * 2)


def layer_sizes(net):
    """(kernel shape, output shape without the batch) of the layers with weights."""
    return [(tuple(layer.kernel.shape), tuple(layer.output.shape[1:])) for layer in net.layers if layer.weights]


def test_conv_networks():
    """Sizes by the arithmetic of the layers: 28 -> 13 -> 6 without padding, 7 -> 14 -> 28 -> 28 back, 3 channels, 2
    parameters.
    """
    down, up = encoder("conv", (28, 28, 3), 30, seed=0), decoder("conv", 40, (28, 28, 3), 2, seed=0)
    assert layer_sizes(down) == [((3, 3, 3, 32), (13, 13, 32)), ((3, 3, 32, 64), (6, 6, 64)), ((6 * 6 * 64, 30), (30,))]
    assert layer_sizes(up) == [
        ((40, 7 * 7 * 32), (7 * 7 * 32,)),
        ((3, 3, 64, 32), (14, 14, 64)),
        ((3, 3, 32, 64), (28, 28, 32)),
        ((3, 3, 6, 32), (28, 28, 6)),
    ]
    assert up.output_shape == (None, 28 * 28 * 3 * 2)
    # he_normal: a truncated normal of variance 2 / fan_in; 18,432 weights, five standard errors are 3 %
    assert np.asarray(down.layers[2].kernel).std() == pytest.approx((2 / (9 * 32)) ** 0.5, rel=0.03)
    # a pixel's parameters: the first half of the output is the means' image
    code = np.zeros((1, 40), np.float32)
    before = np.asarray(up(code))
    next(layer for layer in reversed(up.layers) if layer.weights).bias.assign([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(
        np.asarray(up(code)) - before, np.repeat([[1.0, 0.0]], 28 * 28 * 3, 1).reshape(1, -1), atol=1e-6
    )


def test_mixture_conv_networks():
    """As conv_jointvae's convolutions without the dense layer, and conv's decoder; 28 -> 14 -> 7 -> 4 with padding."""
    down, up = encoder("dlgmm_conv", (28, 28, 1), 30, seed=0), decoder("dlgmm_conv", 50, (28, 28, 1), 1, seed=0)
    assert layer_sizes(down) == [
        ((4, 4, 1, 32), (14, 14, 32)),
        ((4, 4, 32, 64), (7, 7, 64)),
        ((4, 4, 64, 64), (4, 4, 64)),
        ((4 * 4 * 64, 30), (30,)),
    ]
    assert layer_sizes(up) == layer_sizes(decoder("conv", 50, (28, 28, 1), 1, seed=0))


def test_wrong_names_and_shapes_are_sentences():
    with pytest.raises(UserError, match="unknown architecture 'dens_g2'; did you mean 'dense_g2'"):
        encoder("dens_g2", (28, 28, 1), 5, seed=0)
    with pytest.raises(UserError, match="square images of side 32 or 64, got 28x28"):
        encoder("conv_jointvae", (28, 28, 1), 5, seed=0)
    with pytest.raises(UserError, match="'dlgmm_conv' takes square images of side 28, got 32x32"):
        decoder("dlgmm_conv", 5, (32, 32, 1), 1, seed=0)
