"""Two losses between the mean of relaxed samples and a target."""

import math

import tensorflow as tf


def kl_loss(mean: tf.Tensor, log_target: tf.Tensor, compared: tf.Tensor) -> tf.Tensor:
    """KL(m || p) = sum_k m_k (log m_k - log p_k); 0 log 0 = 0, and m_k = p_k = 0 adds nothing, nor to gradients.

    Args:
      mean: m, the mean of the relaxed samples [K].
      log_target: log p [K]; p need not sum to 1.
      compared: bool [K], the entries that enter the sum.
    Returns:
      scalar.
    Source: Potapczynski et al. (2020), appendix.
    """
    log_target = tf.where(tf.equal(mean, 0.0) & tf.equal(log_target, -math.inf), tf.zeros_like(log_target), log_target)
    terms = tf.math.xlogy(mean, mean) - tf.math.multiply_no_nan(log_target, mean)
    return tf.reduce_sum(tf.where(compared, terms, tf.zeros_like(mean)))


def squared_loss(mean: tf.Tensor, log_target: tf.Tensor, compared: tf.Tensor) -> tf.Tensor:
    """sum_k (m_k - p_k)^2, "moment matching"; arguments and result as for `kl_loss`."""
    return tf.reduce_sum(tf.where(compared, tf.square(mean - tf.exp(log_target)), tf.zeros_like(mean)))


LOSSES = {"kl": kl_loss, "squared": squared_loss}
