"""Formulas that estimators of discrete variables and K-sample objectives share."""

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
