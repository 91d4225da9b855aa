"""Vertices of the simplex: the nearest one to a sample and how far it is."""

import tensorflow as tf

from igr_suite.precision import as_float, in_float32
from igr_suite.relaxations.base import check_event


def nearest_vertex(sample: tf.Tensor) -> tf.Tensor:
    """One-hot vector at the largest entry: the discretised sample.

    Args:
      sample: psi [..., K] (or any scores with the same argmax).
    Returns:
      [..., K] of the same dtype; no gradient passes.
    Raises:
      UserError: no numbers with an axis of categories.
    """
    sample = as_float(sample, "the sample")
    check_event("a sample", "the sample", sample.shape)
    return tf.one_hot(tf.argmax(sample, axis=-1), tf.shape(sample)[-1], dtype=sample.dtype)


@in_float32
def distance_to_vertex(sample: tf.Tensor) -> tf.Tensor:
    """Euclidean distance to the nearest vertex: sqrt(sum_k psi_k^2 - psi_max^2 + (1 - psi_max)^2).

    Args:
      sample: psi [..., K].
    Returns:
      [...], in [0, 1); at a vertex it is 0 with gradient 0.
    Source: Potapczynski et al. (2020), figure 1.
    """
    difference = sample - nearest_vertex(sample)  # no cancellation, unlike the formula above
    at_vertex = tf.reduce_all(tf.equal(difference, 0.0), axis=-1)
    # The norm of 0 has no gradient.
    norm = tf.norm(tf.where(at_vertex[..., tf.newaxis], tf.ones_like(difference), difference), axis=-1)
    return tf.where(at_vertex, tf.zeros_like(norm), norm)
