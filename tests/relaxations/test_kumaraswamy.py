"""Kumaraswamy and LogitNormal sticks against TFP, closed forms, quadrature and their own samples."""

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp
from sweeps import few

from igr_suite.families.mixture.sticks import KumaraswamySticks, LogitNormalSticks
from igr_suite.randomness import run_seed
from igr_suite.relaxations.kumaraswamy import kumaraswamy_entropy, kumaraswamy_log_density, kumaraswamy_logits

PARAMETERS = [(1.0, 1.0), (0.4, 2.5), (3.0, 0.7), (8.0, 20.0)]


def density(v, a, b):
    return a * b * v ** (a - 1) * (1 - v**a) ** (b - 1)


@pytest.mark.parametrize(("a", "b"), few(PARAMETERS, PARAMETERS[:2].__contains__))
def test_density_and_entropy(a, b):
    v = np.linspace(0.01, 0.99, 99)
    logits = tf.constant(np.log(v) - np.log1p(-v))
    ours = kumaraswamy_log_density(logits, np.log(a), np.log(b)).numpy()
    np.testing.assert_allclose(ours, np.log(density(v, a, b)), atol=1e-10)
    np.testing.assert_allclose(
        ours, tfp.distributions.Kumaraswamy(np.float64(a), np.float64(b)).log_prob(v), atol=1e-10
    )

    def integrand(u):  # over the uniform noise, where the density's poles are harmless
        value = kumaraswamy_logits(np.log(a), np.log(b), tf.constant(u, tf.float64))
        return -float(kumaraswamy_log_density(value, np.log(a), np.log(b)))

    by_quadrature = scipy.integrate.quad(integrand, 0, 1, epsabs=1e-7, limit=200)[0]
    assert float(kumaraswamy_entropy(tf.constant(np.log(a)), tf.constant(np.log(b)))) == pytest.approx(
        by_quadrature, abs=1e-5
    )


@pytest.mark.parametrize(("a", "b"), PARAMETERS)
def test_samples_follow_the_cdf(a, b):
    """20,000 samples, Kolmogorov-Smirnov at p = 1e-6 (the false alarm, though the seed is fixed); sees a distance of
    .02 in the cdf."""
    parameters = tf.constant([[np.log(a), np.log(b)]], tf.float32)
    logits = KumaraswamySticks(parameters).logits(20_000, run_seed(1, "test")).numpy().ravel().astype(np.float64)
    v = 1 / (1 + np.exp(-logits))
    assert scipy.stats.kstest(v, lambda x: 1 - (1 - x**a) ** b).pvalue > 1e-6
    assert scipy.stats.kstest(v, lambda x: 1 - (1 - x ** (1.15 * a)) ** b).pvalue < 1e-6, "the test can fail"


def test_extreme_parameters_are_finite_in_float32():
    log_a, log_b = (
        tf.reshape(t, [-1]) for t in tf.meshgrid(tf.linspace(-12.0, 12.0, 13), tf.linspace(-12.0, 12.0, 13))
    )
    u = tf.constant([[2.0**-24], [0.3], [1 - 2.0**-24]])
    with tf.GradientTape() as tape:
        tape.watch([log_a, log_b])
        logits = kumaraswamy_logits(log_a, log_b, u)
        log_density = kumaraswamy_log_density(logits, log_a, log_b)
    assert np.all(np.isfinite(logits))
    assert np.all(np.isfinite(log_density))
    assert all(np.all(np.isfinite(g)) for g in tape.gradient([logits, log_density], [log_a, log_b]))
    exact = kumaraswamy_logits(tf.cast(log_a, tf.float64), tf.cast(log_b, tf.float64), tf.cast(u, tf.float64)).numpy()
    np.testing.assert_allclose(logits, exact, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("kind", [KumaraswamySticks, LogitNormalSticks])
def test_kl_to_the_uniform_distribution_by_quadrature_is_the_sampled_one(kind):
    """200,000 draws; 5 standard errors, a false alarm below 1e-6; sees a bias of .02 nats."""
    distribution = kind(tf.constant([[0.5, -0.9, 0.3, -0.4]], tf.float64))
    terms = distribution.log_density(distribution.logits(200_000, run_seed(2, "test"))).numpy().ravel()
    exact = 0.0
    for j in range(2):
        one = kind(tf.constant([[[0.5, -0.9][j], [0.3, -0.4][j]]], tf.float64))
        y, step = np.linspace(-60, 60, 60_001, retstep=True)
        log_q = one.log_density(tf.constant(y[:, None, None])).numpy().ravel()
        exact += step * np.sum(np.exp(log_q - np.logaddexp(0, y) - np.logaddexp(0, -y)) * log_q)
    assert terms.mean() == pytest.approx(exact, abs=5 * terms.std() / np.sqrt(len(terms)))
    assert terms.std() / np.sqrt(len(terms)) < 0.004


def test_logit_normal_density_is_tfp_s():
    v = np.linspace(0.02, 0.98, 49)
    distribution = LogitNormalSticks(tf.constant([[0.4, -0.3]], tf.float64))
    ours = distribution.log_density(tf.constant((np.log(v) - np.log1p(-v))[:, None, None])).numpy().ravel()
    np.testing.assert_allclose(
        ours, tfp.distributions.LogitNormal(np.float64(0.4), np.exp(-0.3)).log_prob(v), atol=1e-10
    )
