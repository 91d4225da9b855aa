"""Means and variances without sampling: Gauss-Legendre over the uniforms, piecewise where samples jump."""

import numpy as np
import pytest
import tensorflow as tf
from quadrature import moments

from igr_suite.estimators import get
from igr_suite.estimators.conformance import enumerable_problem, perturbed
from igr_suite.estimators.enumeration import expectation


def quartic(b):
    """Neither quadratic nor centred, for any number of units."""
    total = tf.reduce_sum(b * (1.0 + tf.range(b.shape[-1], dtype=b.dtype)), -1)
    return 1.5 - 2.0 * total + 0.7 * total**2 - 0.2 * total**4


@pytest.mark.parametrize("logits", [(0.8,), (-0.6, 1.1)])
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("reinforce", {}),
        ("arm", {}),
        ("disarm", {}),
        ("rebar", {"temperature": 0.5}),
        ("rebar", {"temperature": 0.5, "relaxation": "concrete"}),
        ("rebar", {"temperature": 1.0, "eta_scope": "unit"}),
        ("dynamic_rebar", {"temperature": 0.5}),
        ("relax", {"temperature": 0.5}),
        ("relax", {"temperature": 0.5, "control": "net"}),
        ("lax", {"temperature": 0.5}),
        ("simple_muprop", {}),
        ("muprop", {}),
    ],
)
def test_the_mean_is_exact(name, settings, logits):
    """64 nodes a piece; 1e-10. Parameters are perturbed, except the temperature, whose 1/t would make the integrand
    rough at the ends."""
    estimator = get(name, **settings)
    own = {**perturbed(estimator, (1, len(logits)))}
    if "log_temperature" in own:
        own["log_temperature"] = tf.constant(np.log(settings["temperature"]), tf.float64)
    mean, _ = moments(estimator, quartic, logits, 64, own)
    _, exact = expectation(quartic, tf.constant([logits], tf.float64))
    np.testing.assert_allclose(mean, exact[0], atol=1e-10)


@pytest.mark.parametrize("settings", [{}, {"relaxation": "concrete"}])
def test_the_mean_with_independent_conditional_noise_is_exact(settings):
    estimator = get("rebar", coupling="independent", **settings)
    mean, _ = moments(estimator, quartic, (0.8,), 64, perturbed(estimator, (1, 1)))
    np.testing.assert_allclose(mean, expectation(quartic, tf.constant([[0.8]], tf.float64))[1][0], atol=1e-10)


def test_concrete_is_biased():
    """The same quadrature shows a bias of .01 and more, so that it is not blind."""
    mean, _ = moments(get("concrete"), quartic, (0.8,), 64)
    assert abs(mean - expectation(quartic, tf.constant([[0.8]], tf.float64))[1][0]) > 0.01


def test_disarm_never_varies_more_than_arm():
    """Exact variances of both, two nodes a piece (gradients are piecewise linear), by coordinate, on three units."""
    objective = enumerable_problem("bernoulli").objective
    rng = np.random.default_rng(0)
    for logits in (np.array([0.7, -1.1, 0.2]), *rng.normal(size=(4, 3)) * 2):
        means, variances = zip(*(moments(get(name), objective, logits, 2) for name in ("arm", "disarm")))
        np.testing.assert_allclose(means[0], means[1], atol=1e-10)
        assert np.all(variances[1] <= variances[0] + 1e-12)
        assert np.sum(variances[1]) < 0.99 * np.sum(variances[0])


TARGET, PROBABILITIES = 0.45, (0.05, 0.1, 0.3, 0.5, 0.62, 0.9)


def toy(b):
    """T1, the REBAR paper's toy problem."""
    return tf.reduce_sum(tf.square(b - TARGET), -1)


def closed_forms(p):
    """Variances on T1, docs/papers/rebar.md, section 6."""
    f1, f0, spread, m = (1 - TARGET) ** 2, TARGET**2, 1 - 2 * TARGET, min(p, 1 - p)
    mixed = (1 - p) * f1 + p * f0
    return {
        "reinforce": p * (1 - p) * mixed**2,
        "simple_muprop": p * (1 - p) * (mixed - (p - TARGET) ** 2) ** 2,
        "muprop": p * (1 - p) * (1 - 3 * p * (1 - p)) ** 2,
        "arm": spread**2 * (2 / 3 * (1 / 8 - (1 / 2 - m) ** 3) - p**2 * (1 - p) ** 2),
        "disarm": spread**2 * m * (1 - m) ** 2 * (1 / 2 - m),
        "rloo": spread**2 * p * (1 - p) * (1 / 2 - p * (1 - p)),
    }


@pytest.mark.parametrize("name", closed_forms(0.5))
def test_variances_on_the_toy_problem(name):
    """Quadrature with 3 nodes a piece is exact here; and the mean is (1 - 2 t) p (1 - p)."""
    for p in PROBABILITIES:
        mean, variance = moments(get(name), toy, [np.log(p / (1 - p))], 3)
        assert mean[0] == pytest.approx((1 - 2 * TARGET) * p * (1 - p), abs=1e-12)
        assert variance[0] == pytest.approx(closed_forms(p)[name], rel=1e-6, abs=1e-12)


def test_variance_numbers_of_the_toy_problem():
    """Printed ones: REINFORCE's log variance -4.139 at p = .5; MuProp .015625, .02875, .04796; MuProp is worse than
    REINFORCE at p = .1."""
    assert np.log(closed_forms(0.5)["reinforce"]) == pytest.approx(-4.139, abs=5e-4)
    assert [closed_forms(p)["muprop"] for p in (0.5, 0.3, 0.1)] == pytest.approx([0.015625, 0.02875, 0.04796], abs=5e-6)
    assert closed_forms(0.1)["reinforce"] == pytest.approx(0.0077, abs=5e-5)


def test_a_constant_baseline_can_remove_all_variance_in_one_dimension():
    p = 0.3
    ideal = (1 - p) * (1 - TARGET) ** 2 + p * TARGET**2
    _, variance = moments(get("reinforce", baseline=ideal), toy, [np.log(p / (1 - p))], 2)
    assert abs(variance[0]) < 1e-15


def test_more_samples_vary_less():
    """RLOO on T1, exact for two and three samples."""
    logits = [np.log(0.3 / 0.7)]
    rloo = [moments(get("rloo", samples=k), toy, logits, 2)[1][0] for k in (2, 3)]
    assert rloo[1] < rloo[0]
    assert rloo[0] == pytest.approx(closed_forms(0.3)["rloo"])
