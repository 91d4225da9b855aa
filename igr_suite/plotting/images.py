"""Grids of images from the uint8 arrays that a run stored."""

import numpy as np


def draw_grid(
    axes, images: np.ndarray, rows: list[str] | None = None, columns: list[str] | None = None, gap: int = 2
) -> None:
    """Draws images [R, C, H, W, channels] as one picture, row by row; one channel is drawn dark on white.

    Args:
      axes: where to draw; its ticks become the labels.
      images: uint8 or floats in [0, 1]; 1 or 3 channels.
      rows: labels at the left, one per row.
      columns: labels above, one per column.
      gap: white pixels between images.
    Raises:
      ValueError: the array has another number of axes or channels, or the number of labels does not match.
    """
    images = np.asarray(images)
    if images.ndim != 5 or images.shape[-1] not in (1, 3):
        raise ValueError(f"images must be [rows, columns, height, width, 1 or 3], got {images.shape}")
    if images.dtype == np.uint8:
        images = images / 255.0
    if images.shape[-1] == 1:
        images = np.repeat(1.0 - images, 3, axis=-1)
    count_rows, count_columns, height, width, _ = images.shape
    canvas = np.ones((count_rows * (height + gap) - gap, count_columns * (width + gap) - gap, 3))
    for i in range(count_rows):
        for j in range(count_columns):
            top, left = i * (height + gap), j * (width + gap)
            canvas[top : top + height, left : left + width] = images[i, j]
    axes.imshow(np.clip(canvas, 0, 1), interpolation="nearest")
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    _label(axes.set_yticks, rows, count_rows, height, gap, "rows")
    _label(axes.set_xticks, columns, count_columns, width, gap, "columns")
    axes.xaxis.tick_top()


def _label(set_ticks, labels: list[str] | None, count: int, size: int, gap: int, what: str) -> None:
    if labels is None:
        set_ticks([])
        return
    if len(labels) != count:
        raise ValueError(f"{count} {what} of images, {len(labels)} labels")
    set_ticks([i * (size + gap) + size / 2 for i in range(count)], labels, fontsize="small")
