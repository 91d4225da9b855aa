"""softmax++: the bijection from R^(K-1) onto the open simplex with K categories."""

import math

import tensorflow as tf
from tensorflow_probability import bijectors as tfb

from igr_suite.checks import number
from igr_suite.errors import UserError
from igr_suite.precision import as_float


def append_last_category(scores: tf.Tensor, delta: float = 1.0) -> tf.Tensor:
    """Logits of all K categories: [scores, log delta].

    Args:
      scores: [..., K-1], already divided by the temperature.
      delta: weight of the last category, positive.
    Returns:
      [..., K]; its softmax is softmax++(scores).
    Source: Potapczynski, Loaiza-Ganem & Cunningham (2020), section 3, in the form that cannot overflow.
    """
    if scores.shape[-1] == 0:  # one category
        return tf.zeros(tf.concat([tf.shape(scores)[:-1], [1]], axis=0), scores.dtype)
    last = tf.fill(tf.shape(scores[..., :1]), tf.constant(math.log(delta), scores.dtype))
    return tf.concat([scores, last], axis=-1)


def log_softmax_plus_plus(scores: tf.Tensor, delta: float = 1.0) -> tf.Tensor:
    """Logarithm of softmax++: log_softmax([scores, log delta]).

    Args:
      scores: [..., K-1].
      delta: weight of the last category, positive.
    Returns:
      log psi [..., K].
    """
    return tf.nn.log_softmax(append_last_category(as_float(scores, "scores"), delta))


def invert_log_softmax_plus_plus(log_sample: tf.Tensor, delta: float = 1.0) -> tf.Tensor:
    """Scores that a log-sample came from: log psi_k - log psi_K + log delta.

    Args:
      log_sample: log psi [..., K].
      delta: weight of the last category, positive.
    Returns:
      [..., K-1].
    """
    return log_sample[..., :-1] - log_sample[..., -1:] + math.log(delta)


def check_delta(delta: float) -> None:
    """Raises UserError unless delta is positive and finite."""
    if not 0 < number(delta) < math.inf:
        raise UserError(
            f"delta must be positive, got {delta} (1.0 is the default; 0.1 is the value of the first preprints)"
        )


class SoftmaxPlusPlus(tfb.Bijector):
    """psi = softmax([lambda, log delta]) as a bijector R^(K-1) -> open simplex.

        log |det d psi_{1..K-1} / d lambda| = sum_{k=1}^{K} log psi_k

    Args:
      delta: weight of the last category: it wins the argmax iff every lambda_k < log delta.
    Raises:
      UserError: delta is not positive.
    Source: Potapczynski, Loaiza-Ganem & Cunningham (2020), section 3.
    """

    def __init__(self, delta: float = 1.0, name: str = "softmax_plus_plus"):
        check_delta(delta)
        parameters = dict(locals())
        self.delta = delta
        super().__init__(forward_min_event_ndims=1, parameters=parameters, name=name)

    @classmethod
    def _is_increasing(cls):
        return None

    def _forward(self, x):
        return tf.nn.softmax(append_last_category(x, self.delta))

    def _inverse(self, y):
        return invert_log_softmax_plus_plus(tf.math.log(y), self.delta)

    def _forward_log_det_jacobian(self, x):
        return tf.reduce_sum(log_softmax_plus_plus(x, self.delta), axis=-1)

    def _inverse_log_det_jacobian(self, y):
        return -tf.reduce_sum(tf.math.log(y), axis=-1)

    def _forward_event_shape(self, shape):
        return shape[:-1].concatenate(None if shape[-1] is None else shape[-1] + 1)

    def _inverse_event_shape(self, shape):
        return shape[:-1].concatenate(None if shape[-1] is None else shape[-1] - 1)

    def _forward_event_shape_tensor(self, shape):
        return tf.concat([shape[:-1], shape[-1:] + 1], axis=0)

    def _inverse_event_shape_tensor(self, shape):
        return tf.concat([shape[:-1], shape[-1:] - 1], axis=0)
