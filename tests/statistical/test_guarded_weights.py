"""Negative control for importance weights of pairs: a constant that guards a division, and a clipped ratio, bias them.

CARMS has another form, without sticks: two samples are the inverse distribution function at u and 1 - u, in a random
order of the categories. Its weights theta theta' / P(z, z') may be far from 1, and the authors' code adds 1e-3 to both
probabilities and clips the ratio to [.01, 10].
"""

import itertools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.estimators.base import Estimate, Estimator, Facts
from igr_suite.estimators.conformance import Problem, check, measure
from igr_suite.estimators.inputs import uniforms

# One variable; the values are of its ten categories, the rarest of which matters most.
THETA = np.array([0.002, 0.25, 0.03, 0.1, 0.005, 0.2, 0.113, 0.15, 0.05, 0.1])
VALUES = np.array([40.0, 1.0, -2.0, 0.5, 30.0, -1.0, 2.0, 0.0, 1.5, -0.5])
PROBLEM = Problem(lambda b: tf.tensordot(b[..., 0, :], tf.constant(VALUES), 1), np.log(THETA)[None])
# For each two categories an order that begins with the one and ends with the other.
ORDERS = np.array(
    [
        [i, *(c for c in range(len(THETA)) if c not in (i, j)), j]
        for i, j in itertools.combinations(range(len(THETA)), 2)
    ]
)


def edges() -> np.ndarray:
    """The distribution function of every order, from 0 to 1 [orders, C + 1]."""
    return np.concatenate([np.zeros((len(ORDERS), 1)), np.cumsum(THETA[ORDERS], 1)], 1)


def joint() -> np.ndarray:
    """P(z, z') [C, C], exactly: lengths of the common parts of one's interval and the other's mirrored one."""
    result = np.zeros((len(THETA), len(THETA)))
    for order, places in zip(ORDERS, edges()):
        low, high = places[:-1], places[1:]
        common = np.minimum(high[:, None], 1 - low) - np.maximum(low[:, None], 1 - high)
        result[np.ix_(order, order)] += np.maximum(common, 0.0) / len(ORDERS)
    return result


@dataclass(frozen=True, kw_only=True)
class InverseFunctionPair(Estimator):
    """1/2 W (f - f') (b - b')."""

    facts: ClassVar[Facts] = Facts(
        name="inverse_function_pair", source="", support=("categorical",), unbiased=True, hard=2
    )

    def weights(self) -> np.ndarray:
        """W [C, C]; what stands on the diagonal is multiplied by 0."""
        return np.outer(THETA, THETA) / (joint() + np.eye(len(THETA)))

    def noise(self, shape, seed, dtype=tf.float32):
        return {"u": uniforms((*shape[:2], 2), seed, dtype)}

    def _estimate(self, objective, logits, noise, parameters):
        u, order = np.moveaxis(noise["u"].numpy()[:, 0], -1, 0)
        order = (order * len(ORDERS)).astype(int)
        places = [np.sum(value[:, None] >= edges()[order, 1:-1], 1) for value in (u, 1 - u)]
        categories = np.stack([ORDERS[order, place] for place in places])
        pair = tf.constant(np.eye(len(THETA))[categories][:, :, None])
        values = objective(pair)
        weight = 0.5 * self.weights()[categories[0], categories[1]] * (values[0] - values[1])
        return Estimate(tf.reduce_mean(values, 0), pair, weight[:, None, None] * (pair[0] - pair[1]))


@dataclass(frozen=True, kw_only=True)
class Guarded(InverseFunctionPair):
    """As in the authors' code."""

    def weights(self):
        return np.clip((np.outer(THETA, THETA) + 1e-3) / (joint() + 1e-3), 0.01, 10.0)


def mean(estimator: InverseFunctionPair) -> np.ndarray:
    """The exact mean of the gradient [C]."""
    table = joint() * estimator.weights() * (VALUES[:, None] - VALUES)
    return 0.5 * (table.sum(1) - table.sum(0))


def test_every_two_categories_can_be_drawn_together():
    np.testing.assert_allclose(joint().sum(0), THETA, atol=1e-15)
    assert np.all(joint() + np.eye(len(THETA)) > 0.0)


def test_the_weights_as_they_are_pass():
    exact = THETA * (VALUES - THETA @ VALUES)
    np.testing.assert_allclose(mean(InverseFunctionPair()), exact, atol=1e-14)
    check(InverseFunctionPair(), PROBLEM)


def test_guarded_weights_are_found_biased():
    """Single weights are off by factors from .13 to 4.3; 300,000 draws show the bias that follows."""
    different = ~np.eye(len(THETA), dtype=bool)
    factors = (Guarded().weights() / InverseFunctionPair().weights())[different]
    assert factors.min() < 0.2 and factors.max() > 4.0
    with pytest.raises(AssertionError, match="registered as unbiased; its mean is off"):
        check(Guarded(), PROBLEM)
    found = measure(Guarded(), PROBLEM, 300_000)
    assert found.biased
    np.testing.assert_allclose(found.mean, mean(Guarded()), atol=5 * np.max(found.deviation) / np.sqrt(found.draws))
