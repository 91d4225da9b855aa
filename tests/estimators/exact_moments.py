"""Two small problems, and exact moments of an estimator of independent samples by enumeration of all of them.

B3:  three Bernoulli variables,   fQ = (b1 + 2 b2 - 1.5 b3 - 0.4)^2 + b1 b2 b3,   fE = exp(0.5 b1 - b2 + 0.8 b3)
C23: two variables of three categories, s_v = b_v . (1, 0, -0.5),   fQ = (s1 + 2 s2 - 0.4)^2 + s1 s2,
     fE = exp(0.5 s1 - s2)
"""

import itertools

import numpy as np
import tensorflow as tf

from igr_suite.estimators.base import Estimator
from igr_suite.estimators.enumeration import log_probabilities, states

LOGITS = {
    "B3": np.array([0.7, -1.1, 0.2]),
    "C23": np.array([[0.7, -1.1, 0.2], [-0.4, 0.3, 0.9]]),
}
EXACT = {
    ("B3", "fQ"): (-0.0694464426, 0.4011850424, 0.0281848262),
    ("B3", "fE"): (0.2027427771, -0.2841859337, 0.3661856618),
    ("C23", "fQ"): (
        *(-0.2902559993, -0.0083807170, 0.2986367162),
        *(0.4884444299, -0.3320110700, -0.1564333599),
    ),
    ("C23", "fE"): (
        *(0.2551274879, -0.0341805073, -0.2209469806),
        *(-0.1725642356, -0.1017145713, 0.2742788069),
    ),
}
_COUNTED = tf.constant([1.0, 0.0, -0.5], tf.float64)


def _quadratic_of_units(b: tf.Tensor) -> tf.Tensor:
    first, second, third = tf.unstack(b, axis=-1)
    return tf.square(first + 2.0 * second - 1.5 * third - 0.4) + first * second * third


def _quadratic_of_categories(b: tf.Tensor) -> tf.Tensor:
    first, second = tf.unstack(tf.tensordot(b, _COUNTED, 1), axis=-1)
    return tf.square(first + 2.0 * second - 0.4) + first * second


FUNCTIONS = {
    ("B3", "fQ"): _quadratic_of_units,
    ("B3", "fE"): lambda b: tf.exp(tf.tensordot(b, tf.constant([0.5, -1.0, 0.8], tf.float64), 1)),
    ("C23", "fQ"): _quadratic_of_categories,
    ("C23", "fE"): lambda b: tf.exp(tf.tensordot(tf.tensordot(b, _COUNTED, 1), tf.constant([0.5, -1.0], b.dtype), 1)),
}
PROBLEMS = tuple(FUNCTIONS)


def uniforms_of(samples: np.ndarray) -> tf.Tensor:
    """Uniforms from which an estimator makes these discrete samples, unless a logit is far from 0."""
    return tf.constant(np.where(np.asarray(samples) > 0.5, 1.0 - 1e-12, 1e-12))


def one_hot(*classes: int) -> np.ndarray:
    """The samples of classes of three categories, [len(classes), 3]."""
    return np.eye(3)[list(classes)]


def gradients_at(estimator: Estimator, problem: tuple[str, str], samples: np.ndarray, parameters=None, **noise):
    """Gradients [N, ...] at given samples, [N, ...] or [K, N, ...] of an estimator of K samples.

    `noise` adds to the uniforms of the samples what the estimator reads beside them.
    """
    logits = LOGITS[problem[0]]
    leading = samples.shape[: samples.ndim - logits.ndim]
    repeated = tf.constant(np.broadcast_to(logits, (leading[-1], *logits.shape)))
    parameters = {name: tf.constant(value, tf.float64) for name, value in (parameters or {}).items()}
    given = {**estimator.parameters(repeated.shape, tf.float64), **parameters}
    estimate = estimator.estimate(FUNCTIONS[problem], repeated, {"u": uniforms_of(samples), **noise}, given)
    np.testing.assert_array_equal(estimate.samples, samples)
    return estimate.gradient.numpy()


def moments(estimator: Estimator, problem: tuple[str, str], parameters=None) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of every entry of the gradient, flat, of an estimator that reads nothing but K samples."""
    logits = tf.constant(LOGITS[problem[0]])[tf.newaxis]
    grid = states(logits).numpy()
    weights = np.exp(log_probabilities(logits, tf.constant(grid)).numpy()[:, 0])
    copies = getattr(estimator, "samples", None)
    chosen = np.array(list(itertools.product(range(len(grid)), repeat=copies or 1))).T
    samples = grid[chosen] if copies else grid[chosen[0]]
    gradients = gradients_at(estimator, problem, samples, parameters).reshape(chosen.shape[1], -1)
    probability = weights[chosen].prod(0)
    mean = probability @ gradients
    return mean, probability @ gradients**2 - mean**2
