"""Relaxations on inputs as they come: unknown sizes, lists, one category, no draws, sentences for invalid
parameters."""

import numpy as np
import pytest
import tensorflow as tf
from relaxation_inputs import BATCH, CATEGORIES, NAMES, SEED, VARIABLES, finite, network_output, options

from igr_suite.errors import UserError
from igr_suite.randomness import standard_normal, uniform
from igr_suite.relaxations import (
    GSP,
    IGRI,
    IGRSB,
    IGSM,
    GumbelSoftmax,
    IGRPlanar,
    argmax_log_probs,
    distance_to_vertex,
    initial_planar_flow,
    monte_carlo_kl,
    nearest_vertex,
    relaxation,
    sampled_argmax_probs,
    sampled_kl,
)


@pytest.mark.parametrize("name", NAMES)
def test_unknown_batch_and_empty_batch(name):
    """Draws, densities, KLs and gradients in a graph that does not know how many examples there are: 2, and none."""
    size, given = network_output(name).shape[-1], options(name, tf.float32)

    @tf.function(input_signature=[tf.TensorSpec([None, VARIABLES, size])], autograph=False)
    def step(output):
        with tf.GradientTape() as tape:
            tape.watch(output)
            distribution = relaxation(name).from_network(output, 0.3, **given)
            draw = distribution.draw(3, SEED)
            kl = sampled_kl(distribution, distribution.uniform_prior(CATEGORIES, 0.3, **given), draw)
        return draw.sample, distribution.log_prob_of(draw), kl, tape.gradient(kl, output), dict(draw.info)

    for batch in (BATCH, 0):
        output = network_output(name, batch=batch)
        sample, density, kl, gradient, info = step(output)
        assert sample.shape == (3, batch, VARIABLES, CATEGORIES) and density.shape == kl.shape == (3, batch, VARIABLES)
        assert gradient.shape == output.shape and finite(sample, density, kl, gradient, *info.values())
        wanted = relaxation(name).from_network(output, 0.3, **given).draw(3, SEED)
        np.testing.assert_allclose(sample, wanted.sample, atol=1e-6)
        for key, value in wanted.info.items():
            np.testing.assert_allclose(info[key], value)


@pytest.mark.parametrize("name", NAMES)
def test_one_category_is_certain(name):
    """psi = 1 with density 1, from a network and as a uniform prior; the KL on the simplex is 0."""
    distribution_class, given = relaxation(name), options(name, tf.float32, 1)
    prior = distribution_class.uniform_prior(1, 0.5, **given)
    draw = prior.draw(3, SEED)
    np.testing.assert_array_equal(draw.sample, np.ones_like(draw.sample))
    np.testing.assert_allclose(prior.log_prob_of(draw), np.zeros(draw.sample.shape[:-1]), atol=1e-5)
    np.testing.assert_allclose(sampled_argmax_probs(prior, 3, SEED), np.ones(draw.sample.shape[1:]))
    posterior = distribution_class.from_network(network_output(name, categories=1), 0.5, **given)
    draw = posterior.draw(2, SEED)
    np.testing.assert_array_equal(draw.sample, np.ones([2, BATCH, VARIABLES, 1]))
    kl = monte_carlo_kl(posterior, prior, 4, SEED)
    np.testing.assert_allclose(kl, np.zeros([BATCH, VARIABLES]), atol=1e-5)
    if name in ("GS", "IGR_I", "IGSM", "GSP"):
        np.testing.assert_allclose(argmax_log_probs(posterior), np.zeros([BATCH, VARIABLES, 1]), atol=1e-6)
    for wrong in (0, -2, 2.5, None):
        with pytest.raises(UserError, match="number of categories must be a positive integer"):
            distribution_class.uniform_prior(wrong, 0.5, **given)


def test_no_draws():
    distribution = GumbelSoftmax(tf.zeros([2, 3]), 0.5)
    assert distribution.draw(0, SEED).sample.shape == (0, 2, 3)
    for call in (
        lambda: monte_carlo_kl(distribution, distribution, 0, SEED),
        lambda: sampled_argmax_probs(distribution, 0, SEED),
    ):
        with pytest.raises(UserError, match="needs at least 1, got samples=0"):
            call()
    for wrong in (-1, 2.5, "a", None, [2, -1], True, tf.constant(2.0)):
        with pytest.raises(UserError, match="the number of draws must be an integer or a list of integers"):
            distribution.draw(wrong, SEED)
    for call in (
        lambda: monte_carlo_kl(None, distribution, 3, SEED),
        lambda: monte_carlo_kl(distribution, "GS", 3, SEED),
    ):
        with pytest.raises(UserError, match="of a KL must be a relaxation, got"):
            call()
    for wrong in (None, "a", 3.0):
        with pytest.raises(UserError, match="the sample"):
            nearest_vertex(wrong)
    with pytest.raises(UserError, match="smoothing must not be negative, got a"):
        sampled_argmax_probs(distribution, 5, SEED, smoothing="a")
    with pytest.raises(UserError, match="smoothing must not be negative"):
        sampled_argmax_probs(distribution, 5, SEED, smoothing=-1.0)
    with pytest.raises(UserError, match="temperature must be a positive number"):
        GumbelSoftmax(tf.zeros([2, 3]), True)
    assert finite(*IGRSB(tf.zeros([2, 3, 4]), tf.zeros([2, 3, 4]), 0.5).draw(0, SEED).info.values())


NUMBERS = [[0, 1, 2], (0.0, 1.0, 2.0), np.arange(3), np.arange(3.0), tf.range(3), tf.Variable([0.0, 1.0, 2.0])]
SAME = [
    0.5,
    np.float32(0.5),
    np.float64(0.5),
    np.array(0.5),
    tf.constant(0.5),
    tf.constant(0.5, tf.float64),
    tf.Variable(0.5),
]


@pytest.mark.parametrize("given", NUMBERS, ids=lambda given: type(given).__name__)
def test_parameters_of_any_kind(given):
    """Integers become float32, float64 arrays stay float64."""
    dtype = tf.float64 if getattr(given, "dtype", None) == np.float64 else tf.float32
    wanted = tf.constant([0.0, 1.0, 2.0], dtype)
    for temperature in SAME:
        for distribution, same in (
            (GumbelSoftmax(given, temperature), GumbelSoftmax(wanted, 0.5)),
            (IGRI(given, given, temperature), IGRI(wanted, wanted, 0.5)),
            (IGSM(given, temperature), IGSM(wanted, 0.5)),
            (GSP(given, [0, 0, 0], temperature), GSP(wanted, tf.zeros([3], dtype), 0.5)),
        ):
            assert distribution.dtype == dtype
            np.testing.assert_array_equal(distribution.draw(2, SEED).sample, same.draw(2, SEED).sample)
    assert GumbelSoftmax([0, 0], 1).temperature.dtype == tf.float32


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: GumbelSoftmax(0.5, 0.5), "needs an axis of categories"),
        (lambda: GumbelSoftmax(tf.zeros([2, 0]), 0.5), "needs at least one category"),
        (lambda: IGSM(tf.zeros([2, 0]), 0.5), "needs at least one category"),
        (lambda: GumbelSoftmax(["a", "b"], 0.5), "float16, bfloat16, float32 or float64, got string"),
        (lambda: GumbelSoftmax([True, False], 0.5), "got bool"),
        (lambda: GumbelSoftmax(None, 0.5), "must be numbers, an array or a tensor, got NoneType"),
        (lambda: GumbelSoftmax([[0.0], [0.0, 1.0]], 0.5), "must be numbers, an array or a tensor"),
        (
            lambda: IGRI(tf.zeros([2]), tf.zeros([2], tf.float64), 0.5),
            "log_scale is float64 beside parameters of float32",
        ),
        (lambda: IGRI(tf.zeros([3, 2]), tf.zeros([2, 2]), 0.5), r"do not broadcast: loc \(3, 2\), log_scale \(2, 2\)"),
        (lambda: GumbelSoftmax(tf.zeros([3, 2]), tf.ones([2])), "do not broadcast"),
        (
            lambda: IGRPlanar(tf.zeros([4, 2]), tf.zeros([4, 2]), 0.5, initial_planar_flow(3, 3, SEED)),
            "do not broadcast",
        ),
        (lambda: uniform(3, SEED, tf.int32), "noise must be float16"),
        (lambda: standard_normal(3, SEED, "complex64"), "noise must be float16"),
        (lambda: uniform(tf.TensorShape([None, 3]), SEED), "a size is not known"),
    ],
)
def test_what_cannot_be_is_said(build, sentence):
    with pytest.raises(UserError, match=sentence):
        build()


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_and_its_density_without_an_inversion(name):
    """TFP's `experimental_sample_and_log_prob` in float32: finite for every draw; a truncated sample has no density."""
    output = tf.random.stateless_normal([20, VARIABLES, network_output(name).shape[-1]], [3, 4])
    distribution = relaxation(name).from_network(output, 0.1, **options(name, tf.float32))
    if name == "IGR_SB":
        with pytest.raises(UserError, match="truncated sample"):
            distribution.experimental_sample_and_log_prob(3, seed=SEED)
        return
    sample, density = distribution.experimental_sample_and_log_prob([2, 3], seed=SEED)
    draw = distribution.draw([2, 3], SEED)
    np.testing.assert_array_equal(sample, draw.sample)
    wanted = distribution.log_prob_of(draw) - tf.reduce_sum(draw.log_sample, -1)
    np.testing.assert_allclose(density, wanted, rtol=1e-5, atol=1e-3)
    assert finite(density)


def test_distance_to_a_vertex_has_a_gradient_at_the_vertex():
    sample = tf.Variable([[0.0, 1.0, 0.0], [0.2, 0.5, 0.3]])
    with tf.GradientTape() as tape:
        distance = distance_to_vertex(sample)
    np.testing.assert_allclose(distance, [0.0, np.sqrt(0.04 + 0.25 + 0.09)], rtol=1e-6)
    gradient = tape.gradient(distance, sample).numpy()
    np.testing.assert_array_equal(gradient[0], np.zeros(3))
    np.testing.assert_allclose(gradient[1], np.array([0.2, -0.5, 0.3]) / np.sqrt(0.38), rtol=1e-6)
    half = tf.constant([1e-4, 0.9999, 0.0], tf.float16)
    assert float(distance_to_vertex(half)) > 5e-5, "squares of float16 underflow"
