"""Grids of images: where every image lies, and which shapes and labels are refused."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from igr_suite.plotting.images import draw_grid


def test_every_image_lies_where_its_row_and_column_say():
    images = np.arange(6, dtype=np.uint8).reshape(2, 3, 1, 1, 1) * np.ones((2, 3, 4, 5, 1), np.uint8)
    fig, axes = plt.subplots()
    draw_grid(axes, images, rows=["a", "b"], columns=["x", "y", "z"])
    canvas = axes.images[0].get_array()
    assert canvas.shape == (2 * 4 + 2, 3 * 5 + 4, 3)
    np.testing.assert_allclose(canvas[6:, 14:], 1 - 5 / 255)
    np.testing.assert_allclose(canvas[4:6], 1.0)
    assert [t.get_text() for t in axes.get_yticklabels()] == ["a", "b"]
    plt.close(fig)


def test_wrong_shapes_and_labels_are_named():
    fig, axes = plt.subplots()
    with pytest.raises(ValueError, match="rows, columns, height, width"):
        draw_grid(axes, np.zeros((2, 3, 4, 5)))
    with pytest.raises(ValueError, match="2 rows of images, 1 labels"):
        draw_grid(axes, np.zeros((2, 3, 4, 5, 1)), rows=["a"])
    plt.close(fig)
