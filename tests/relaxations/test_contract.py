"""What every registered relaxation has to offer; a new law is tested the moment it is registered."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy.special import expit

from igr_suite.errors import UserError
from igr_suite.relaxations import (
    RELAXATIONS,
    IGRSBFinite,
    argmax_log_probs,
    initial_planar_flow,
    relaxation,
    sampled_kl,
    uniform_stick_loc,
)

SAMPLES, BATCH, VARIABLES, CATEGORIES = 3, 2, 4, 5
RNG = np.random.default_rng(7)


def options_of(name, dtype=tf.float32):
    return {"flow": initial_planar_flow(CATEGORIES, VARIABLES, [1, 2], dtype=dtype)} if name == "IGR_Planar" else {}


def network_output(law, scale=1.0):
    size = sum(law.parameter_blocks(CATEGORIES).values())
    return scale * RNG.normal(size=(BATCH, VARIABLES, size))


def log_scales_of(name):
    """Where in a network's output the log scales are; GS and IGSM have none."""
    blocks = relaxation(name).parameter_blocks(CATEGORIES)
    return slice(blocks["loc"], None) if "log_scale" in blocks else slice(0, 0)


def test_registered_names():
    assert set(RELAXATIONS) == {"GS", "IGR_I", "IGR_SB_Finite", "IGR_SB", "IGR_SB_Log", "IGR_Planar", "IGSM", "GSP"}
    with pytest.raises(UserError, match="unknown relaxation 'IGR_Plan'; did you mean 'IGR_Planar'"):
        relaxation("IGR_Plan")


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
@pytest.mark.parametrize("name", RELAXATIONS)
def test_shapes_dtypes_and_simplex(name, dtype):
    law = relaxation(name)
    posterior = law.from_network(tf.constant(network_output(law), dtype), 0.3, **options_of(name, dtype))
    assert posterior.batch_shape == (BATCH, VARIABLES) and posterior.event_shape == (CATEGORIES,)
    assert tuple(posterior.batch_shape_tensor()) == (BATCH, VARIABLES) and tuple(posterior.event_shape_tensor()) == (CATEGORIES,)
    draw = posterior.draw(SAMPLES, [1, 2])
    assert draw.sample.shape == (SAMPLES, BATCH, VARIABLES, CATEGORIES) == draw.log_sample.shape
    assert draw.preimage.shape == draw.noise.shape == draw.scores.shape
    assert {x.dtype for x in draw[:5]} == {dtype}
    assert posterior.draw((), [1, 2]).sample.shape == (BATCH, VARIABLES, CATEGORIES)
    tolerance = 1e-6 if dtype == tf.float32 else 1e-14
    np.testing.assert_allclose(np.sum(draw.sample, axis=-1), 1.0, atol=tolerance)
    np.testing.assert_allclose(np.exp(draw.log_sample), draw.sample, atol=tolerance)
    assert posterior.log_prob_of(draw).shape == (SAMPLES, BATCH, VARIABLES)
    np.testing.assert_array_equal(posterior.sample(SAMPLES, seed=tf.constant([1, 2])), draw.sample)


@pytest.mark.parametrize("name", RELAXATIONS)
def test_draws_repeat_with_their_seed(name):
    law = relaxation(name)
    posterior = law.from_network(tf.constant(network_output(law), tf.float32), 0.3, **options_of(name))
    first, again, other = (posterior.draw(2, seed).sample.numpy() for seed in ([1, 2], tf.constant([1, 2]), [1, 3]))
    np.testing.assert_array_equal(first, again)
    assert np.all(np.any(first != other, axis=-1))
    assert len(np.unique(first[..., 0])) == first[..., 0].size  # samples, examples and variables have noise of their own


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("name", RELAXATIONS)
def test_training_step_is_finite_in_float32_for_confident_networks(name, jit):
    """Draw, sampled KL and their gradients for outputs of standard deviation 8 (scales up to e^20) in a compiled graph."""
    law, options = relaxation(name), options_of(name)
    output = np.clip(network_output(law, 8.0), -15, 15)
    output[..., log_scales_of(name)] = np.clip(output[..., log_scales_of(name)], -8, 3)

    @tf.function(jit_compile=jit)
    def step(output, temperature, seed):
        with tf.GradientTape() as tape:
            tape.watch(output)
            posterior = law.from_network(output, temperature, **options)
            prior = law.uniform_prior(CATEGORIES, temperature, **options)
            draw = posterior.draw(SAMPLES, seed)
            kl = sampled_kl(posterior, prior, draw)
            loss = tf.reduce_sum(kl) + tf.reduce_sum(draw.sample * tf.range(float(CATEGORIES)))
        return kl, draw.sample, tape.gradient(loss, output)

    for temperature in (0.02, 0.5):
        kl, sample, gradient = step(tf.constant(output, tf.float32), tf.constant(temperature), tf.constant([1, 2]))
        assert kl.shape == (SAMPLES, BATCH, VARIABLES)
        assert all(np.all(np.isfinite(x)) for x in (kl, sample, gradient))
        assert np.any(gradient.numpy() != 0)


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
@pytest.mark.parametrize("name", RELAXATIONS)
def test_densities_in_a_graph_are_the_eager_ones(name, dtype):
    """A graph types Python numbers by position, which eager code does not: every density in both precisions."""
    law, options = relaxation(name), options_of(name, dtype)
    output = tf.constant(network_output(law), dtype)

    def densities(output):
        posterior = law.from_network(output, 0.3, **options)
        prior = law.uniform_prior(CATEGORIES, 0.3, dtype, **options)
        draw = law.from_network(output, 0.3, **options).draw(SAMPLES, [1, 2])
        values = [posterior.log_prob_of(draw), sampled_kl(posterior, prior, draw, stick_the_landing=True)]
        if name != "IGR_SB":  # the truncated tail is off the support of the untruncated density
            values.append(posterior.log_prob_of_log_sample(draw.log_sample))
        if name in ("GS", "IGR_I", "IGSM", "GSP"):
            values += [argmax_log_probs(posterior), argmax_log_probs(posterior, split=True)]
        return values

    tolerance = {"rtol": 1e-10} if dtype == tf.float64 else {"rtol": 2e-3, "atol": 2e-3}
    for ours, eager in zip(tf.function(densities)(output), densities(output)):
        np.testing.assert_allclose(ours, eager, **tolerance)


@pytest.mark.parametrize("name", RELAXATIONS)
def test_shared_parameters_are_drawn_for_every_element(name):
    """A prior with parameters of one variable behaves as the posterior's batch: its KL broadcasts."""
    law, options = relaxation(name), options_of(name)
    posterior = law.from_network(tf.constant(network_output(law), tf.float32), 0.3, **options)
    prior = law.uniform_prior(CATEGORIES, 0.3, **options)
    assert prior.event_shape == (CATEGORIES,)
    if name != "GS":
        assert tfp.distributions.kl_divergence(posterior, prior).shape == (BATCH, VARIABLES)


@pytest.mark.parametrize("name", RELAXATIONS)
def test_wrong_temperature_seed_and_width(name):
    law, options = relaxation(name), options_of(name)
    output = tf.constant(network_output(law), tf.float32)
    with pytest.raises(UserError, match=r"temperature must be positive, got 0\.0"):
        law.from_network(output, 0.0, **options)
    for seed in (None, 3, [1, 2, 3], [0.5, 1.0]):
        with pytest.raises(UserError, match="seed must be a stateless pair"):
            law.from_network(output, 0.1, **options).draw(1, seed)
    if len(law.parameter_blocks(CATEGORIES)) == 2:
        with pytest.raises(UserError, match="needs 2 equal parameter blocks"):
            law.from_network(output[..., :-1], 0.1, **options)


def test_blocks_are_split_in_order():
    law = IGRSBFinite.from_network(tf.constant([[1.0, 2.0, 3.0, 4.0]]), 0.1)
    np.testing.assert_array_equal(law.loc, [[1.0, 2.0]])
    np.testing.assert_array_equal(law.log_scale, [[3.0, 4.0]])


def test_python_temperature_keeps_float64_digits():
    law = relaxation("IGR_I")(tf.zeros([2], tf.float64), tf.zeros([2], tf.float64), 0.1)
    assert float(law.temperature) == 0.1


def test_stick_prior_has_equal_expected_pieces():
    """E[eta_k] = 1/K from independent sticks; the means are checked by 400-point quadrature, not by the solver's own."""
    z, w = np.polynomial.legendre.leggauss(400)
    density = 10 * w * np.exp(-50 * z**2) / np.sqrt(2 * np.pi)
    means = expit(uniform_stick_loc(10, tf.float64).numpy()[:, None] + 10 * z) @ density
    pieces = means * np.cumprod(np.concatenate([[1.0], 1 - means[:-1]]))
    np.testing.assert_allclose(pieces, np.full(9, 0.1), atol=1e-10)
