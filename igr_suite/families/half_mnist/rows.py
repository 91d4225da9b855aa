"""Rows of half-and-half MNIST, one a sample, the samples of an image together."""

from typing import NamedTuple

import tensorflow as tf


class SampleRows(NamedTuple):
    """One row per sample [M, ...], the samples of an image together: halves, the encoder's outputs, baseline [M]."""

    upper: tf.Tensor
    lower: tf.Tensor
    outputs: tf.Tensor
    baseline: tf.Tensor | None

    def repeated(self, samples: int) -> "SampleRows":
        """Every row `samples` times."""
        return SampleRows(*(None if value is None else tf.repeat(value, samples, 0) for value in self))


def further(seed: tf.Tensor, number: tf.Tensor | int) -> tf.Tensor:
    """Seed of a step's further draws; its first word differs from that of the step's own seed, which is the same for
    all steps (`at_step`)."""
    return tf.stack([tf.bitwise.bitwise_xor(seed[0], (tf.cast(number, tf.int32) + 1) * -1640531527), seed[1]])


def mean_over_samples(rows: tf.Tensor, images: int) -> tf.Tensor:
    """[B S, ...], the samples of an image together -> their mean [B, ...]."""
    return tf.reduce_mean(tf.reshape(rows, (images, -1, *rows.shape[1:])), 1)
