"""What a model's gradients have as their mean: the targets of estimators over all states of its layers."""

import numpy as np
import tensorflow as tf


def enumerated_target(estimator, log_q: tf.Tensor, value: tf.Tensor, holds_log_q: bool = True) -> tf.Tensor:
    """A scalar whose derivative by any weight is the mean of a batch's gradient; targets of samples together have two.

    Written without the estimators' formulas: bounds are differentiated as they stand; for the posterior and the path
    each pair of states has the coefficients d of log q and a of F that follow for two samples in closed form.

    Args:
      estimator: two samples where their number is a setting.
      log_q, value: log q and F of every configuration of all layers for every image [configurations, N].
      holds_log_q: whether F holds -log q.
    """
    target = estimator.facts.target
    if target == "expectation":
        return tf.reduce_mean(tf.reduce_sum(tf.exp(log_q) * value, 0))
    log_q, value = (_pairs(part) for part in (log_q, value))
    probability = tf.exp(tf.reduce_sum(log_q, 0))
    if target == "multi_sample_bound":
        bound = tf.reduce_logsumexp(value, 0) - np.log(2.0)
        return tf.reduce_mean(tf.reduce_sum(probability * bound, 0))
    if target == "posterior":
        by_value = by_score = tf.nn.softmax(value, 0)
        value = value + log_q if holds_log_q else value  # the posterior is held
    else:
        gap = value - value[::-1]
        covariances = [(step, b, 2.0 * tf.sigmoid(b * gap) * tf.sigmoid(-b * gap) * gap) for b, step in estimator.nodes]
        by_score = sum(step * covariance for step, _, covariance in covariances)
        by_value = sum(step * (tf.sigmoid(b * gap) + b * covariance) for step, b, covariance in covariances)
    surrogate = tf.reduce_sum(tf.stop_gradient(by_score) * log_q + tf.stop_gradient(by_value) * value, 0)
    return tf.reduce_mean(tf.reduce_sum(tf.stop_gradient(probability) * surrogate, 0))


def _pairs(values: tf.Tensor) -> tf.Tensor:
    """[S, N] -> [2, S S, N]."""
    first, second = values[:, tf.newaxis] + 0.0 * values, values + 0.0 * values[:, tf.newaxis]
    return tf.reshape(tf.stack([first, second]), (2, -1, values.shape[1]))
