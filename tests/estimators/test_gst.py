"""The Gapped Straight-Through estimator: exact means, known draws, the closed form for Bernoulli variables, limits."""

import numpy as np
import pytest
import tensorflow as tf
from oracle_problems import PROBLEMS, at_one_state, at_states, moments_by_state

from igr_suite.errors import UserError
from igr_suite.estimators import get

MEANS = [
    ("bernoulli", "fE", 1.0, 1.0, [0.1986388115, -0.3806403085, 0.3178220984]),
    ("bernoulli", "fE", 1.0, 0.5, [0.2121519348, -0.3696028275, 0.3394430957]),
    ("bernoulli", "fE", "p", 1.0, [0.1461320429, -0.2517472638, 0.2536579830]),
    ("bernoulli", "fQ", 1.0, 1.0, [0.0045512938, 0.0402298181, 0.0664791049]),
    (
        "categorical",
        "fE",
        1.0,
        1.0,
        [[0.2340480446, -0.0357141630, -0.1983338816], [-0.3037685408, -0.0164457658, 0.3202143065]],
    ),
]


@pytest.mark.parametrize(("support", "function", "gap", "temperature", "mean"), MEANS)
def test_means_are_the_known_ones(support, function, gap, temperature, mean):
    found, _ = moments_by_state(get("gst", gap=gap, temperature=temperature), PROBLEMS[support, function])
    np.testing.assert_allclose(found, mean, atol=1e-10)


@pytest.mark.parametrize(
    ("gap", "gradient"),
    [(1.0, [0.3607137557, -0.6875156746, 0.5771420092]), ("p", [0.2477879031, -0.4310875907, 0.4513186321])],
)
def test_one_draw_is_the_known_one(gap, gradient):
    problem = PROBLEMS["bernoulli", "fE"]
    logits, u = at_one_state(problem.logits, (1, 0, 1))
    found = get("gst", gap=gap).estimate(problem.objective, logits, {"u": u}).gradient[0]
    np.testing.assert_allclose(found, gradient, atol=1e-10)


def test_where_the_mode_leads_by_the_gap_it_is_straight_through():
    """Samples that are the mode, with logits beyond the gap on either side."""
    logits = tf.constant([[1.4, -2.0, 3.0]], tf.float64)
    u = tf.constant([[0.9, 0.1, 0.9]], tf.float64)
    objective = PROBLEMS["bernoulli", "fE"].objective
    for temperature in (0.7, 1.0):
        found, expected = (
            get(name, temperature=temperature).estimate(objective, logits, {"u": u}).gradient
            for name in ("gst", "straight_through")
        )
        np.testing.assert_allclose(found, expected, rtol=1e-13)
        other = get("gst", gap=1.5, temperature=temperature).estimate(objective, logits, {"u": u}).gradient
        assert other[0, 0] != expected[0, 0]
        np.testing.assert_allclose(other[0, 1:], expected[0, 1:], rtol=1e-13)


@pytest.mark.parametrize("gap", [0.3, 1.0, "p"])
def test_the_soft_sample_leads_by_the_gap(gap):
    """Of three categories: at temperature 1 the sampled one is ahead of each other one by the gap or more, and keeps
    the logits' order of the rest where these are further away."""
    batch = at_states(PROBLEMS["categorical", "fE"].logits)
    soft = get("gst", gap=gap).soft_sample(batch.logits, batch.samples).numpy()
    chosen = np.sum(batch.samples * soft, -1, keepdims=True)
    theta = np.sum(batch.samples * tf.nn.softmax(batch.logits), -1, keepdims=True)
    least = -np.log1p(-theta) / theta if gap == "p" else gap
    leads = np.log(chosen / soft)[batch.samples.numpy() < 0.5]
    required = np.broadcast_to(least, soft.shape)[batch.samples.numpy() < 0.5]
    assert np.all(leads > required - 1e-12) and np.any(np.abs(leads - required) < 1e-12)


def test_the_gap_p_is_finite_and_right_where_a_category_is_rare_or_certain():
    """-log(1 - theta) / theta tends to 1 for rare samples, and to the lead of the sampled category for certain ones."""
    logits = tf.constant([[-100.0, -30.0, 30.0, 100.0]] * 2)
    samples = tf.constant([[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]])
    for at, sign in ((logits[:1], 1.0), (logits[1:], -1.0)):
        soft = get("gst", gap="p").soft_sample(at, samples[:1] if sign > 0 else samples[1:])
        lead = sign * (tf.math.log(soft) - tf.math.log1p(-soft))
        rare = lead[0, :2] if sign > 0 else lead[0, 2:]
        np.testing.assert_allclose(rare, [1.0, 1.0], rtol=1e-5)
        assert np.isfinite(get("gst", gap="p").vjp(at, {"u": tf.fill(at.shape, 0.5)}, tf.ones_like(at))).all()
    pairs = tf.constant([[[0.0, 30.0]]], tf.float64)
    soft = get("gst", gap="p").soft_sample(pairs, tf.constant([[[0.0, 1.0]]], tf.float64))
    np.testing.assert_allclose(tf.math.log(soft[0, 0, 1] / soft[0, 0, 0]), 30.0, rtol=1e-12)


@pytest.mark.parametrize("gap", [-0.1, "q", float("inf"), None, True])
def test_a_gap_is_a_number_or_p(gap):
    with pytest.raises(UserError, match="gst's gap must be a finite number that is not negative, or 'p', got"):
        get("gst", gap=gap)
