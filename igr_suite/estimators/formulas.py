"""Formulas of log-weights that estimators of discrete variables and K-sample objectives share."""

import numpy as np
import tensorflow as tf


def log_mean_exp(log_weights: tf.Tensor) -> tf.Tensor:
    """The bound of K samples, log 1/K sum_k exp lw_k.

    Args:
      log_weights: [K, B]; axes between them are kept.
    Returns:
      [B].
    """
    return tf.reduce_logsumexp(log_weights, 0) - np.log(log_weights.shape[0])


def without_empty_columns(log_weights: tf.Tensor) -> tf.Tensor:
    """Replaces columns that are -inf throughout by zeros, which are equal weights; [K, ...] -> [K, ...]."""
    empty = tf.reduce_all(tf.equal(log_weights, -np.inf), axis=0, keepdims=True)
    return tf.where(empty, tf.zeros_like(log_weights), log_weights)


def normalised(log_weights: tf.Tensor) -> tf.Tensor:
    """w_k = exp(lw_k) / sum_j exp(lw_j), or 1/K if all weights are 0; [K, B] -> [K, B], axes between are kept."""
    return tf.nn.softmax(without_empty_columns(log_weights), axis=0)


def deviations_from_mean(log_weights: tf.Tensor) -> tf.Tensor:
    """lw_k - mean_k lw_k, where log-weights of -inf are the limit of ever lower ones; [K, B] -> [K, B]."""
    absent = tf.equal(log_weights, -np.inf)
    below = tf.constant(-np.inf, log_weights.dtype)
    return tf.where(absent, below, log_weights - tf.reduce_mean(log_weights, 0))


def log_other_weight(log_weights: tf.Tensor) -> tf.Tensor:
    """log(1 - w_k) without cancellation, [K, B] -> [K, B]; -inf for K = 1.

    All weights but the largest are at most 1/2, where log1p(-w) is exact enough; the largest weight's complement is
    summed from the others.
    """
    log_w = tf.nn.log_softmax(without_empty_columns(log_weights), axis=0)
    largest = tf.one_hot(tf.argmax(log_w, 0), log_w.shape[0], on_value=True, off_value=False, axis=0)
    others = tf.reduce_logsumexp(tf.where(largest, tf.constant(-np.inf, log_w.dtype), log_w), 0)
    smaller = tf.minimum(tf.exp(log_w), 0.5)  # bounded, so that the branch not taken stays finite
    return tf.where(largest, others, tf.math.log1p(-smaller))


def log_sum_of_others(log_weights: tf.Tensor) -> tf.Tensor:
    """log sum_{l != k} exp lw_l, [K, B] -> [K, B]."""
    return tf.reduce_logsumexp(log_weights, 0) + log_other_weight(log_weights)
