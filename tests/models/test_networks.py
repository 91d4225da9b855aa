"""Networks have the layers of the spec and refuse images that they cannot take."""

import numpy as np
import pytest

from igr_suite.errors import UserError
from igr_suite.layers.networks import decoder, encoder


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


def test_wrong_names_and_shapes_are_sentences():
    with pytest.raises(UserError, match="unknown architecture 'dens_g2'; did you mean 'dense_g2'"):
        encoder("dens_g2", (28, 28, 1), 5, seed=0)
    with pytest.raises(UserError, match="square images of side 32 or 64, got 28x28"):
        encoder("conv_jointvae", (28, 28, 1), 5, seed=0)
