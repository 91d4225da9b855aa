"""Oracle of docs/papers/igr.md, section 7.20: image log-likelihoods against scipy, and the bounds of the elu option."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats
from scipy.special import expit

from igr_suite.errors import UserError
from igr_suite.networks.likelihoods import bernoulli_log_likelihood, gaussian_log_likelihood

RNG = np.random.default_rng(3)


def test_bernoulli_is_scipys_and_broadcasts_over_samples():
    logits, x = RNG.normal(0, 3, size=(4, 2, 7)), RNG.integers(0, 2, size=(2, 7)).astype(float)
    expected = stats.bernoulli.logpmf(np.broadcast_to(x, logits.shape), expit(logits)).sum(-1)
    np.testing.assert_allclose(bernoulli_log_likelihood(tf.constant(logits), tf.constant(x)), expected, rtol=1e-10)


def test_bernoulli_of_grey_pixels():
    logits, x = RNG.normal(size=(2, 7)), RNG.uniform(size=(2, 7))
    expected = np.sum(x * np.log(expit(logits)) + (1 - x) * np.log(expit(-logits)), -1)
    np.testing.assert_allclose(bernoulli_log_likelihood(tf.constant(logits), tf.constant(x)), expected, rtol=1e-12)


def test_bernoulli_is_exact_at_extremes_and_at_zero():
    logits = tf.constant([[1e4, -1e4, 30.0, 0.0]])
    x = tf.constant([[1.0, 0.0, 1.0, 1.0]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = bernoulli_log_likelihood(logits, x)
    np.testing.assert_allclose(value, [-np.log(2) - np.exp(-30)], rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(value, logits), [[0.0, 0.0, 0.0, 0.5]], atol=1e-12)
    np.testing.assert_allclose(bernoulli_log_likelihood(-logits, x), [-20030 - np.log(2)], rtol=1e-6)


def test_gaussian_is_scipys_and_broadcasts_over_samples():
    params, x = RNG.normal(size=(4, 2, 14)), RNG.uniform(size=(2, 7))
    std = 1e-6 + np.log1p(np.exp(params[..., 7:]))
    expected = stats.norm.logpdf(x, expit(params[..., :7]), std).sum(-1)
    ours = gaussian_log_likelihood(tf.constant(params), tf.constant(x))
    np.testing.assert_allclose(ours, expected, atol=1e-6)  # log(1e-8 + std) moves it by 1e-8/std a pixel


def test_gaussian_is_finite_for_extreme_parameters():
    params = tf.constant([[1e4, -1e4, -1e4, 1e4]])
    with tf.GradientTape() as tape:
        tape.watch(params)
        value = gaussian_log_likelihood(params, tf.constant([[1.0, 0.0]]))
    assert np.all(np.isfinite(value)) and np.all(np.isfinite(tape.gradient(value, params)))


def test_elu_bounds():
    """mean >= .268941 and std >= .313262, so that a pixel never gets more than .241775 and black never its best."""
    lowest = tf.fill([1, 2], tf.constant(-1e3, tf.float64))
    at_mean = gaussian_log_likelihood(lowest, tf.fill([1, 1], tf.constant(expit(-1.0), tf.float64)), "elu")
    np.testing.assert_allclose(at_mean, [0.241775], atol=3e-6)
    assert abs(expit(-1.0) - 0.268941) < 1e-6 and abs(np.log1p(np.exp(-1.0)) - 0.313262) < 1e-6
    random = gaussian_log_likelihood(
        tf.constant(RNG.normal(0, 5, size=(10_000, 2))), tf.constant(RNG.uniform(size=(10_000, 1))), "elu"
    )
    assert np.max(random) <= at_mean[0]
    black = gaussian_log_likelihood(lowest, tf.zeros([1, 1], tf.float64), "elu")
    np.testing.assert_allclose(black, stats.norm.logpdf(0.0, expit(-1.0), np.log1p(np.exp(-1.0)))[None], atol=1e-5)


def test_unknown_output_activation():
    with pytest.raises(UserError, match="must be None or 'elu', got 'relu'"):
        gaussian_log_likelihood(tf.zeros([1, 2]), tf.zeros([1, 1]), "relu")
