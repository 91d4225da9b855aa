"""Locations of logit-normal sticks that make the expected pieces of a stick equal."""

import functools

import numpy as np
import tensorflow as tf
from scipy.optimize import brentq
from scipy.special import expit

from igr_suite.relaxations.base import check_categories


def uniform_stick_loc(categories: int, dtype: tf.DType = tf.float32) -> tf.Tensor:
    """Locations with E[sigmoid(loc_k + eps)] = 1/(K-k), k = 0..K-2, eps ~ N(0, 1).

    Sticks are independent, so E[eta_k] = 1/K for every piece and for the remainder. (logit(1/(K-k)) would set the
    medians of the sticks instead, and leave later pieces too short: at K = 10 the first piece would have mean 0.13.)

    Args:
      categories: K, the number of pieces with the remainder.
      dtype: of the result.
    Returns:
      [K-1].
    Raises:
      UserError: K is not a positive integer.
    Source: this project.
    """
    return tf.constant(_stick_locations(check_categories(categories)), dtype, shape=[categories - 1])


@functools.cache
def _stick_locations(categories: int) -> tuple[float, ...]:
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()

    def location(mean: float) -> float:
        return brentq(lambda loc: weights @ expit(loc + nodes) - mean, -40.0, 40.0, xtol=1e-13)

    return tuple(location(1.0 / (categories - k)) for k in range(categories - 1))
