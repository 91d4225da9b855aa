"""Relaxations and noise in half precision: float32's numbers, rounded once."""

import numpy as np
import pytest
import tensorflow as tf
from relaxation_inputs import BATCH, CATEGORIES, NAMES, SEED, VARIABLES, finite, network_output, options
from sweeps import few

from igr_suite.randomness import rounded_inside, standard_normal, uniform, unit_interval
from igr_suite.relaxations import (
    argmax_log_probs,
    closed_form_kl,
    monte_carlo_kl,
    relaxation,
    sampled_argmax_probs,
    sampled_kl,
)

HALVES = (tf.float16, tf.bfloat16)
DIGITS = {tf.float16: 2.0**-10, tf.bfloat16: 2.0**-7}


@pytest.mark.parametrize("dtype", few(HALVES, lambda dtype: dtype == tf.bfloat16))
@pytest.mark.parametrize("name", NAMES)
def test_half_precision_is_the_float32_distribution_rounded_once(name, dtype):
    """Samples, densities and KLs, eager and in a graph of unknown batch size; a draw's other parts are float32."""
    output, flow = network_output(name, dtype), options(name, dtype)
    half = relaxation(name).from_network(output, 0.3, **flow)
    flow32 = {key: tf.nest.map_structure(lambda w: tf.cast(w, tf.float32), value) for key, value in flow.items()}
    single = relaxation(name).from_network(tf.cast(output, tf.float32), 0.3, **flow32)
    prior, prior32 = half.uniform_prior(CATEGORIES, 0.3, dtype, **flow), single.uniform_prior(CATEGORIES, 0.3, **flow32)
    draw, draw32 = half.draw(5, SEED), single.draw(5, SEED)
    assert draw.sample.dtype == half.dtype == prior.dtype == dtype
    np.testing.assert_array_equal(tf.cast(draw.sample, tf.float32), tf.cast(tf.cast(draw32.sample, dtype), tf.float32))
    for part, part32 in zip(draw[1:5], draw32[1:5]):
        np.testing.assert_array_equal(part, part32)
    pairs = [
        (half.log_prob_of(draw), single.log_prob_of(draw32)),
        (sampled_kl(half, half, draw, stick_the_landing=True), np.zeros([5, BATCH, VARIABLES])),
        (sampled_kl(half, prior, draw), sampled_kl(single, prior32, draw32)),
        (monte_carlo_kl(half, prior, 5, SEED), monte_carlo_kl(single, prior32, 5, SEED)),
        (sampled_argmax_probs(half, 500, SEED), sampled_argmax_probs(single, 500, SEED)),
    ]
    if name != "GS":
        pairs.append((closed_form_kl(half, prior), closed_form_kl(single, prior32)))
    if name in ("GS", "IGR_I", "IGSM", "GSP"):
        pairs.append((argmax_log_probs(half), argmax_log_probs(single)))
    for ours, wanted in pairs:
        assert ours.dtype == dtype
        np.testing.assert_allclose(tf.cast(ours, tf.float32), wanted, rtol=4 * DIGITS[dtype], atol=0.06)

    @tf.function(input_signature=[tf.TensorSpec([None, VARIABLES, output.shape[-1]], dtype)], autograph=False)
    def in_a_graph(output):
        distribution = relaxation(name).from_network(output, 0.3, **flow)
        with tf.GradientTape() as tape:
            tape.watch(output)
            distribution = relaxation(name).from_network(output, 0.3, **flow)
            draw = distribution.draw(5, SEED)
            kl = sampled_kl(distribution, distribution.uniform_prior(CATEGORIES, 0.3, dtype, **flow), draw)
            loss = tf.reduce_sum(kl) + tf.reduce_sum(tf.square(draw.sample))
        return draw.sample, kl, tape.gradient(loss, output)

    sample, kl, gradient = in_a_graph(output)
    np.testing.assert_allclose(tf.cast(sample, tf.float32), draw32.sample, atol=2 * DIGITS[dtype])
    assert kl.dtype == gradient.dtype == dtype and finite(kl, gradient)


@pytest.mark.parametrize("dtype", HALVES)
def test_half_precision_noise(dtype):
    """Uniforms strictly inside (0, 1) with mean 1/2, near their float32 numbers; normals are float32's rounded."""
    ends = rounded_inside(unit_interval(tf.constant([0, 2**32 - 1], tf.uint32)), dtype)
    assert float(ends[0]) > 0.0 and float(ends[1]) < 1.0
    half, single = uniform([200_000], SEED, dtype), uniform([200_000], SEED).numpy().astype(np.float64)
    assert half.dtype == dtype
    half = tf.cast(half, tf.float64).numpy()
    assert np.max(np.abs(half / single - 1.0)) < 2.2 * DIGITS[dtype]
    assert abs(np.mean(half - single)) < 5 * np.std(half - single) / np.sqrt(2e5), "rounding is centred"
    assert half.min() > 0.0 and half.max() < 1.0
    for p in (0.001, 0.25, 0.9):
        assert abs(np.mean(half < p) - np.mean(single < p)) < DIGITS[dtype] * max(p, 0.01)
    eps = standard_normal([1000], SEED, dtype)
    np.testing.assert_array_equal(
        tf.cast(eps, tf.float32), tf.cast(tf.cast(standard_normal([1000], SEED), dtype), tf.float32)
    )
