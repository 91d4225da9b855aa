"""Losses against numpy, and finite with finite gradients where probabilities underflow."""

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.studies.fits.losses import LOSSES, kl_loss, squared_loss
from igr_suite.studies.fits.targets import log_pmf

RNG = np.random.default_rng(5)
MEAN, TARGET = RNG.dirichlet(np.ones(6)), RNG.dirichlet(np.ones(6))
ALL = np.ones(6, bool)


def test_losses_are_numpys():
    arguments = (tf.constant(MEAN), tf.constant(np.log(TARGET)), tf.constant(ALL))
    assert float(kl_loss(*arguments)) == pytest.approx(np.sum(MEAN * np.log(MEAN / TARGET)), rel=1e-12)
    assert float(squared_loss(*arguments)) == pytest.approx(np.sum((MEAN - TARGET) ** 2), rel=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_entries_that_are_not_compared_do_not_matter(name):
    first = np.arange(6) < 4
    other = np.where(first, MEAN, 0.7)
    values = [
        float(LOSSES[name](tf.constant(m), tf.constant(np.log(TARGET)), tf.constant(first))) for m in (MEAN, other)
    ]
    assert values[0] == values[1]


@pytest.mark.parametrize("name", LOSSES)
def test_poisson_with_200_categories_is_finite_in_float32(name):
    log_target = tf.constant(log_pmf("poisson", 200), tf.float32)
    mean = tf.constant(np.eye(200)[50], tf.float32)  # 0 in most places, as truncated sticks are
    with tf.GradientTape() as tape:
        tape.watch(mean)
        loss = LOSSES[name](mean, log_target, tf.ones(200, tf.bool))
    assert np.isfinite(loss) and np.isfinite(tape.gradient(loss, mean)).all()
    if name == "kl":
        assert float(loss) == pytest.approx(-float(log_target[50]), rel=1e-5)


def test_an_exact_match_is_zero_even_where_the_target_has_no_mass():
    mean = tf.constant([0.25, 0.75, 0.0])
    log_target = tf.constant([np.log(0.25), np.log(0.75), -np.inf], tf.float32)
    assert float(squared_loss(mean, log_target, tf.ones(3, tf.bool))) == pytest.approx(0.0, abs=1e-12)
    assert float(kl_loss(mean, log_target, tf.ones(3, tf.bool))) == pytest.approx(0.0, abs=1e-6)


def test_no_mass_on_either_side_adds_nothing_to_the_gradient():
    """m_k = p_k = 0: value and gradient 0; mass where the target has none is infinitely far."""
    log_target = tf.math.log([0.5, 0.5, 0.0])
    with tf.GradientTape() as tape:
        mean = tf.constant([0.25, 0.75, 0.0])
        tape.watch(mean)
        loss = kl_loss(mean, log_target, tf.constant([True, True, True]))
    assert float(loss) == pytest.approx(0.25 * np.log(0.5) + 0.75 * np.log(1.5), rel=1e-6)
    np.testing.assert_allclose(tape.gradient(loss, mean), [np.log(0.5) + 1.0, np.log(1.5) + 1.0, 0.0], rtol=1e-6)
    assert float(kl_loss(tf.constant([0.2, 0.7, 0.1]), log_target, tf.constant([True] * 3))) == np.inf
