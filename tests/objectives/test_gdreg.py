"""GDReG: exact mean and variance of theta's gradient by quadrature, and its agreement with the score of a network's
prior."""

import numpy as np
import pytest
import tensorflow as tf
from objective_quadrature import THETA, M, OneLayer, S, X

from igr_suite.estimators.formulas import normalised
from igr_suite.objectives.gdreg import Gaussian, direction, prior_gradients


@pytest.mark.parametrize(("samples", "mean", "variance"), [(2, 0.3602632088, 0.104456), (3, 0.3974438430, 0.0946369)])
def test_mean_and_variance(samples, mean, variance):
    """dT/dtheta = 1 for p = N(theta, 1), so the sum of directions is the gradient
    (docs/papers/dreg.md, section 6.2).
    """
    at = OneLayer(samples, 40)
    lw = tf.constant(at.log_weights)
    w = normalised(lw)
    parts = [w[..., None] * value[..., None] for value in (X - at.z, -(at.z - THETA) + at.eps / S)]
    found = tf.reduce_sum(direction(lw, *parts), [0, 2]).numpy()
    assert at.moments(found) == (pytest.approx(mean, abs=1e-8), pytest.approx(variance, rel=2e-5))


def test_whole_gradient_is_the_direction_pulled_back():
    """`prior_gradients` by tapes with one theta a quadrature node, weighted afterwards: the exact means for loc and log
    scale."""
    at = OneLayer(2, 40)
    one, nodes = tf.constant(1.0, tf.float64), len(at.weights)
    shift, log_scale = tf.Variable(np.zeros([nodes, 1])), tf.Variable(np.zeros([nodes, 1]))

    def log_normal(z, loc, scale):
        return tf.reduce_sum(-0.5 * tf.square((z - loc) / scale) - tf.math.log(scale), -1)

    def prior():
        return Gaussian(THETA + shift, tf.exp(log_scale))

    gradients = prior_gradients(
        z=tf.constant(at.z[..., np.newaxis]),
        log_likelihood=lambda z: log_normal(z, X * one, one),
        log_prior=lambda z: log_normal(z, *prior()),
        log_q=lambda z: log_normal(z, M * one, S * one),
        prior=prior,
        variables=[shift, log_scale],
    )
    # the gradient has a mean over nodes
    by_loc, by_log_scale = (nodes * at.weights @ gradient.numpy()[:, 0] for gradient in gradients)
    assert by_loc == pytest.approx(0.3602632088, abs=1e-8)
    w = normalised(tf.constant(at.log_weights)).numpy()
    score = np.sum(w * ((at.z - THETA) ** 2 - 1.0), 0)
    assert by_log_scale == pytest.approx(at.weights @ score, abs=1e-8), "the score form's exact mean"
