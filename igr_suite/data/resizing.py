"""Bilinear resizing of flattened images on the device, as two products with small constant matrices."""

import math

import numpy as np
import tensorflow as tf


def bilinear_weights(source: int, target: int) -> np.ndarray:
    """Weights of the source pixels in target pixel i along one axis: linear between the two neighbours of
    x = (i + 1/2) source / target - 1/2.

    Args:
      source: number of pixels before.
      target: number of pixels after.
    Returns:
      float32 [target, source], rows sum to 1; beyond the outermost centres the border pixel has all the weight.
    Source: half-pixel centres without antialiasing, as in tf.image.resize(method="bilinear").
    """
    position = (np.arange(target) + 0.5) * source / target - 0.5
    below = np.floor(position)
    weights = np.zeros((target, source), np.float64)
    for neighbour, share in ((below, 1 - (position - below)), (below + 1, position - below)):
        np.add.at(weights, (np.arange(target), np.clip(neighbour, 0, source - 1).astype(int)), share)
    return weights.astype(np.float32)


def resize(images: tf.Tensor, image_shape: tuple[int, int, int], side: int) -> tf.Tensor:
    """Resizes images to squares: each channel is multiplied by `bilinear_weights` from both sides.

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
