"""Oracle of docs/papers/igr.md, section 7.4: how many sticks are kept, and what the kept ones become."""

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.relaxations import IGRSB, IGRSBFinite
from igr_suite.relaxations.stick_breaking import log_remainders, log_stick_lengths
from igr_suite.relaxations.truncation import count_quantile, kept_sticks, stick_counts, sticks_within, truncated_logits

RNG = np.random.default_rng(2)


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
@pytest.mark.parametrize(("threshold", "count"), [(0.5, 1), (0.75, 2), (0.9, 3), (0.99, 6)])
def test_half_sticks(threshold, count, dtype):
    within = sticks_within(log_remainders(tf.zeros([3, 2, 9], dtype)), threshold)
    np.testing.assert_array_equal(stick_counts(within), np.full((3, 2), count))
    assert int(count_quantile(within, 50.0)) == count


def test_count_grows_with_the_threshold():
    remainders = log_remainders(tf.constant(RNG.normal(-2, 1, size=(50, 20))))
    counts = [stick_counts(sticks_within(remainders, rho)).numpy() for rho in (0.1, 0.5, 0.9, 0.99, 0.9999)]
    assert all(np.all(a <= b) for a, b in zip(counts, counts[1:])) and counts[0].max() < counts[-1].max()


def test_counts_are_those_of_the_definition():
    y = tf.constant(RNG.normal(-1.5, 1, size=(200, 12)))
    sums = np.cumsum(np.exp(log_stick_lengths(y)), axis=-1)
    expected = [max([k for k in range(12) if row[k] <= 0.9], default=0) + 1 for row in sums]
    np.testing.assert_array_equal(stick_counts(sticks_within(log_remainders(y), 0.9)), expected)


@pytest.mark.parametrize("truncation", ["batch", "sample", "historical"])
def test_first_stick_above_the_threshold_keeps_one(truncation):
    within = sticks_within(log_remainders(tf.fill([4, 2, 3, 6], 10.0)), 0.9)
    assert np.all(kept_sticks(within, truncation, 50.0).numpy() == 1)


@pytest.mark.parametrize("quantile", [0, 10, 33, 50, 70, 75, 99, 100])
def test_quantile_is_numpys_rounded_down(quantile):
    for size in (1, 2, 7, 100, 101):
        within = sticks_within(log_remainders(tf.constant(RNG.normal(-2, 1.5, size=(size, 15)))), 0.8)
        # numpy's lerp may fall 1e-16 short of an integer
        expected = int(np.percentile(stick_counts(within), quantile) + 1e-9)
        assert int(count_quantile(within, quantile)) == expected, (size, quantile)


def test_historical_looks_at_variable_zero_only():
    y = np.full((5, 2, 3, 9), -4.0)
    y[..., 0, :] = 10.0
    within = sticks_within(log_remainders(tf.constant(y)), 0.9)
    assert int(kept_sticks(within, "historical", 50.0)) == 1
    assert int(kept_sticks(within, "batch", 50.0)) == 9
    with pytest.raises(UserError, match="needs parameters"):
        kept_sticks(tf.ones([9], tf.bool), "historical", 50.0)


@pytest.mark.parametrize("kept", [1, 3, 5])
def test_truncated_sample_is_softmax_plus_plus_of_the_first_then_zeros(kept):
    scores = tf.constant(RNG.uniform(size=(2, 3, 5)), tf.float32)
    sample = tf.nn.softmax(truncated_logits(scores, tf.constant(kept), 0.7)).numpy()
    head = np.concatenate([np.exp(scores.numpy()[..., :kept]), np.full((2, 3, 1), 0.7)], -1)
    np.testing.assert_allclose(sample[..., : kept + 1], head / head.sum(-1, keepdims=True), rtol=1e-6)
    np.testing.assert_array_equal(sample[..., kept + 1 :], 0.0)


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("truncation", ["batch", "sample"])
def test_truncated_draw_in_a_graph(truncation, jit):
    """Data-dependent counts, static shapes; finite gradients through the exact zeros."""
    loc = tf.constant(RNG.normal(-1, 1, size=(4, 3, 9)), tf.float32)

    @tf.function(jit_compile=jit)
    def step(loc, seed):
        with tf.GradientTape() as tape:
            tape.watch(loc)
            draw = IGRSB(loc, tf.zeros_like(loc), 0.1, threshold=0.8, truncation=truncation).draw(5, seed)
            total = tf.reduce_sum(draw.sample * tf.range(10.0))
        return draw.sample, draw.preimage, draw.info, tape.gradient(total, loc)

    sample, kappa, info, gradient = step(loc, tf.constant([1, 2]))
    counts = stick_counts(sticks_within(log_remainders(kappa), 0.8)).numpy()
    expected = counts if truncation == "sample" else np.full(counts.shape, int(np.percentile(counts, 50)))
    np.testing.assert_array_equal(np.sum(sample.numpy() > 0, axis=-1), expected + 1)
    np.testing.assert_allclose(np.sum(sample, axis=-1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(info["n_required"], np.mean(expected), rtol=1e-6)
    assert np.all(np.isfinite(gradient)) and np.any(gradient.numpy() != 0)


def test_never_exceeds_is_the_share_that_stays_within():
    loc = tf.constant([[-10.0] * 9, [10.0] * 9, [10.0] * 9, [10.0] * 9])
    draw = IGRSB(loc, tf.fill([4, 9], -5.0), 0.1).draw(8, [0, 1])
    assert float(draw.info["never_exceeds"]) == 0.25


def test_without_effect_it_is_the_finite_distribution():
    loc, log_scale = tf.fill([2, 3, 6], -4.0), tf.zeros([2, 3, 6])
    truncated = IGRSB(loc, log_scale, 0.2, threshold=0.999999, truncation="sample").draw(4, [3, 4])
    np.testing.assert_allclose(truncated.sample, IGRSBFinite(loc, log_scale, 0.2).draw(4, [3, 4]).sample, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"truncation": "bach"}, "did you mean 'batch'"),
        ({"threshold": 1.0}, "threshold must lie"),
        ({"quantile": 101}, "quantile must be"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(UserError, match=message):
        IGRSB(tf.zeros([3]), tf.zeros([3]), 0.1, **options)
