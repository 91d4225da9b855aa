"""Oracles of docs/papers/igr.md, sections 7.5 and 7.6: densities of the distributions, in log space and on the
simplex."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from sweeps import few

from igr_suite.relaxations import IGRI, GumbelSoftmax, IGRPlanar, IGRSBFinite, IGRSBLog, PlanarFlow

PSI = tf.constant([0.2, 0.3, 0.5], tf.float64)
LOC, LOG_SCALE = tf.constant([0.3, -0.5], tf.float64), tf.math.log(tf.constant([0.7, 1.2], tf.float64))
FLOW = PlanarFlow(
    *(tf.constant(x, tf.float64) for x in ([[1.0, -0.7], [0.4, 1.5]], [[-2.0, 0.5], [1.0, 1.0]], [0.3, -0.2]))
)
DISTRIBUTIONS = {
    "gs": GumbelSoftmax(tf.constant([0.3, -0.5, 0.9], tf.float64), 0.6),
    "igr_i": IGRI(LOC, LOG_SCALE, 0.5, delta=0.8),
    "igr_sb_finite": IGRSBFinite(LOC, LOG_SCALE, 0.5, delta=0.8),
    "igr_sb_log": IGRSBLog(LOC, LOG_SCALE, 0.5),
    "igr_planar": IGRPlanar(LOC, LOG_SCALE, 0.5, flow=FLOW),
}


def test_concrete_and_exp_concrete_oracle():
    distribution = GumbelSoftmax(tf.math.log(tf.constant([0.1, 0.6, 0.3], tf.float64)), 0.5)
    np.testing.assert_allclose(distribution.log_prob(PSI), -1.118061, atol=5e-7)
    np.testing.assert_allclose(distribution.log_prob_of_log_sample(tf.math.log(PSI)), -4.624619, atol=5e-7)
    shifted = GumbelSoftmax(distribution.logits + 7.0, 0.5)
    np.testing.assert_allclose(shifted.log_prob(PSI), distribution.log_prob(PSI), rtol=1e-13)


@pytest.mark.parametrize("temperature", [0.1, 0.5, 2.0])
def test_binary_concrete_integrates_to_one(temperature):
    ratio = np.linspace(-60 / temperature, 60 / temperature, 200_001)
    log_psi = tf.math.log_sigmoid(tf.constant(np.stack([ratio, -ratio], -1)))
    density = np.exp(GumbelSoftmax(tf.constant([0.2, -0.4], tf.float64), temperature).log_prob_of_log_sample(log_psi))
    np.testing.assert_allclose(np.trapezoid(density, ratio), 1.0, atol=1e-6)


def test_igr_i_oracle():
    np.testing.assert_allclose(IGRI(LOC, LOG_SCALE, 0.5).log_prob(PSI), -0.150547, atol=5e-7)


@pytest.mark.parametrize("name", few(DISTRIBUTIONS, lambda name: name != "igr_planar"))
def test_density_integrates_to_one_and_matches_a_histogram(name):
    """In the two log-ratios to the last category, where the log-space density is a plain density.

    10^6 samples in 8 x 8 cells: the largest of the z-scores exceeds 5 with probability below 5e-5; the midpoint rule's
    own error is below 1e-4, about one standard error.
    """
    distribution = DISTRIBUTIONS[name]
    samples = distribution.draw(1_000_000, [5, 6]).log_sample.numpy()
    ratios = samples[:, :2] - samples[:, 2:]
    edges = [np.quantile(ratios[:, axis], [0.001, 0.999]) for axis in (0, 1)]
    grids = [np.linspace(low, high, 481) for low, high in edges]
    x, y = np.meshgrid(*((grid[1:] + grid[:-1]) / 2 for grid in grids), indexing="ij")
    density = grid_density(distribution, x, y)
    cell = (grids[0][1] - grids[0][0]) * (grids[1][1] - grids[1][0])
    expected = (density * cell).reshape(8, 60, 8, 60).sum((1, 3))
    observed = np.histogram2d(*ratios.T, bins=[grid[::60] for grid in grids])[0] / 1e6
    assert np.max(np.abs(observed - expected) / np.sqrt(expected * (1 - expected) / 1e6 + 1e-10)) < 6.0

    wide = [np.linspace(2 * low - 0.5 * (low + high), 2 * high - 0.5 * (low + high), 1201) for low, high in edges]
    x, y = np.meshgrid(*wide, indexing="ij")
    np.testing.assert_allclose(
        np.trapezoid(np.trapezoid(grid_density(distribution, x, y), wide[1]), wide[0]), 1.0, atol=1e-3
    )


def grid_density(distribution, x, y):
    log_psi = tf.nn.log_softmax(tf.constant(np.stack([x, y, np.zeros_like(x)], -1)))
    return np.exp(distribution.log_prob_of_log_sample(log_psi))


@pytest.mark.parametrize("distribution", DISTRIBUTIONS.values(), ids=DISTRIBUTIONS)
def test_density_from_the_preimage_is_that_by_inversion(distribution):
    draw = distribution.draw([3, 2], [1, 2])
    np.testing.assert_allclose(
        distribution.log_prob_of_log_sample(draw.log_sample), distribution.log_prob_of(draw), rtol=1e-8, atol=1e-8
    )
    on_simplex = distribution.log_prob_of(draw) - np.sum(draw.log_sample, axis=-1)
    np.testing.assert_allclose(distribution.log_prob(draw.sample), on_simplex, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", [name for name in DISTRIBUTIONS if name != "gs"])
def test_density_is_that_of_the_chain_of_bijectors(name):
    distribution = DISTRIBUTIONS[name]
    transformed = tfp.distributions.TransformedDistribution(
        tfp.distributions.MultivariateNormalDiag(distribution.loc, tf.exp(distribution.log_scale)),
        distribution.bijector,
    )
    sample = tf.identity(distribution.draw(5, [3, 4]).sample)
    np.testing.assert_allclose(distribution.log_prob(sample), transformed.log_prob(sample), rtol=1e-9)


def test_stick_breaking_density_is_zero_off_its_support():
    distribution = DISTRIBUTIONS["igr_sb_finite"]
    # eta < 0, sum > 1, both
    outside = tf.constant([[0.1, 0.1, 0.8], [0.5, 0.49, 0.01], [0.96, 0.02, 0.02]], tf.float64)
    assert np.all(np.isneginf(distribution.log_prob(outside)))
    with tf.GradientTape() as tape:
        tape.watch(outside)
        total = tf.reduce_sum(tf.exp(distribution.log_prob_of_log_sample(tf.math.log(outside))))
    assert np.all(np.isfinite(tape.gradient(total, outside)))
