"""Vertices of the simplex: the nearest one to a sample and how far it is."""

import tensorflow as tf


def nearest_vertex(sample: tf.Tensor) -> tf.Tensor:
    """One-hot vector at the largest entry: the discretised sample.

    Args:
      sample: psi [..., K] (or any scores with the same argmax).
    Returns:
      [..., K] of the same dtype; no gradient passes.
    """
    return tf.one_hot(tf.argmax(sample, axis=-1), tf.shape(sample)[-1], dtype=sample.dtype)


def distance_to_vertex(sample: tf.Tensor) -> tf.Tensor:
    """Euclidean distance to the nearest vertex: sqrt(sum_k psi_k^2 - psi_max^2 + (1 - psi_max)^2).

    Args:
      sample: psi [..., K].
    Returns:
      [...], in [0, 1).
    Source: Potapczynski et al. (2020), figure 1.
    """
    return tf.norm(sample - nearest_vertex(sample), axis=-1)  # no cancellation, unlike the formula above
