"""Bilinear resizing of flattened images on the device, as two products with small constant matrices."""

import math

import numpy as np
import tensorflow as tf


def bilinear_weights(source: int, target: int) -> np.ndarray:
    """How much of each source pixel a target pixel takes along one axis: two neighbours of x = (i + 1/2) source /
    target - 1/2.

    Args:
      source: pixels before.
      target: pixels after.
    Returns:
      float32 [target, source], rows sum to 1; beyond the outermost centres the border pixel counts.
    Source: half-pixel centres without antialiasing, as in tf.image.resize(method="bilinear").
    """
    place = (np.arange(target) + 0.5) * source / target - 0.5
    below = np.floor(place)
    weights = np.zeros((target, source), np.float64)
    for neighbour, share in ((below, 1 - (place - below)), (below + 1, place - below)):
        np.add.at(weights, (np.arange(target), np.clip(neighbour, 0, source - 1).astype(int)), share)
    return weights.astype(np.float32)


def resize(images: tf.Tensor, image_shape: tuple[int, int, int], side: int) -> tf.Tensor:
    """Resizes to a square: rows x columns of each channel are multiplied by `bilinear_weights` from both sides.

    Args:
      images: float [B, height * width * channels].
      image_shape: (height, width, channels) before.
      side: height and width after.
    Returns:
      [B, side * side * channels].
    """
    height, width, channels = image_shape
    rows = tf.constant(bilinear_weights(height, side), images.dtype)
    columns = tf.constant(bilinear_weights(width, side), images.dtype)
    resized = tf.einsum("ih,bhwc,jw->bijc", rows, tf.reshape(images, (-1, *image_shape)), columns)
    return tf.reshape(resized, (-1, math.prod((side, side, channels))))
