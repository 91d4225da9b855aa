"""Sums of weights with one sample left out, without cancellation."""

import numpy as np
import tensorflow as tf


def log_other_weight(log_weights: tf.Tensor) -> tf.Tensor:
    """log(1 - w_k), [K, B] -> [K, B]; -inf for K = 1.

    All weights but the largest are at most 1/2, where log1p(-w) is exact enough; the largest weight's complement is
    summed from the others.
    """
    log_w = tf.nn.log_softmax(log_weights, axis=0)
    largest = tf.one_hot(tf.argmax(log_w, 0), log_w.shape[0], on_value=True, off_value=False, axis=0)
    others = tf.reduce_logsumexp(tf.where(largest, tf.constant(-np.inf, log_w.dtype), log_w), 0)
    smaller = tf.minimum(tf.exp(log_w), 0.5)  # bounded, so that the branch not taken stays finite
    return tf.where(largest, others, tf.math.log1p(-smaller))


def log_sum_of_others(log_weights: tf.Tensor) -> tf.Tensor:
    """log sum_{l != k} exp lw_l, [K, B] -> [K, B]."""
    return tf.reduce_logsumexp(log_weights, 0) + log_other_weight(log_weights)
