"""Two small objectives of categorical variables, and exact moments of estimators that draw pairs by binary decisions."""

import itertools

import numpy as np
import tensorflow as tf

from igr_suite.estimators.base import Estimator, Objective
from igr_suite.estimators.distributions.decisions import Decisions

LOGITS = np.array([[0.7, -1.1, 0.2], [-0.4, 0.3, 0.9]])
GRADIENTS = {
    "quadratic": [[-0.2902559993, -0.0083807170, 0.2986367162], [0.4884444299, -0.3320110700, -0.1564333599]],
    "exponential": [[0.2551274879, -0.0341805073, -0.2209469806], [-0.1725642356, -0.1017145713, 0.2742788069]],
}
VALUES = {"quadratic": 1.5972314307, "exponential": 1.6279706469}


def quadratic(b: tf.Tensor) -> tf.Tensor:
    """(s1 + 2 s2 - 0.4)^2 + s1 s2, s = b . (1, 0, -1/2) of each of two variables."""
    first, second = tf.unstack(b[..., 0] - 0.5 * b[..., 2], axis=-1)
    return tf.square(first + 2.0 * second - 0.4) + first * second


def exponential(b: tf.Tensor) -> tf.Tensor:
    """exp(s1 / 2 - s2)."""
    first, second = tf.unstack(b[..., 0] - 0.5 * b[..., 2], axis=-1)
    return tf.exp(0.5 * first - second)


OBJECTIVES = {"quadratic": quadratic, "exponential": exponential}


def antithetic_states(decisions: Decisions) -> tuple[np.ndarray, np.ndarray]:
    """Uniforms [S, V, C - 1], one inside each box in which no decision of the pair (u, 1 - u) changes, and the boxes'
    sizes [S].

    Args:
      decisions: of logits [1, V, C].
    """
    p = tf.sigmoid(decisions.logits)[0].numpy()
    low, high = np.minimum(p, 1.0 - p), np.maximum(p, 1.0 - p)
    places = np.stack([low / 2, np.full(p.shape, 0.5), (1.0 + high) / 2]).reshape(3, -1)
    sizes = np.stack([low, high - low, low]).reshape(3, -1)
    choices = np.array(list(itertools.product(range(3), repeat=p.size)))
    columns = np.arange(p.size)
    return places[choices, columns].reshape(-1, *p.shape), np.prod(sizes[choices, columns], 1)


def as_exponentials(u: np.ndarray) -> np.ndarray:
    """Noise of two samples of `carms` [2, S, V, C - 1] whose sticks have the uniforms u and 1 - u."""
    return np.exp(-np.stack([1.0 - u, u]))


def moments(estimator: Estimator, objective: Objective, logits: np.ndarray) -> tuple[np.ndarray, float]:
    """Exact mean of a pair's gradient [V, C] and the sum of its variances, by enumeration."""
    u, sizes = antithetic_states(estimator.decisions(tf.constant(logits[np.newaxis])))
    noise = as_exponentials(u) if hasattr(estimator, "samples") else u
    batch = np.broadcast_to(logits, (len(u), *logits.shape))
    gradient = estimator.estimate(objective, batch, {"u": noise}).gradient.numpy()
    mean = np.tensordot(sizes, gradient, 1)
    return mean, float(np.sum(np.tensordot(sizes, gradient**2, 1) - mean**2))
