"""Images are upright, light on black, and equal on every machine."""

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.data.preprocessing import columns_to_images, invert_and_shrink, resize_frame, spread_binary


def drawn_f() -> np.ndarray:
    """An F, which no transposition or flip maps to itself, [28, 28] in {0, 1}."""
    image = np.zeros((28, 28))
    image[4:24, 8:11] = image[4:7, 8:20] = image[12:15, 8:16] = 1.0
    return image


@pytest.mark.parametrize(("scale", "dtype"), [(1, np.float64), (1, np.uint8), (255, np.uint8), (255.0, np.float32)])
def test_matlab_columns_become_upright_images(scale, dtype):
    column = (drawn_f() * scale).astype(dtype).ravel(order="F")
    images = columns_to_images(np.stack([column, np.zeros_like(column)], axis=1))
    assert images.shape == (2, 28, 28, 1) and images.dtype == np.uint8
    np.testing.assert_array_equal(images[0, ..., 0], 255 * drawn_f())


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        (np.zeros((10, 784)), r"expected images in columns \[784, N\], found shape \(10, 784\)"),
        (np.full((784, 2), -0.5), "expected values in"),
        (np.full((784, 2), 1.5), "expected values in"),
        (np.full((784, 2), 256.0), "expected values in"),
        (np.full((784, 2), np.nan), "not finite"),
    ],
)
def test_other_columns_are_refused(columns, reason):
    with pytest.raises(ValueError, match=reason):
        columns_to_images(columns)


def test_shrinking_inverts_and_averages_areas():
    white = np.full((2, 105, 105, 3), 255, np.uint8)
    assert not invert_and_shrink(white).any() and np.all(invert_and_shrink(white * 0) == 255)
    strokes = (
        np.where(np.random.default_rng(0).random((5, 105, 105, 1)) < 0.8, 255, 0).repeat(3, axis=-1).astype(np.uint8)
    )
    shrunk = invert_and_shrink(strokes)
    assert shrunk.shape == (5, 28, 28, 1)
    oracle = tf.image.resize(255.0 - strokes[..., :1].astype(np.float32), (28, 28), method="area").numpy()
    assert np.max(np.abs(shrunk - oracle)) <= 0.5 + 1e-3


def test_binary_pixels_are_spread_and_others_refused():
    np.testing.assert_array_equal(spread_binary(np.array([0, 1], np.uint8)), [0, 255])
    with pytest.raises(ValueError, match="expected pixels 0 and 1, found 7"):
        spread_binary(np.array([0, 7], np.uint8))


def test_frames_are_resized_whole():
    frame = np.zeros((1, 218, 178, 3), np.uint8)
    frame[:, :109, :, 0] = 200  # red above, so neither cropped nor turned
    small = resize_frame(frame)
    assert small.shape == (1, 64, 64, 3) and small.dtype == np.uint8
    assert np.all(small[0, :31, :, 0] == 200) and not small[0, 33:].any() and not small[..., 1:].any()
