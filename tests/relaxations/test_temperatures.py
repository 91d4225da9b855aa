"""Temperatures: what is refused, one for each variable, equal ones of several types, and priors at another one."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from relaxation_inputs import CATEGORIES, NAMES, SEED, network_output, options

from igr_suite.errors import UserError
from igr_suite.relaxations import (
    GumbelSoftmax,
    IGRSBFinite,
    IGRSBLog,
    argmax_log_probs,
    closed_form_kl,
    relaxation,
    sampled_kl,
    uniform_loc,
)

NOT_POSITIVE = [0, 0.0, -1, np.float32(0.0), np.float64(-0.5), np.array([1.0, 0.0]), tf.constant(0.0), [0.5, 0.0]]

NOT_POSITIVE += [float("nan"), np.inf, 1e-60, None, "low"]


@pytest.mark.parametrize("temperature", NOT_POSITIVE)
@pytest.mark.parametrize("name", NAMES)
def test_a_temperature_that_is_not_positive(name, temperature):
    with pytest.raises(UserError, match="temperature must be "):
        size = network_output(name).shape[-1]
        relaxation(name).from_network(tf.zeros([3, size]), temperature, **options(name, tf.float32))


@pytest.mark.parametrize("name", NAMES)
def test_a_temperature_for_each_variable(name):
    """Three temperatures make three variables with noise of their own, each the distribution at its temperature."""
    given, temperatures = options(name, tf.float64), [0.2, 0.5, 1.0]
    size = sum(relaxation(name).parameter_blocks(CATEGORIES).values())
    output = tf.constant(np.random.default_rng(1).normal(size=size))
    distribution = relaxation(name).from_network(output, np.array(temperatures), **given)
    assert distribution.batch_shape == (3,) and tuple(distribution.batch_shape_tensor()) == (3,)
    for samples in (3, 5, ()):
        draw = distribution.draw(samples, SEED)
        assert draw.sample.shape[-2:] == (3, CATEGORIES)
        assert len(np.unique(draw.noise.numpy()[..., 0])) == draw.noise.numpy()[..., 0].size
    draw = distribution.draw(5, SEED)
    density = distribution.log_prob_of(draw)
    prior = relaxation(name).uniform_prior(CATEGORIES, distribution.temperature, tf.float64, **given)
    same = relaxation(name).from_network(output, distribution.temperature, **given)
    kl = sampled_kl(same, prior, draw)
    assert kl.shape == (5, 3)
    for v, temperature in enumerate(temperatures):
        own = {key: type(flow)(*(w[:, v : v + 1] for w in flow)) for key, flow in given.items()}
        alone = relaxation(name).from_network(output[tf.newaxis], temperature, **own)
        part = type(draw)(*(x[:, v : v + 1] for x in draw[:5]), draw.info)
        np.testing.assert_allclose(alone.log_prob_of(part)[:, 0], density[:, v], rtol=1e-9)
        if name == "IGR_SB":
            continue  # its default truncation looks at all variables
        tempered = {"GS": draw.preimage, "IGSM": draw.preimage}.get(name)
        if tempered is not None:
            np.testing.assert_allclose(tf.nn.softmax(tempered[:, v] / temperature), draw.sample[:, v], rtol=1e-9)
    if name != "GS":
        assert closed_form_kl(same, prior).shape == (3,)
    if name in ("GS", "IGR_I", "IGSM", "GSP"):
        assert argmax_log_probs(distribution).shape == (3, CATEGORIES)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float64)], autograph=False)
    def dynamic(temperature):
        return relaxation(name).from_network(output, temperature, **given).draw(5, SEED).sample

    np.testing.assert_allclose(dynamic(tf.constant(temperatures, tf.float64)), draw.sample, rtol=1e-6, atol=1e-9)


def test_temperatures_widen_the_batch_as_in_tfp():
    two = tf.constant([0.1, 1.0])
    ours = GumbelSoftmax(tf.zeros([3]), two)
    theirs = tfp.distributions.ExpRelaxedOneHotCategorical(two, logits=tf.zeros([3]))
    log_sample = ours.draw(4, SEED).log_sample
    assert ours.batch_shape == theirs.batch_shape == (2,)
    np.testing.assert_allclose(ours.log_prob_of_log_sample(log_sample), theirs.log_prob(log_sample), rtol=1e-5)


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
@pytest.mark.parametrize(
    ("temperature", "inside"), [(0.1, True), (0.0999, True), (0.03, True), (0.1 + 1e-6, False), (0.4, False)]
)
def test_stick_breaking_priors_at_another_temperature(dtype, temperature, inside):
    """log p of the posterior's draws against 60 digits; a prior at a higher temperature does not reach all of them."""
    loc = np.array([-3.0, 2.0, 8.0, -1.0])
    posterior = IGRSBFinite(tf.constant(loc, dtype), tf.zeros([4], dtype), 0.1)
    prior = IGRSBFinite(tf.zeros([4], dtype), tf.zeros([4], dtype), temperature)
    draw = posterior.draw(8, SEED)
    found = prior.log_prob_of_draw_from(posterior, draw).numpy()
    factor = Decimal(float(prior.temperature / posterior.temperature))  # as it is rounded
    with localcontext(prec=60):
        for kappa, value in zip(draw.preimage.numpy(), found):
            wanted = stick_density(kappa, factor, float(prior.temperature))
            assert (wanted > -np.inf) >= inside
            assert value == pytest.approx(wanted, rel=2e-3 if dtype == tf.float32 else 1e-8)


def stick_density(kappa, factor, temperature):
    """log density of log softmax++(factor eta(kappa) / temperature) under sticks N(0, 1), in decimals."""
    rest, pieces = Decimal(1), []
    for y in kappa:
        stick = 1 / (1 + (-Decimal(float(y))).exp())
        pieces.append(factor * rest * stick)
        rest *= 1 - stick
    if sum(pieces) >= 1:
        return -np.inf
    log_density, rest = len(kappa) * Decimal(temperature).ln(), Decimal(1)
    for piece in pieces:
        stick = piece / rest
        y = (stick / (1 - stick)).ln()
        log_density -= y * y / 2 + Decimal(2 * np.pi).ln() / 2 + (rest * stick * (1 - stick)).ln()
        rest -= piece
    return float(log_density)


def test_equal_temperatures_share_the_map_whatever_they_are():
    """A Python number, NumPy's and a constant of the same value; in float32 and in float64."""
    for dtype in (tf.float32, tf.float64):
        temperatures = (0.1, np.float64(0.1), tf.constant(0.1, dtype))
        distributions = [IGRSBLog(tf.zeros([3], dtype), tf.zeros([3], dtype), t) for t in temperatures]
        for ours in distributions:
            for theirs in distributions:
                assert float(closed_form_kl(ours, theirs)) == 0.0


def test_uniform_loc_at_temperatures_of_each_variable():
    np.testing.assert_allclose(
        uniform_loc(4, np.array([0.2, 0.7]), delta=0.3)[1], uniform_loc(4, 0.7, delta=0.3), rtol=1e-6
    )
