"""KLs between any two relaxations: finite, infinite where they must be, or a sentence."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from relaxation_inputs import CATEGORIES, NAMES, SEED, VARIABLES, finite, network_output, options

from igr_suite.errors import UserError
from igr_suite.relaxations import (
    IGRI,
    GumbelSoftmax,
    closed_form_kl,
    gaussian_kl,
    monte_carlo_kl,
    relaxation,
    sampled_kl,
)


def test_distributions_of_other_categories_do_not_broadcast():
    """A distribution of two categories has one Gaussian, which would broadcast against nine."""
    pairs = [(IGRI(tf.zeros([9]), tf.zeros([9]), 0.5), IGRI(tf.zeros([1]), tf.zeros([1]), 0.5))]
    pairs.append((GumbelSoftmax([0] * 9, 0.5), GumbelSoftmax([0], 0.5)))
    for ours, theirs in pairs:
        draw = ours.draw(1, SEED)
        calls = [lambda a=ours, b=theirs, d=draw: sampled_kl(a, b, d)]
        calls.append(lambda a=ours, b=theirs: monte_carlo_kl(a, b, 3, SEED))
        if isinstance(ours, IGRI):
            calls.append(lambda a=ours, b=theirs: tfp.distributions.kl_divergence(a, b))
        for call in calls:
            with pytest.raises(UserError, match="no KL between a"):
                call()
    with pytest.raises(UserError, match="posterior of float32 and a prior of float64"):
        monte_carlo_kl(GumbelSoftmax([0.0, 0.0], 0.5), GumbelSoftmax(np.zeros(2), 0.5), 3, SEED)
    with pytest.raises(UserError, match="loc has a last axis of 9 and prior_loc one of 1"):
        gaussian_kl(tf.zeros([9]), tf.zeros([9]), tf.zeros([1]), tf.zeros([1]))


SHARED = ["IGR_I", "IGR_SB_Finite", "IGR_SB", "IGR_SB_Log", "IGR_Planar"]


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
@pytest.mark.parametrize("name", SHARED)
def test_monte_carlo_kl_of_distributions_that_share_their_map(name, dtype):
    """18 sticks, 20 x 3 variables, 400 draws: finite, and the closed form within 6 standard errors (false alarm
    1e-7)."""
    size = 18
    given = options(name, dtype, size + 1)
    output = tf.cast(tf.random.stateless_normal([20, VARIABLES, 2 * size], [3, 4]), dtype)
    posterior = relaxation(name).from_network(output, 0.1, **given)
    prior = relaxation(name).uniform_prior(size + 1, 0.1, dtype, **given)
    estimate, exact = monte_carlo_kl(posterior, prior, 400, SEED).numpy(), closed_form_kl(posterior, prior).numpy()
    error = np.std(sampled_kl(posterior, prior, posterior.draw(400, SEED)), axis=0) / 20
    assert np.all(np.isfinite(estimate))
    assert np.max(np.abs(estimate - exact) / error) < 6.0
    density = posterior.log_prob_of(posterior.draw(400, SEED))
    assert finite(density, prior.log_prob_of(posterior.draw(400, SEED)))


@pytest.mark.parametrize("posterior", NAMES)
def test_monte_carlo_kl_between_any_two_distributions_is_a_number(posterior):
    """Never NaN; infinite exactly where the prior is a stick-breaking distribution that does not reach the whole
    simplex."""
    ours = relaxation(posterior).from_network(network_output(posterior)[0], 0.3, **options(posterior, tf.float32))
    for name in NAMES:
        prior = relaxation(name).uniform_prior(CATEGORIES, 0.3, **options(name, tf.float32))
        kl = monte_carlo_kl(ours, prior, 200, SEED).numpy()
        bounded = {"IGR_SB", "IGR_SB_Finite"}
        if name in bounded and posterior not in bounded:
            assert np.all(kl == np.inf), name
        else:
            assert np.all(np.isfinite(kl)), name
