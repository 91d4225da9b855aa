"""Estimators with multi-sample targets (VIMCO, OVIS, OVIS-MC, RWS, TVO): exact means and variances over all tuples of
samples, and what they are draw by draw.
"""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.estimators import get
from igr_suite.estimators.conformance import check
from igr_suite.estimators.enumeration import posterior, thermodynamic
from igr_suite.estimators.ovis import ovis_signals
from igr_suite.estimators.rws import RWS
from igr_suite.objectives.registry import build

F64 = tf.float64
LOGITS = np.array([0.7, -1.1, 0.2])
THETA = 1.0 / (1.0 + np.exp(-LOGITS))
STATES = np.array(list(itertools.product((0.0, 1.0), repeat=3)))
LOG_WEIGHTS = tf.constant(np.random.default_rng(5).normal(size=(4, 9)) * 2.0)


def objective(b):
    """exp(b_1 / 2 - b_2 + 4/5 b_3)."""
    return tf.exp(tf.reduce_sum(b * tf.constant([0.5, -1.0, 0.8], b.dtype), -1))


def over_all_tuples(estimator, samples):
    """(gradients [N, 3], values [N], probabilities [N]) of an estimator at all tuples of `samples` states."""
    tuples = np.array(list(itertools.product(STATES, repeat=samples))).transpose(1, 0, 2)
    probabilities = np.prod(np.where(tuples > 0.5, THETA, 1.0 - THETA), axis=(0, 2))
    u = tf.constant(np.where(tuples > 0.5, 1.0 - 1e-9, 1e-9))  # [u > 1 - theta] is the state
    logits = tf.constant(np.tile(LOGITS, (tuples.shape[1], 1)))
    estimate = estimator.estimate(objective, logits, {"u": u})
    np.testing.assert_array_equal(estimate.samples, tuples)
    return estimate.gradient.numpy(), estimate.value.numpy(), probabilities


def mean_and_variance(estimator, samples):
    """Mean of the gradient [3], sum of its variances, mean of the value."""
    gradients, values, probabilities = over_all_tuples(estimator, samples)
    mean = probabilities @ gradients
    return mean, np.sum(probabilities @ gradients**2 - mean**2), probabilities @ values


HELD = {  # K: the bound, and its gradient with f held
    2: (2.2815546643, (0.2279462694, -0.2788577760, 0.4009302124)),
    3: (2.3999783669, (0.2342010096, -0.2664754608, 0.4012005213)),
}
WAKE = {2: (0.0697007758, -0.1014969163, 0.1295479307), 3: (0.1080370277, -0.1402428505, 0.1956546132)}


@pytest.mark.parametrize(
    ("name", "samples", "variance"),
    [("vimco", 2, 0.592875), ("ovis", 2, 1.207042), ("vimco", 3, 0.250746), ("ovis", 3, 0.508408)],
)
def test_the_bound(name, samples, variance):
    mean, ours, value = mean_and_variance(get(name, samples=samples), samples)
    np.testing.assert_allclose(mean, HELD[samples][1], atol=1e-9)
    assert ours == pytest.approx(variance, rel=2e-6) and value == pytest.approx(HELD[samples][0], abs=1e-9)


@pytest.mark.parametrize(("samples", "variance"), [(2, 0.592875), (3, 0.322602)])
def test_a_constant_in_the_signals_of_ovis_changes_the_variance_alone(samples, variance):
    """log(1 - 1/K) - log(1 - w_k), the bound less that of the other K - 1 samples; for K = 2 it is VIMCO."""
    gradients, _, probabilities = over_all_tuples(get("ovis", samples=samples), samples)
    tuples = np.array(list(itertools.product(STATES, repeat=samples)))
    gradients = gradients + np.log(1.0 - 1.0 / samples) * (tuples - THETA).sum(1)
    mean = probabilities @ gradients
    np.testing.assert_allclose(mean, HELD[samples][1], atol=1e-9)
    assert np.sum(probabilities @ gradients**2 - mean**2) == pytest.approx(variance, rel=2e-6)


@pytest.mark.parametrize("samples", [2, 3])
def test_the_posterior(samples):
    mean, variance, value = mean_and_variance(get("rws", samples=samples), samples)
    np.testing.assert_allclose(mean, WAKE[samples], atol=1e-9)
    assert value == pytest.approx(HELD[samples][0], abs=1e-9)
    exact_value, exact = posterior(objective, tf.constant(LOGITS[None]), samples)
    np.testing.assert_allclose(exact[0], mean, atol=1e-13)
    np.testing.assert_allclose(exact_value, [value], atol=1e-13)
    if samples == 2:
        assert variance == pytest.approx(0.0946144, rel=2e-6)
        plain, _, probabilities = over_all_tuples(get("rws", samples=2), 2)
        pairs = np.array(list(itertools.product(STATES, repeat=2)))
        plain = plain + (pairs - THETA).mean(1)  # w in place of w - 1/K
        assert np.sum(probabilities @ plain**2 - mean**2) == pytest.approx(0.3357554, rel=2e-6)


def test_with_many_samples_rws_is_the_posterior_mean():
    """1e6 samples: 5 standard errors are below .003."""
    estimator = get("rws", samples=1_000_000)
    logits = tf.constant(LOGITS[None])
    gradient = estimator.estimate(objective, logits, estimator.noise(logits.shape, tf.constant([1, 2]), F64)).gradient
    np.testing.assert_allclose(gradient[0], [0.2100952, -0.2040649, 0.3326198], atol=3e-3)
    weights = np.prod(np.where(STATES > 0.5, THETA, 1.0 - THETA), 1) * np.exp(objective(tf.constant(STATES)))
    np.testing.assert_allclose(weights @ STATES / weights.sum() - THETA, [0.2100952, -0.2040649, 0.3326198], atol=1e-7)


def test_the_gradient_of_the_full_bound_has_the_direct_part():
    """f = fE + log q0 - log q: its bound's gradient is that of vimco or ovis less that of rws; without the direct part
    it is off by the mean of rws."""
    logits = tf.constant(LOGITS)
    pairs = np.array(list(itertools.product(range(8), repeat=2))).T
    with tf.GradientTape() as tape:
        tape.watch(logits)
        log_q = tf.reduce_sum(STATES * logits - tf.nn.softplus(logits), 1)
        values = objective(tf.constant(STATES)) + tf.stop_gradient(log_q) - log_q
        bounds = tf.reduce_logsumexp(tf.gather(values, pairs), 0) - np.log(2.0)
        bound = tf.reduce_sum(tf.exp(tf.reduce_sum(tf.gather(log_q, pairs), 0)) * bounds)
    full = tape.gradient(bound, logits).numpy()
    np.testing.assert_allclose(full, np.subtract(HELD[2][1], WAKE[2]), atol=1e-9)
    direct = mean_and_variance(get("rws", samples=2), 2)[0]
    for name in ("vimco", "ovis"):
        held = mean_and_variance(get(name, samples=2), 2)[0]
        np.testing.assert_allclose(held - direct, full, atol=1e-9)
        assert np.max(np.abs(held - full)) > 0.1


@pytest.mark.parametrize("samples", [2, 3])
def test_ovis_at_gamma_one_follows_the_bound_and_the_posterior_together(samples):
    mean = mean_and_variance(get("ovis", samples=samples, gamma=1.0), samples)[0]
    np.testing.assert_allclose(mean, np.add(HELD[samples][1], WAKE[samples]), atol=1e-9)
    assert get("ovis").unbiased and not get("ovis", gamma=1.0).unbiased


def test_ovis_mc_is_unbiased_and_more_auxiliary_samples_are_better():
    one, two = (mean_and_variance(get("ovis_mc", samples=2, auxiliary=s), 2 + s) for s in (1, 2))
    for mean, _, value in (one, two):
        np.testing.assert_allclose(mean, HELD[2][1], atol=1e-9)
        assert value == pytest.approx(HELD[2][0], abs=1e-9)
    assert two[1] < one[1]


@pytest.mark.parametrize("rule", ["left", "right", "trapezoid"])
def test_the_path(rule):
    estimator = get("tvo", samples=3, partitions=2, first=0.3, rule=rule)
    mean, _, value = mean_and_variance(estimator, 3)
    exact_value, exact = thermodynamic(objective, tf.constant(LOGITS[None]), 3, estimator.nodes)
    np.testing.assert_allclose(exact[0], mean, atol=1e-12)
    np.testing.assert_allclose(exact_value, [value], atol=1e-12)


def test_with_many_samples_tvo_is_the_derivative_of_the_path():
    """Against automatic differentiation of sum_p D_p E_{pi_p}[f] over all states; 1e6 samples."""
    estimator = get("tvo", samples=1_000_000, partitions=3, first=0.2)
    logits = tf.constant(LOGITS)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        log_q, f = tf.reduce_sum(STATES * logits - tf.nn.softplus(logits), 1), objective(tf.constant(STATES))
        path = sum(step * tf.reduce_sum(tf.nn.softmax(log_q + beta * f) * f) for beta, step in estimator.nodes)
    noise = estimator.noise((1, 3), tf.constant([3, 4]), F64)
    gradient = estimator.estimate(objective, logits[None], noise).gradient
    np.testing.assert_allclose(gradient[0], tape.gradient(path, logits), atol=1e-2)


def test_enumeration_beside_a_masked_category_is_that_of_one_category_less():
    """Posterior and path of two categorical variables; a masked category has no gradient."""
    values = tf.constant([[0.3, 5.0, -1.2], [0.4, 0.1, -0.7]], F64)
    logits, kept = np.array([[[0.5, -np.inf, -0.3], [0.1, -np.inf, -0.4]]]), [0, 2]
    nodes = get("tvo", partitions=2, first=0.3).nodes
    for exact in (posterior, lambda *arguments: thermodynamic(*arguments, nodes)):
        value, gradient = exact(lambda b: tf.reduce_sum(b * values, [-2, -1]), tf.constant(logits), 2)
        fewer = tf.gather(values, kept, axis=1)
        wanted = exact(lambda b: tf.reduce_sum(b * fewer, [-2, -1]), tf.constant(logits[..., kept]), 2)  # noqa: B023
        np.testing.assert_allclose(value, wanted[0], rtol=1e-12)
        np.testing.assert_allclose(tf.gather(gradient, kept, axis=2), wanted[1], rtol=1e-10)
        np.testing.assert_array_equal(gradient[..., 1], np.zeros((1, 2)))


def test_signals_are_those_of_the_objectives_less_the_direct_part():
    """d of the objective = coefficient - a; and the estimators' derivatives by f are the objectives' coefficients a."""
    for name, other, settings in (
        ("vimco", "vimco", {}),
        ("ovis", "ovis", {"gamma": 0.0}),
        ("ovis", "ovis", {"gamma": 0.7}),
        ("tvo", "tvo", {"partitions": 3, "first": 0.1, "rule": "trapezoid"}),
        ("tvo", "tvo", {"rule": "right"}),
    ):
        weighted = get(name, samples=4, **settings).weigh(LOG_WEIGHTS, {})
        wanted = build(other, **settings).coefficients(LOG_WEIGHTS)
        weights = tf.nn.softmax(LOG_WEIGHTS, 0) if weighted.weights is None else weighted.weights
        np.testing.assert_allclose(weighted.coefficients - weights, wanted.score, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(weights, wanted.generative, rtol=1e-12)
        np.testing.assert_allclose(weighted.value, build(other, **settings).value(LOG_WEIGHTS), rtol=1e-12)
    monte_carlo = get("ovis_mc", samples=2, auxiliary=2).weigh(LOG_WEIGHTS, {})
    wanted = build("ovis-mc", auxiliary=2).coefficients(LOG_WEIGHTS)
    np.testing.assert_allclose(monte_carlo.coefficients - monte_carlo.weights, wanted.score, rtol=1e-12)
    wake = get("rws", samples=4).weigh(LOG_WEIGHTS, {}).coefficients
    np.testing.assert_allclose(wake + 0.25, build("rws").coefficients(LOG_WEIGHTS).score, rtol=1e-12)


def test_identities_draw_by_draw():
    """For two samples ovis and vimco differ by log 2; one sample leaves nothing of rws; tvo of one partition is
    rloo."""
    pair = LOG_WEIGHTS[:2]
    ovis, vimco = (get(name, samples=2).weigh(pair, {}).coefficients for name in ("ovis", "vimco"))
    np.testing.assert_allclose(ovis - vimco, np.full((2, 9), np.log(2.0)), rtol=1e-12)
    np.testing.assert_array_equal(get("rws", samples=1).weigh(LOG_WEIGHTS[:1], {}).coefficients, np.zeros((1, 9)))
    left = get("tvo", samples=4, partitions=1).weigh(LOG_WEIGHTS, {}).coefficients
    np.testing.assert_allclose(left, get("rloo", samples=4).weigh(LOG_WEIGHTS, {}).coefficients, rtol=1e-9, atol=1e-14)


def test_a_weight_of_nearly_one_keeps_its_complement():
    """-log(1 - w) for w = 1 - 2e-30 in float32, where log1p(-w) is infinite."""
    log_weights = tf.constant([[0.0], [-69.0], [-69.0]], tf.float32)
    signals = ovis_signals(log_weights, 0.0)[:, 0]
    np.testing.assert_allclose(signals, [69.0 - np.log(2.0), 0.0, 0.0], rtol=1e-6, atol=1e-12)
    assert np.isinf(tf.math.log1p(-tf.nn.softmax(log_weights, 0))[0, 0])


@pytest.mark.parametrize("name", ["ovis", "ovis_mc", "rws"])
@pytest.mark.parametrize("impossible", [1, 2, 3])
def test_samples_without_weight_are_no_trouble(name, impossible):
    """f = -inf at some samples or at all of them: no NaN, and weights of impossible samples are 0."""
    estimator = get(name, samples=3)
    extra = getattr(estimator, "auxiliary", 0)
    values = np.random.default_rng(0).normal(size=(3 + extra, 1))
    values[:impossible] = -np.inf
    values[3 : 3 + extra : 2] = -np.inf
    weighted = estimator.weigh(tf.constant(values), {})
    assert not np.isnan(weighted.coefficients).any() and not np.isnan(weighted.value).any()
    if weighted.weights is not None and impossible < 3:
        np.testing.assert_array_equal(weighted.weights[:impossible], 0.0)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: get("ovis", samples=1), "ovis needs at least 2 samples, got 1"),
        (lambda: get("ovis", gamma=1.5), "gamma of ovis must lie between 0 and 1, got 1.5"),
        (lambda: get("ovis", gamma=float("nan")), "gamma of ovis must lie between 0 and 1, got nan"),
        (lambda: get("ovis_mc", auxiliary=0), "ovis_mc needs at least 1 auxiliary sample, got 0"),
        (lambda: get("rws", samples=0), "rws needs at least 1 sample, got 0"),
        (lambda: get("tvo", samples=1), "tvo needs at least 2 samples, got 1"),
        (lambda: get("tvo", partitions=0), "tvo needs at least 1 partition, got 0"),
        (lambda: get("tvo", first=1.0), "first of tvo, the lowest positive node, must lie strictly between 0 and 1"),
        (lambda: get("tvo", rule="middle"), "tvo: unknown rule 'middle'"),
    ],
)
def test_a_wrong_setting_is_a_sentence(make, sentence):
    with pytest.raises(UserError, match=sentence):
        make()


def test_a_wrong_target_is_found_out():
    """Negative control of the conformance check: the mean of rws is not the gradient of the bound."""

    class Claimed(RWS):
        facts = replace(RWS.facts, name="claimed", target="multi_sample_bound")

    with pytest.raises(AssertionError, match="claimed is registered as unbiased; its mean is off"):
        check(Claimed())
