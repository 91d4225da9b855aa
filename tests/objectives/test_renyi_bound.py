"""The variational Rényi bound: exact moments by quadrature, its course with alpha draw by draw, and its limits."""

import numpy as np
import pytest
import tensorflow as tf
from objective_quadrature import layer, moments, moments_of

from igr_suite.errors import UserError
from igr_suite.objectives.base import Coefficients
from igr_suite.objectives.registry import build
from igr_suite.objectives.renyi import ReparameterisedVRIWAE

LOG_WEIGHTS = tf.constant(np.random.default_rng(1).normal(size=(5, 40)) * 3.0)

TABLE = {  # (alpha, K): value; means by m and log s; variances of the total derivative; of the reparameterised one
    (0.2, 2): (-1.5287621650, (0.2265829933, -0.2360104350), (1.26125, 1.41143), (0.0762432, 0.0824439)),
    (0.2, 3): (-1.5125350733, (0.1625349884, -0.1643670400), (0.750435, 0.775464), (0.0259825, 0.0233838)),
    (0.5, 2): (-1.5524534298, (0.3130892156, -0.3499228933), (1.31740, 1.60190), (0.109810, 0.139523)),
    (0.5, 3): (-1.5406467523, (0.2667096089, -0.2931517782), (0.815204, 0.931429), (0.0528608, 0.0604028)),
    (0.9, 2): (-1.5894554008, (0.4596558216, -0.5599865806), (1.52796, 2.36510), (0.201511, 0.370856)),
    (0.9, 3): (-1.5863893746, (0.4472405479, -0.5421905455), (1.00014, 1.51311), (0.127345, 0.227774)),
}


@pytest.mark.parametrize(("alpha", "samples"), TABLE)
def test_means_and_variances(alpha, samples):
    value, means, *variances = TABLE[alpha, samples]
    for name, variance in zip(("vr-iwae", "vr-iwae-dreg"), variances):
        by_value, by_m, by_log_s, _ = moments(name, samples, alpha=alpha)
        assert by_value[0] == pytest.approx(value, abs=1e-8)
        assert (by_m[0], by_log_s[0]) == pytest.approx(means, abs=1e-8)
        assert (by_m[1], by_log_s[1]) == pytest.approx(variance, rel=2e-5)


def test_without_its_term_in_alpha_the_reparameterised_gradient_is_biased():
    """(1 - alpha) W^2, which is DReG's coefficient for the tempered weights alone."""

    class Truncated(ReparameterisedVRIWAE):
        def _coefficients(self, log_weights):
            w = self._weights(log_weights)
            return Coefficients((1.0 - self.alpha) * w * w, None, w)

    by_m = moments_of(Truncated(alpha=0.5), 2)[1]
    assert abs(by_m[0] - TABLE[0.5, 2][1][0]) > 0.1


def test_for_every_draw_the_value_falls_with_alpha_from_the_bound_to_the_elbo():
    orders = (0.0, 1e-6, 0.1, 0.3, 0.6, 0.9, 0.999, 1.0 - 1e-9)
    values = np.stack([build("vr-iwae", alpha=alpha).value(LOG_WEIGHTS) for alpha in orders])
    assert np.all(np.diff(values, axis=0) < 0.0)
    np.testing.assert_allclose(values[0], build("iwae").value(LOG_WEIGHTS), rtol=1e-12)
    np.testing.assert_allclose(values[-1], tf.reduce_mean(LOG_WEIGHTS, 0), atol=1e-7)
    single = build("vr-iwae", alpha=0.999).value(tf.cast(LOG_WEIGHTS, tf.float32))
    np.testing.assert_allclose(single, values[-2], atol=3e-6)


@pytest.mark.parametrize(("name", "other"), [("vr-iwae", "iwae"), ("vr-iwae-dreg", "dreg")])
def test_order_zero_and_the_limit_of_order_one(name, other):
    """alpha = 0 is the importance-weighted bound; alpha -> 1 the ELBO from K samples."""
    ours, theirs = build(name, alpha=0.0), build(other)
    for part, expected in zip(ours.coefficients(LOG_WEIGHTS), theirs.coefficients(LOG_WEIGHTS)):
        assert (part is None) == (expected is None)
        if part is not None:
            np.testing.assert_array_equal(part, expected)
    assert ours.generative_family == theirs.generative_family
    elbo = build("ciwae" if name == "vr-iwae" else "ciwae-dreg", beta=1.0).coefficients(LOG_WEIGHTS)
    limit = build(name, alpha=1.0 - 1e-9).coefficients(LOG_WEIGHTS)
    for part, expected in zip(limit[:3], elbo[:3]):
        if part is not None:
            np.testing.assert_allclose(part, expected, atol=1e-7)


def test_the_path_is_the_weight_less_its_own_derivative():
    """c - c' of the two forms: dW/dlw = (1 - alpha)(W - W^2), by automatic differentiation."""
    alpha = 0.3
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(LOG_WEIGHTS)
        value = build("vr-iwae", alpha=alpha).value(LOG_WEIGHTS)
        w = tape.gradient(value, LOG_WEIGHTS)
        entries = tf.unstack(w)
    total = build("vr-iwae", alpha=alpha).coefficients(LOG_WEIGHTS)
    np.testing.assert_allclose(total.path, w, rtol=1e-12)
    own = tf.stack([tape.gradient(entry, LOG_WEIGHTS)[k] for k, entry in enumerate(entries)])
    path = build("vr-iwae-dreg", alpha=alpha).coefficients(LOG_WEIGHTS).path
    np.testing.assert_allclose(path, w - own, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("alpha", [1.0, 2.0, -0.1, float("nan")])
@pytest.mark.parametrize("name", ["vr-iwae", "vr-iwae-dreg"])
def test_other_orders_are_refused(name, alpha):
    with pytest.raises(UserError, match=f"alpha of {name} must be at least 0 and less than 1, got"):
        build(name, alpha=alpha)


def test_at_the_posterior_the_reparameterised_gradient_has_no_variance():
    at = layer(2, m=0.75, s=np.sqrt(0.5))
    _, by_m, by_log_s, _ = at.of(build("vr-iwae-dreg", alpha=0.3))
    assert np.max(np.abs([by_m, by_log_s])) < 1e-11
