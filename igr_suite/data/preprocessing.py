"""Converts a source's images to uint8 [B, H, W, C] with ink or light at 255; pure functions of one batch."""

import math

import numpy as np

VERSION = 1  # part of the cache key: raise it whenever a function here, a split rule or an array's layout changes


def unchanged(images: np.ndarray) -> np.ndarray:
    """Returns uint8 [B, H, W, C] unchanged."""
    return images


def spread_binary(images: np.ndarray) -> np.ndarray:
    """Maps uint8 {0, 1} [B, H, W, C] to {0, 255}.

    Raises:
      ValueError: any other value.
    """
    if images.max(initial=0) > 1:
        raise ValueError(f"expected pixels 0 and 1, found {images.max()}")
    return images * np.uint8(255)


def invert_and_shrink(images: np.ndarray) -> np.ndarray:
    """Maps Omniglot's dark ink on white [B, 105, 105, 3] to light ink on black [B, 28, 28, 1] by averaging areas.

    A target pixel covers 15/4 x 15/4 source pixels. In units of a quarter pixel all weights are integers, and float32
    holds the sums (at most 255 * 15^2) exactly, so every machine gives the same bytes.
    """
    height, width = images.shape[1:3]
    ink = (255 - images[..., 0]).astype(np.float32)  # the three channels are equal
    rows, columns = _area_weights(height, 28), _area_weights(width, 28)
    sums = rows @ ink @ columns.T
    return np.rint(sums / (rows[0].sum() * columns[0].sum())).astype(np.uint8)[..., np.newaxis]


def resize_frame(images: np.ndarray) -> np.ndarray:
    """Resizes whole CelebA frames [B, 218, 178, 3] to [B, 64, 64, 3], not cropped, by tf.image.resize's default
    (bilinear)."""
    import tensorflow as tf

    with tf.device("CPU:0"):
        return np.rint(tf.image.resize(images, (64, 64)).numpy()).astype(np.uint8)


def columns_to_images(columns: np.ndarray) -> np.ndarray:
    """Maps MATLAB columns [784, N] to upright uint8 images [N, 28, 28, 1].

    Each column is one image read down its columns, as MATLAB does. Floats in [0, 1] become round(255 x); integers may
    be {0, 1} or 0..255.

    Raises:
      ValueError: another number of rows, or values outside of these ranges.
    """
    if columns.ndim != 2 or columns.shape[0] != 784:
        raise ValueError(f"expected images in columns [784, N], found shape {columns.shape}")
    if not np.all(np.isfinite(columns)):
        raise ValueError("found values that are not finite")
    low, high = columns.min(initial=0), columns.max(initial=0)
    if low < 0 or high > 255 or (high > 1 and np.any(columns != np.rint(columns))):
        raise ValueError(f"expected values in [0, 1] or integers in 0..255, found {low} to {high}")
    scaled = np.rint(columns.astype(np.float64) * (255 if high <= 1 else 1)).astype(np.uint8)
    upright = scaled.T.reshape(-1, 28, 28).transpose(0, 2, 1)
    return np.ascontiguousarray(upright)[..., np.newaxis]


def _area_weights(source: int, target: int) -> np.ndarray:
    """Returns float32 [target, source]: how many parts of a source pixel a target pixel covers, when both are cut into
    equal parts."""
    common = math.gcd(source, target)
    parts_of_source, parts_of_target = target // common, source // common
    part = np.arange(source * parts_of_source)
    weights = np.zeros((target, source), np.float32)
    np.add.at(weights, (part // parts_of_target, part // parts_of_source), 1.0)
    return weights
