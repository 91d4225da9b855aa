"""Masked categories (logit -inf) and samples on a face of the simplex: the distribution of the other categories, never
NaN."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from relaxation_inputs import NAMES, SEED, finite, network_output, options
from scipy.special import gammaln

from igr_suite.errors import UserError
from igr_suite.relaxations import GumbelSoftmax, argmax_log_probs, categorical_kl, relaxation, sampled_kl


def test_gumbel_softmax_density_is_tfps():
    """Without a mask the values are those of TFP to the last digit."""
    logits = tf.constant(np.random.default_rng(0).normal(size=(2, 3, 5)), tf.float32)
    distribution = GumbelSoftmax(logits, 0.3)
    log_sample = distribution.draw(7, SEED).log_sample
    theirs = tfp.distributions.ExpRelaxedOneHotCategorical(distribution.temperature, logits=logits).log_prob(log_sample)
    np.testing.assert_array_equal(distribution.log_prob_of_log_sample(log_sample), theirs)


@pytest.mark.parametrize("jit", [False, True])
def test_a_masked_category_leaves_the_distribution_of_the_others(jit):
    """Draws, densities, KLs, argmax and all gradients of logits [a, -inf, b, c] are those of [a, b, c]."""
    kept = np.array([0, 2, 3])
    logits = np.array([[0.3, -np.inf, -1.0, 2.0], [0.0, 1.0, 2.0, 3.0]])
    prior = np.array([0.0, -np.inf, 0.5, 0.0])

    @tf.function(jit_compile=jit, autograph=False)
    def measured(logits, prior_logits, temperature):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch((logits, prior_logits, temperature))
            distribution, prior = GumbelSoftmax(logits, temperature), GumbelSoftmax(prior_logits, 0.7)
            draw = distribution.draw(6, SEED)
            kl = sampled_kl(distribution, prior, draw)
            discrete = categorical_kl(argmax_log_probs(distribution), tf.nn.log_softmax(prior_logits))
            loss = tf.reduce_sum(kl) + tf.reduce_sum(tf.square(draw.sample)) + tf.reduce_sum(discrete)
        return draw, kl, discrete, tape.gradient(loss, (logits, prior_logits, temperature))

    temperature = tf.constant(0.4, tf.float64)
    draw, kl, discrete, gradients = measured(tf.constant(logits[:1]), tf.constant(prior), temperature)
    np.testing.assert_array_equal(draw.sample[..., 1], np.zeros([6, 1]))
    assert np.all(draw.log_sample[..., 1] == -np.inf)
    assert finite(kl, discrete, *gradients)
    np.testing.assert_array_equal(gradients[0][:, 1], [0.0])

    distribution, rest = GumbelSoftmax(logits[0], 0.4), GumbelSoftmax(logits[0][kept], 0.4)
    log_sample = draw.log_sample[:, 0]
    three_logs = tf.gather(log_sample, kept, axis=-1)
    dense = rest.log_prob_of_log_sample(three_logs)
    np.testing.assert_allclose(distribution.log_prob_of_log_sample(log_sample), dense, rtol=1e-12)
    np.testing.assert_allclose(distribution.log_prob(tf.exp(log_sample)), rest.log_prob(tf.exp(three_logs)), rtol=1e-9)
    wanted = dense - GumbelSoftmax(prior[kept], 0.7).log_prob_of_log_sample(three_logs)
    np.testing.assert_allclose(kl[:, 0], wanted, rtol=1e-10)
    wanted = categorical_kl(*(tf.nn.log_softmax(x[kept]) for x in (logits[0], prior)))
    np.testing.assert_allclose(discrete, [wanted], rtol=1e-10)

    # gradients: the three categories alone at the same noise, by hand
    with tf.GradientTape() as tape:
        three, three_prior = tf.constant(logits[0][kept]), tf.constant(prior[kept])
        tape.watch((three, three_prior, temperature))
        tempered = (three + tf.gather(draw.noise[:, 0], kept, axis=-1)) / temperature
        logs, distribution, distribution_prior = (
            tf.nn.log_softmax(tempered),
            GumbelSoftmax(three, temperature),
            GumbelSoftmax(three_prior, 0.7),
        )
        loss = tf.reduce_sum(
            distribution.log_prob_of_log_sample(logs) - distribution_prior.log_prob_of_log_sample(logs)
        )
        loss += tf.reduce_sum(tf.exp(2.0 * logs)) + categorical_kl(
            tf.nn.log_softmax(three), tf.nn.log_softmax(three_prior)
        )
    by_three = tape.gradient(loss, (three, three_prior, temperature))
    np.testing.assert_allclose(gradients[0][0].numpy()[kept], by_three[0], rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(gradients[1].numpy()[kept], by_three[1], rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(gradients[2], by_three[2], rtol=1e-8)

    # a batch of which one variable has a mask: the other's density is the plain one
    both = GumbelSoftmax(logits, 0.4).draw(3, SEED)
    wanted = GumbelSoftmax(logits[1], 0.4).log_prob_of_log_sample(both.log_sample[:, 1])
    np.testing.assert_allclose(GumbelSoftmax(logits, 0.4).log_prob_of(both)[:, 1], wanted)


def test_the_density_constant_counts_the_categories_that_are_left():
    """K = 5 of which 2 are masked, at the centre of the face: (K'-1)! tau^(K'-1) exp(sum a) / (sum exp a)^K'."""
    distribution = GumbelSoftmax([0.0, -np.inf, 0.0, 0.0, -np.inf], 0.5)
    log_sample = tf.constant([np.log(1 / 3), -np.inf, np.log(1 / 3), np.log(1 / 3), -np.inf], tf.float32)
    wanted = gammaln(3) + 2 * np.log(0.5) - 3 * np.log(3)
    assert float(distribution.log_prob_of_log_sample(log_sample)) == pytest.approx(wanted, rel=1e-6)


def test_densities_are_zero_off_their_face():
    """For mass on a masked category and for no mass on one that is not masked; the gradient has no NaN."""
    logits = tf.Variable([0.0, -np.inf, 1.0])
    inside = np.log([0.2, 0.3, 0.5]).astype(np.float32)
    for log_sample in (inside, np.array([-np.inf, -np.inf, 0.0], np.float32)):
        with tf.GradientTape() as tape:
            value = GumbelSoftmax(logits, 0.5).log_prob_of_log_sample(log_sample)
        assert float(value) == -np.inf and finite(tape.gradient(value, logits))


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_on_a_face_has_no_density(name):
    """-inf, and not NaN, for one category or all but one at exactly 0; by the density on the simplex too."""
    flow = {key: type(f)(*(w[:, 0] for w in f)) for key, f in options(name, tf.float32).items()}
    distribution = relaxation(name).from_network(network_output(name)[0, 0], 0.5, **flow)
    for sample in ([0.0, 0.2, 0.3, 0.5], [0.2, 0.3, 0.5, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]):
        assert float(distribution.log_prob(tf.constant(sample))) == -np.inf
        assert float(distribution.log_prob_of_log_sample(tf.math.log(tf.constant(sample)))) == -np.inf


def test_categorical_kl_of_probabilities_that_are_zero():
    """Value and gradient with respect to logits: P_j (log P_j/p_j - KL); 0 for a category that neither distribution
    has."""
    logits, prior = tf.constant([[0.5, -np.inf, 1.0, -np.inf]]), tf.constant([0.3, 0.0, 0.2, -np.inf])
    for given in (None, tf.nn.log_softmax(prior)):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            kl = categorical_kl(tf.nn.log_softmax(logits), given)
        p = np.exp([0.5, 1.0]) / np.sum(np.exp([0.5, 1.0]))
        ratio = np.log(p) - (np.log(0.25) if given is None else given.numpy()[[0, 2]])
        np.testing.assert_allclose(kl, [p @ ratio], rtol=1e-5)
        gradient = tape.gradient(kl, logits).numpy()[0]
        np.testing.assert_allclose(gradient[[0, 2]], p * (ratio - p @ ratio), rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(gradient[[1, 3]], [0.0, 0.0])
    assert float(categorical_kl(tf.math.log([0.5, 0.5]), tf.math.log([1.0, 0.0]))) == np.inf
    with pytest.raises(UserError, match="log_probs has a last axis of 4 and prior_log_probs one of 1"):
        categorical_kl(tf.zeros([2, 4]), tf.zeros([2, 1]))
