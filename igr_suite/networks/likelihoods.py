"""Log-likelihoods of images under a decoder's output."""

import math

import numpy as np
import tensorflow as tf

from igr_suite.errors import UserError


@tf.custom_gradient
def bernoulli_log_likelihood(logits: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Bernoulli log-likelihood: sum_d x_d log sigmoid(l_d) + (1 - x_d) log sigmoid(-l_d).

    Value and gradient, x - sigmoid(l), share exp(-|l|), which makes this the cheapest form under XLA
    (docs/performance.md). The gradient with respect to x is not defined: x is data.

    Args:
      logits: l [..., D].
      x: [B, D] with entries in [0, 1], broadcasting against the logits.
    Returns:
      [...] in nats.
    """
    decay = tf.exp(-tf.abs(logits))
    value = tf.reduce_sum(logits * x - tf.nn.relu(logits) - tf.math.log(1.0 + decay), axis=-1)

    def gradient(upstream):
        sigmoid = tf.where(logits >= 0, tf.ones_like(decay), decay) / (1.0 + decay)
        return upstream[..., tf.newaxis] * (x - sigmoid), None

    return value, gradient


def gaussian_log_likelihood(params: tf.Tensor, x: tf.Tensor, output_activation: str | None = None) -> tf.Tensor:
    """Gaussian log-likelihood: sum_d log N(x_d; sigmoid(a_d), std_d), std = 1e-6 + softplus(b).

    Args:
      params: [..., 2D], the first half a, the second half b.
      x: [B, D], broadcasting against [..., D].
      output_activation: None, or "elu" on a and b as in the authors' code for (F)MNIST in grey and CelebA: it keeps the
        mean above 0.2689 and std above 0.3133, so that black pixels cannot be represented.
    Returns:
      [...] in nats.
    Raises:
      UserError: unknown activation.
    Source: Potapczynski et al. (2020), the authors' code.
    """
    if output_activation not in (None, "elu"):
        raise UserError(f"output_activation must be None or 'elu', got '{output_activation}'")
    if output_activation == "elu":
        params = tf.nn.elu(params)
    a, b = tf.split(params, 2, axis=-1)
    std = 1e-6 + tf.nn.softplus(b)
    standard = (x - tf.sigmoid(a)) / std
    return tf.reduce_sum(-0.5 * tf.square(standard) - tf.math.log(1e-8 + std) - 0.5 * math.log(2.0 * math.pi), axis=-1)


def pixel_offset(mean: np.ndarray) -> np.ndarray:
    """A constant that is added to a decoder's logits, those of the mean image: logit(clip(mean, 0.001, 0.999)).

    Args:
      mean: of the training images, [D] in [0, 1].
    Returns:
      [D].
    """
    clipped = np.clip(mean, 1e-3, 1.0 - 1e-3)
    return np.log(clipped) - np.log1p(-clipped)
