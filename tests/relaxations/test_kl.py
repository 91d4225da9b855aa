"""Oracles of docs/papers/igr.md, sections 7.7 and 7.8: divergences between a posterior and its prior."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from igr_suite.errors import UserError
from igr_suite.relaxations import (
    IGRI,
    IGRSB,
    GumbelSoftmax,
    IGRPlanar,
    IGRSBFinite,
    IGRSBLog,
    PlanarFlow,
    categorical_kl,
    gaussian_kl,
    monte_carlo_kl,
    sampled_kl,
    uniform_loc,
)

tfd = tfp.distributions
F64 = tf.float64
LOC, LOG_SCALE = tf.constant([0.3, -0.5], F64), tf.math.log(tf.constant([0.7, 1.2], F64))
PRIOR_LOC, PRIOR_LOG_SCALE = tf.constant([-0.1, 0.2], F64), tf.math.log(tf.constant([1.0, 0.5], F64))
FLOW = PlanarFlow(*(tf.constant(x, F64) for x in ([[1.0, -0.7], [0.4, 1.5]], [[-2.0, 0.5], [1.0, 1.0]], [0.3, -0.2])))
MAPS = {
    "igr_i": (IGRI, {"delta": 0.3}),
    "igr_sb_finite": (IGRSBFinite, {"delta": 2.0}),
    "igr_sb_log": (IGRSBLog, {}),
    "igr_planar": (IGRPlanar, {"flow": FLOW}),
}


def pair(distribution, options, temperature=0.4):
    return distribution(LOC, LOG_SCALE, temperature, **options), distribution(
        PRIOR_LOC, PRIOR_LOG_SCALE, temperature, **options
    )


def test_gaussian_oracles():
    np.testing.assert_allclose(gaussian_kl(LOC, LOG_SCALE, PRIOR_LOC, PRIOR_LOG_SCALE), 2.666206, atol=5e-7)
    assert float(gaussian_kl(LOC, LOG_SCALE, LOC, LOG_SCALE)) == 0.0
    loc, log_scale = tf.constant([1.0, -0.5], F64), tf.math.log(tf.constant([0.5, 0.8], F64))
    example = gaussian_kl(loc, log_scale, uniform_loc(3, dtype=F64), tf.zeros([2], F64))
    np.testing.assert_allclose(example, 1.121922, atol=1e-6)


@pytest.mark.parametrize(("distribution", "options"), MAPS.values(), ids=MAPS)
@pytest.mark.parametrize("temperature", [0.2, 1.3])
def test_kl_is_gaussian_in_every_space(distribution, options, temperature):
    """Per draw, the Gaussian log-ratio and that of the psi-densities (through the inverse) agree, whatever the map."""
    posterior, prior = pair(distribution, options, temperature)
    np.testing.assert_allclose(tfd.kl_divergence(posterior, prior), 2.666206, atol=5e-7)
    draw = posterior.draw(200, [1, 2])
    ratio = sampled_kl(posterior, prior, draw)
    np.testing.assert_allclose(ratio, posterior.log_prob_of(draw) - prior.log_prob_of(draw), atol=1e-10)
    through_psi = posterior.log_prob(draw.sample) - prior.log_prob(draw.sample)
    np.testing.assert_allclose(ratio, through_psi, atol=2e-5)


def test_sampled_kl_is_unbiased():
    """100,000 draws; within 4 standard errors of the closed form (false alarm 6e-5)."""
    prior = IGRI.uniform_prior(3, 0.4, F64)
    posterior = IGRI(tf.constant([1.0, -0.5], F64), tf.math.log(tf.constant([0.5, 0.8], F64)), 0.4)
    values = sampled_kl(posterior, prior, posterior.draw(100_000, [3, 4])).numpy()
    assert abs(values.mean() - 1.121922) < 4 * values.std() / np.sqrt(1e5)
    np.testing.assert_allclose(values.std(), 0.87, atol=0.02)


def test_prior_after_flow():
    """The prior behind the flow is IGR-I's distribution: the estimate is log q - log p of the log-samples, each with
    its own map."""
    posterior, prior = IGRPlanar(LOC, LOG_SCALE, 0.4, FLOW), IGRI(PRIOR_LOC, PRIOR_LOG_SCALE, 0.4)
    draw = posterior.draw(50, [1, 2])
    expected = posterior.log_prob_of(draw) - prior.log_prob_of_log_sample(draw.log_sample)
    np.testing.assert_allclose(sampled_kl(posterior, prior, draw, prior_after_flow=True), expected, atol=1e-9)
    np.testing.assert_allclose(monte_carlo_kl(posterior, prior, 50, [1, 2]), np.mean(expected), rtol=1e-9)
    assert abs(float(np.mean(expected)) - 2.666206) > 0.05  # it is not the shared-map divergence


@pytest.mark.parametrize("after_flow", [False, True])
def test_stick_the_landing_keeps_the_value_and_the_path_gradient(after_flow):
    """At q = p with a shared map the path gradient of the KL is exactly 0, which the full one is not."""
    loc, log_scale = tf.identity(LOC), tf.identity(LOG_SCALE)
    gradients = []
    for stick_the_landing in (False, True):
        with tf.GradientTape() as tape:
            tape.watch((loc, log_scale))
            posterior = IGRPlanar(loc, log_scale, 0.4, FLOW)
            draw = posterior.draw(40, [1, 2])
            prior = IGRPlanar(LOC, LOG_SCALE, 0.4, FLOW)
            value = sampled_kl(posterior, prior, draw, stick_the_landing, prior_after_flow=after_flow)
        gradients.append(tape.gradient(value, (loc, log_scale)))
        if not after_flow:
            np.testing.assert_allclose(value, np.zeros(40), atol=1e-12)
    distance = max(np.max(np.abs(a - b)) for a, b in zip(*gradients))
    assert distance > 0.1
    if not after_flow:
        np.testing.assert_allclose(gradients[1], np.zeros((2, 2)), atol=1e-10)


def test_stick_the_landing_for_gumbel_softmax():
    logits = tf.constant([0.4, -1.0, 0.3], F64)
    prior = GumbelSoftmax(tf.constant([0.4, -1.0, 0.3], F64), 0.5)
    for stick_the_landing in (True, False):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            posterior = GumbelSoftmax(logits, 0.5)
            value = sampled_kl(posterior, prior, posterior.draw(40, [1, 2]), stick_the_landing)
        gradient = tape.gradient(value, logits).numpy()
        assert (np.max(np.abs(gradient)) < 1e-10) == stick_the_landing


PROBS = tf.constant([0.7, 0.2, 0.1], F64)


def test_gumbel_softmax_kl_does_not_depend_on_a_shared_temperature():
    """200,000 draws, standard error .0023; .662 has an uncertainty of .002: 5 joint standard errors."""
    for temperature in (0.1, 0.5, 2.0):
        posterior, prior = (
            GumbelSoftmax(tf.math.log(PROBS), temperature),
            GumbelSoftmax.uniform_prior(3, temperature, F64),
        )
        values = sampled_kl(posterior, prior, posterior.draw(200_000, [5, 6])).numpy()
        np.testing.assert_allclose(values.mean(), 0.662, atol=0.014)
        np.testing.assert_allclose(values.std(), 1.05, atol=0.02)


@pytest.mark.parametrize(("temperature", "expected", "tolerance"), [(0.67, 0.528, 0.015), (0.1, 12.26, 0.1)])
def test_gumbel_softmax_kl_to_a_prior_with_its_own_temperature(temperature, expected, tolerance):
    posterior, prior = GumbelSoftmax(tf.math.log(PROBS), temperature), GumbelSoftmax.uniform_prior(3, 0.5, F64)
    draw = posterior.draw(200_000, [7, 8])
    np.testing.assert_allclose(np.mean(sampled_kl(posterior, prior, draw)), expected, atol=tolerance)


def test_categorical_kl():
    np.testing.assert_allclose(categorical_kl(tf.math.log(PROBS)), 0.296794, atol=5e-7)
    certain = tf.math.log(tf.constant([1.0, 0.0], F64))
    np.testing.assert_allclose(categorical_kl(certain), np.log(2), rtol=1e-12)


@pytest.mark.parametrize(
    "prior",
    [
        IGRI(PRIOR_LOC, PRIOR_LOG_SCALE, 0.5),
        IGRI(PRIOR_LOC, PRIOR_LOG_SCALE, 0.4, delta=0.5),
        IGRSBFinite(PRIOR_LOC, PRIOR_LOG_SCALE, 0.4),
        IGRPlanar(PRIOR_LOC, PRIOR_LOG_SCALE, 0.4, FLOW),
    ],
    ids=["temperature", "delta", "map", "flow"],
)
def test_distributions_that_do_not_share_the_map_have_no_gaussian_kl(prior):
    posterior = IGRI(LOC, LOG_SCALE, 0.4)
    with pytest.raises(UserError, match="do not share the map"):
        tfd.kl_divergence(posterior, prior)
    with pytest.raises(UserError, match="do not share the map"):
        sampled_kl(posterior, prior, posterior.draw(1, [1, 2]))


def test_flows_are_shared_by_identity_of_their_variables():
    first, second = (PlanarFlow(*map(tf.Variable, FLOW)) for _ in range(2))
    posterior, prior = (IGRPlanar(LOC, LOG_SCALE, 0.4, first) for _ in range(2))
    np.testing.assert_allclose(tfd.kl_divergence(posterior, prior), 0.0, atol=1e-12)
    with pytest.raises(UserError, match="do not share the map"):
        tfd.kl_divergence(posterior, IGRPlanar(LOC, LOG_SCALE, 0.4, second))


def test_truncated_and_finite_sticks_share_their_map():
    posterior, prior = IGRSB(LOC, LOG_SCALE, 0.4, threshold=0.5), IGRSBFinite(PRIOR_LOC, PRIOR_LOG_SCALE, 0.4)
    np.testing.assert_allclose(sampled_kl(posterior, prior, posterior.draw(7, [1, 2])).shape, (7,))
    np.testing.assert_allclose(tfd.kl_divergence(posterior, prior), 2.666206, atol=5e-7)


def test_distributions_of_different_families_have_no_sampled_kl():
    posterior = IGRI(LOC, LOG_SCALE, 0.4)
    with pytest.raises(UserError, match="use distributions of one family"):
        sampled_kl(posterior, GumbelSoftmax.uniform_prior(3, 0.4, F64), posterior.draw(1, [1, 2]))
