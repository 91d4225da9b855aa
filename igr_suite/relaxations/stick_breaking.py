"""Stick-breaking in log space, as pure functions and as the two bijectors that the distributions use."""

import numpy as np
import tensorflow as tf
from tensorflow_probability import bijectors as tfb


def log_stick_lengths(y: tf.Tensor) -> tf.Tensor:
    """Logarithms of the broken-off pieces: log eta_k = log s_k + sum_{j<k} log(1 - s_j), s = sigmoid(y).

    Args:
      y: stick logits [..., K-1].
    Returns:
      log eta [..., K-1].
    """
    return tf.math.log_sigmoid(y) - tf.cumsum(tf.nn.softplus(y), axis=-1, exclusive=True)


def log_remainders(y: tf.Tensor) -> tf.Tensor:
    """Logarithm of the remainder of the stick after each break: log prod_{j<=k} (1 - s_j).

    It is log(1 - cumsum(eta)) without the cancellation, so thresholds very near 1 can be compared with it.

    Args:
      y: stick logits [..., K-1].
    Returns:
      [..., K-1]; the last entry is the log of the final remainder.
    """
    return -tf.cumsum(tf.nn.softplus(y), axis=-1)


class StickBreaking(tfb.Bijector):
    """eta_k = s_k prod_{j<k} (1 - s_j), s = sigmoid(y); R^(K-1) -> {eta > 0, sum eta < 1}.

        log |det d eta / d y| = sum_k [log eta_k - softplus(y_k)]

    Outside its range the inverse is NaN; see `in_range`.

    Source: Potapczynski, Loaiza-Ganem & Cunningham (2020), section 3.2; the Jacobian is lower triangular.
    """

    def __init__(self, name: str = "stick_breaking"):
        super().__init__(forward_min_event_ndims=1, parameters=dict(locals()), name=name)

    @classmethod
    def _is_increasing(cls):
        return None

    def _forward(self, x):
        return tf.exp(log_stick_lengths(x))

    def _inverse(self, y):
        remainders = 1.0 - tf.cumsum(y, axis=-1)
        return tf.math.log(y) - tf.math.log(remainders)  # logit of s_k = eta_k / remainder before the k-th break

    def preimage_of_multiple(self, x: tf.Tensor, factor: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The inverse at factor * eta(x), from x: neither short pieces nor short remainders are lost in rounding.

            y_k = log(f eta_k) - log(1 - f sum_{j<=k} eta_j),
            1 - f sum_{j<=k} eta_j = (1 - f) + f prod_{j<=k} (1 - s_j)

        Args:
          x: stick logits [..., K-1].
          factor: f, positive [...].
        Returns:
          y [..., K-1], and whether f eta is in the range, bool [...]; where it is not, y is x.
        """
        factor = factor[..., tf.newaxis]
        log_factor = tf.math.log(factor)
        log_rest = log_remainders(x) + log_factor
        log_lost = tf.where(
            factor < 1.0, tf.math.log(tf.where(factor < 1.0, 1.0 - factor, tf.ones_like(factor))), -np.inf
        )
        log_shrunk = tf.reduce_logsumexp(tf.stack([log_lost + tf.zeros_like(log_rest), log_rest], axis=-1), axis=-1)
        grown = tf.exp(log_rest) - (factor - 1.0)
        log_grown = tf.math.log(tf.where(grown > 0.0, grown, tf.ones_like(grown)))
        y = log_stick_lengths(x) + log_factor - tf.where(factor > 1.0, log_grown, log_shrunk)
        inside = tf.reduce_all((factor <= 1.0) | (grown > 0.0), axis=-1)
        return tf.where(inside[..., tf.newaxis], y, x), inside

    def _forward_log_det_jacobian(self, x):
        return tf.reduce_sum(log_stick_lengths(x) - tf.nn.softplus(x), axis=-1)

    def in_range(self, eta: tf.Tensor) -> tf.Tensor:
        """Whether eta [..., K-1] is an image of some y: bool [...]."""
        return tf.reduce_all(eta > 0, axis=-1) & (tf.reduce_sum(eta, axis=-1) < 1)


class StickBreakingLogRatios(tfb.Bijector):
    """h_k = log eta_k - log remainder = y_k + sum_{j>k} softplus(y_j); R^(K-1) -> R^(K-1).

    The last remainder is the reference category, so softmax([h, 0]) = (eta, remainder). The Jacobian is
    upper triangular with ones on its diagonal: log |det| = 0.

        y_k = h_k - logsumexp([h_{k+1}, ..., h_{K-1}, 0])

    Source: this project; follows from the stick-breaking of Potapczynski et al. (2020), section 3.2.
    """

    def __init__(self, name: str = "stick_breaking_log_ratios"):
        super().__init__(forward_min_event_ndims=1, parameters=dict(locals()), name=name)

    @classmethod
    def _is_increasing(cls):
        return None

    def _forward(self, x):
        return x + tf.cumsum(tf.nn.softplus(x), axis=-1, exclusive=True, reverse=True)

    def _inverse(self, y):
        if y.shape[-1] == 0:  # one category
            return y
        with_reference = tf.concat([y, tf.zeros_like(y[..., :1])], axis=-1)
        return y - tf.math.cumulative_logsumexp(with_reference, axis=-1, reverse=True)[..., 1:]

    def _forward_log_det_jacobian(self, x):
        return tf.zeros(tf.shape(x)[:-1], x.dtype)

    def _inverse_log_det_jacobian(self, y):
        return tf.zeros(tf.shape(y)[:-1], y.dtype)
