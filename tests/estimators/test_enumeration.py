"""Enumeration against plain numpy sums and finite differences."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.estimators.conformance import enumerable_problem
from igr_suite.estimators.enumeration import expectation, multi_sample_bound, states


def by_hand(objective, logits, samples):
    """E[log mean_k exp f(b_k)] with loops over states."""
    if logits.ndim == 1:
        every = [np.array(bits, float) for bits in itertools.product((0, 1), repeat=len(logits))]
        theta = 1 / (1 + np.exp(-logits))
        chances = [np.prod(np.where(b > 0.5, theta, 1 - theta)) for b in every]
    else:
        theta = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        every = [
            np.eye(logits.shape[1])[list(chosen)]
            for chosen in itertools.product(range(logits.shape[1]), repeat=len(logits))
        ]
        chances = [np.prod((theta * b).sum(-1)) for b in every]
    values = [float(objective(tf.constant(b[None]))[0]) for b in every]
    joint = itertools.product(zip(chances, values), repeat=samples)
    return sum(np.prod([c for c, _ in one]) * np.log(np.mean(np.exp([v for _, v in one]))) for one in joint)


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize("support", ["bernoulli", "categorical"])
def test_value_and_gradient(support, samples):
    problem = enumerable_problem(support)
    value, gradient = multi_sample_bound(problem.objective, tf.constant(problem.logits)[None], samples)
    assert float(value[0]) == pytest.approx(by_hand(problem.objective, problem.logits, samples), rel=1e-12)
    direction = np.random.default_rng(0).normal(size=problem.logits.shape)
    up, down = (by_hand(problem.objective, problem.logits + sign * 1e-5 * direction, samples) for sign in (1, -1))
    assert float(tf.reduce_sum(gradient[0] * direction)) == pytest.approx((up - down) / 2e-5, rel=1e-6)


def test_examples_are_separate():
    problem = enumerable_problem("bernoulli")
    logits = tf.constant(np.stack([problem.logits, -problem.logits]))
    values, gradients = expectation(problem.objective, logits)
    alone, gradient = expectation(problem.objective, logits[1:])
    np.testing.assert_allclose(values[1], alone[0], rtol=1e-12)
    np.testing.assert_allclose(gradients[1], gradient[0], rtol=1e-12)


def test_too_many_states_are_a_sentence():
    assert states(tf.zeros([1, 3])).shape == (8, 3) and states(tf.zeros([1, 2, 3])).shape == (9, 2, 3)
    with pytest.raises(UserError, match="too many to enumerate"):
        states(tf.zeros([1, 40]))
    with pytest.raises(UserError, match="take fewer variables or samples"):
        multi_sample_bound(lambda b: tf.reduce_sum(b, -1), tf.zeros([1, 8]), 3)
