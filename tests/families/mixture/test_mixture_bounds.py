"""Stick-breaking mixtures against quadrature in float64: which objective is a bound, and by how much.

The toy has C components of dimension 1, two binary pixels, a linear decoder, and one image, so that log p(x) is a sum
of C one-dimensional integrals: E[pi_k] = 2^-k under Beta(1, 1) sticks, the last component takes the rest.
"""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.families.mixture.bounds import (
    Components,
    historical_bound,
    joint_bound,
    log_importance_weight,
    mixture_bound,
)
from igr_suite.families.mixture.sticks import (
    KumaraswamySticks,
    LogitNormalSticks,
    keep_first,
    kept_components,
    log_weights,
)
from igr_suite.randomness import run_seed

PIXELS = np.array([1.0, 0.0])
SLOPE, OFFSET = np.array([1.7, -0.8]), np.array([-0.4, 0.6])
PRIOR_LOC = np.array([[0.0], [1.0], [-1.0]])
LOC, LOG_SCALE = np.array([[[0.6], [1.3], [0.2]]]), np.array([[[-0.2], [-0.5], [0.1]]])
# wide: a Gaussian's tails are thin
STICKS = {KumaraswamySticks: [[0.3, -0.2, 0.4, 0.1]], LogitNormalSticks: [[0.4, -0.7, 0.7, 0.9]]}
NODES, NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(24)
NODE_WEIGHTS = NODE_WEIGHTS / NODE_WEIGHTS.sum()


def log_likelihood(z):
    """log p(x | z), [...] -> [...]."""
    logits = z[..., None] * SLOPE + OFFSET
    return np.sum(PIXELS * logits - np.logaddexp(0, logits), -1)


def true_log_likelihood(components):
    prior = np.append(0.5 ** np.arange(1, components), 0.5 ** (components - 1))
    evidence = [NODE_WEIGHTS @ np.exp(log_likelihood(PRIOR_LOC[k, 0] + NODES)) for k in range(components)]
    return np.log(prior @ evidence)


def stick_grid(distribution, nodes=80):
    """Logits [N, 1, 2] and probabilities [N] that integrate over the two sticks of a distribution."""
    points, weights = np.polynomial.legendre.leggauss(nodes)
    y, w = 20 * points, 20 * weights
    grid = np.array(list(itertools.product(y, y)))[:, None]
    both = np.array([a * b for a, b in itertools.product(w, w)])
    log_q = distribution.log_density(tf.constant(grid)).numpy()[:, 0]  # with respect to v; dv = v (1 - v) dy
    jacobian = -np.sum(np.logaddexp(0, grid) + np.logaddexp(0, -grid), axis=(1, 2))
    return grid, both * np.exp(log_q + jacobian)


def expectation(distribution, bound, kept=None):
    """E of a bound over sticks (quadrature) and components (Gauss-Hermite; z_k and z_k' are only needed one at a
    time)."""
    grid, probabilities = stick_grid(distribution)
    assert probabilities.sum() == pytest.approx(1.0, abs=2e-6)
    total = 0.0
    for node, weight in zip(NODES, NODE_WEIGHTS):
        z = np.broadcast_to(LOC + np.exp(LOG_SCALE) * node, (len(grid), 1, 3, 1))
        total += weight * probabilities @ evaluate(distribution, bound, grid, z, kept)[:, 0]
    return total


def evaluate(distribution, bound, logits, z, kept=None):
    logits = tf.constant(logits)
    components = Components(*map(tf.constant, (np.array(z), LOC, LOG_SCALE, PRIOR_LOC)))
    log_p = log_q = log_weights(logits)
    if kept is not None:
        log_q = keep_first(log_p, tf.constant(kept))
    likelihood = tf.constant(log_likelihood(np.asarray(z)[..., 0]))
    arguments = (likelihood, components, log_p, log_q, distribution.log_density(logits))
    result = bound(*arguments) if bound is not historical_bound else bound(likelihood, components, log_q, arguments[-1])
    return (result if bound is log_importance_weight else result.elbo).numpy()


def distribution_of(kind):
    return kind(tf.constant(STICKS[kind], tf.float64))


@pytest.mark.parametrize("kind", STICKS)
def test_bounds_are_ordered_below_the_log_likelihood(kind):
    distribution, truth = distribution_of(kind), true_log_likelihood(3)
    mixture, joint = expectation(distribution, mixture_bound), expectation(distribution, joint_bound)
    assert joint < mixture - 1e-3
    assert mixture < truth - 1e-3
    for kept in (1, 2):  # truncated weights stay a bound: the prior keeps all components
        cut = expectation(distribution, mixture_bound, kept=kept), expectation(distribution, joint_bound, kept=kept)
        assert cut[1] <= cut[0] + 1e-9 < truth
    assert cut[0] != mixture


@pytest.mark.parametrize("kind", STICKS)
def test_mean_importance_weight_is_the_likelihood_and_a_hundred_samples_nearly_reach_it(kind):
    """The mean is exact by quadrature. 400,000 draws for the rest; its standard error is below .001, a false alarm
    needs 5 of them."""
    distribution, truth = distribution_of(kind), true_log_likelihood(3)
    grid, probabilities = stick_grid(distribution)
    mean = 0.0
    for node, weight in zip(NODES, NODE_WEIGHTS):
        z = np.broadcast_to(LOC + np.exp(LOG_SCALE) * node, (len(grid), 1, 3, 1))
        mean += weight * probabilities @ np.exp(evaluate(distribution, log_importance_weight, grid, z)[:, 0])
    assert np.log(mean) == pytest.approx(truth, abs=2e-4)  # the z_k are independent and the weight is a sum over them

    logits = distribution.logits(400_000, run_seed(3, "test")).numpy()
    z = LOC + np.exp(LOG_SCALE) * np.random.default_rng(0).standard_normal((400_000, 1, 3, 1))
    weights = evaluate(distribution, log_importance_weight, logits, z)[:, 0]
    averages = {s: np.log(np.mean(np.exp(weights.reshape(-1, s)), 1)).mean() for s in (1, 10, 100)}
    assert averages[1] < averages[10] < averages[100] < truth + 0.005
    assert averages[100] == pytest.approx(truth, abs=0.02)
    assert evaluate(distribution, mixture_bound, logits, z).mean() < averages[1]


@pytest.mark.parametrize("kind", STICKS)
def test_unclipped_the_historical_objective_lies_below_the_joint_bound_draw_by_draw(kind):
    """Jensen: log sum_k w_k q_k >= sum_k w_k log q_k."""
    distribution, rng = distribution_of(kind), np.random.default_rng(1)
    logits = distribution.logits(1, run_seed(4, "test")).numpy()
    for _ in range(50):
        z = LOC + np.exp(LOG_SCALE) * rng.standard_normal((1, 1, 3, 1))
        assert evaluate(distribution, historical_bound, logits, z) < evaluate(distribution, joint_bound, logits, z)


def test_clipped_sticks_let_the_historical_objective_exceed_the_log_likelihood():
    """Far behind the clip the density at the clipped stick vanishes, and minus its log is counted as a gain."""
    distribution = KumaraswamySticks(tf.constant([[-40.0, -40.0, 0.0, 0.0]], tf.float64))  # log a = -40
    clipped = np.full((1, 1, 2), np.log(1e-4) - np.log1p(-1e-4))  # where every draw of this distribution ends
    assert np.all(distribution.logits(1000, run_seed(5, "test")).numpy() < clipped)
    z = np.array(LOC)[None]
    assert evaluate(distribution, historical_bound, clipped, z)[0, 0] > true_log_likelihood(3) + 10


def test_cut_weights_that_are_not_renormalised_let_it_exceed_too():
    """Half of the weight is half of a negative log-likelihood; the defect of the truncated kinds
    (docs/papers/igr.md, section 6.4).
    """
    likelihood, half = tf.constant([[[-100.0, -100.0]]]), tf.math.log(tf.constant([[[0.5, 1e-30]]]))
    zero = tf.zeros((1, 1, 2, 1))
    same = Components(zero, zero[0], zero[0], zero[0, 0])  # posterior and prior are equal
    assert historical_bound(likelihood, same, half, tf.zeros((1, 1))).elbo.numpy()[0, 0] > -60.0


def test_layout_against_loops():
    """S, B, C, D all distinct; every bound recomputed number by number."""
    rng = np.random.default_rng(2)
    s, b, c, d = 3, 2, 4, 5
    z, loc, log_scale, prior = (rng.standard_normal(shape) for shape in ((s, b, c, d), (b, c, d), (b, c, d), (c, d)))
    likelihood, kl = rng.standard_normal((s, b, c)) - 5, rng.standard_normal((s, b))
    log_p = log_weights(tf.constant(rng.standard_normal((s, b, c - 1))))
    log_q = keep_first(log_p, tf.constant(rng.integers(1, c + 1, (s, b)), tf.int32))
    components = Components(*map(tf.constant, (z, loc, log_scale, prior)))
    found = {
        f: f(likelihood, components, log_p, log_q, tf.constant(kl))
        for f in (mixture_bound, joint_bound, log_importance_weight)
    }

    def normal(x, m, log_s):
        return np.sum(-0.5 * ((x - m) / np.exp(log_s)) ** 2 - log_s - 0.5 * np.log(2 * np.pi))

    for i, j in itertools.product(range(s), range(b)):
        p, q = np.exp(log_p.numpy()[i, j]), np.exp(log_q.numpy()[i, j])
        mixture = joint = weight = 0.0
        for k in range(c):
            density = sum(q[m] * np.exp(normal(z[i, j, k], loc[j, m], log_scale[j, m])) for m in range(c))
            prior_density = sum(p[m] * np.exp(normal(z[i, j, k], prior[m], 0 * prior[m])) for m in range(c))
            mixture += q[k] * (likelihood[i, j, k] + np.log(prior_density) - np.log(density))
            weight += q[k] * np.exp(likelihood[i, j, k]) * prior_density / density
            if q[k] > 0:
                own = normal(z[i, j, k], prior[k], 0 * prior[k]) - normal(z[i, j, k], loc[j, k], log_scale[j, k])
                joint += q[k] * (likelihood[i, j, k] + np.log(p[k]) - np.log(q[k]) + own)
        assert found[mixture_bound].elbo.numpy()[i, j] == pytest.approx(mixture - kl[i, j], abs=1e-10)
        assert found[joint_bound].elbo.numpy()[i, j] == pytest.approx(joint - kl[i, j], abs=1e-10)
        assert found[log_importance_weight].numpy()[i, j] == pytest.approx(np.log(weight) - kl[i, j], abs=1e-10)


def test_truncation_keeps_the_fewest_components_above_the_threshold():
    half = tf.zeros((1, 1, 7))  # sums 1/2, 3/4, 7/8, ...
    kept = [int(kept_components(half, rho, "sample", None)[0, 0]) for rho in (0.4, 0.6, 0.8, 0.9, 0.9999)]
    assert kept == [1, 2, 3, 4, 8]
    first_is_enough = tf.constant([[[20.0, 0.0, 0.0]]])
    assert int(kept_components(first_is_enough, 0.99, "sample", None)[0, 0]) == 1
    historical = [int(kept_components(half, rho, "batch", 70.0, crossing=False)) for rho in (0.4, 0.6, 0.9, 0.9999)]
    assert historical == [1, 1, 3, 8]

    logits = distribution_of(LogitNormalSticks).logits(50, run_seed(6, "test"))
    log_p = log_weights(logits)
    np.testing.assert_allclose(np.exp(log_p).sum(-1), 1.0, atol=1e-12)
    for rho in (0.3, 0.7, 0.95):
        kept = kept_components(logits, rho, "sample", None)
        weights = np.exp(keep_first(log_p, kept))
        np.testing.assert_allclose(weights.sum(-1), 1.0, atol=1e-12)
        inside = np.arange(3) < kept.numpy()[..., None]
        assert np.all(weights[~inside] == 0.0)
        mass = np.where(inside, np.exp(log_p), 0.0).sum(-1)
        assert np.all(mass > rho)
        np.testing.assert_allclose(weights, np.where(inside, np.exp(log_p) / mass[..., None], 0.0), atol=1e-12)


@pytest.mark.parametrize("kind", [KumaraswamySticks, LogitNormalSticks])
def test_sticks_in_half_precision_and_of_one_component(kind):
    """Densities and weights are float32's rounded once; without sticks there is one component of weight 1."""
    parameters, seed = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32), run_seed(0, "sticks")
    for dtype, digit in ((tf.float16, 2.0**-10), (tf.bfloat16, 2.0**-7)):
        half = kind(tf.constant(parameters, dtype))
        logits = half.logits(4, seed)
        single, wide = kind(tf.cast(tf.constant(parameters, dtype), tf.float32)), tf.cast(logits, tf.float32)
        np.testing.assert_allclose(wide, single.logits(4, seed), rtol=4 * digit, atol=4 * digit)
        pairs = [(half.log_density(logits), single.log_density(wide)), (log_weights(logits), log_weights(wide))]
        pairs.append((keep_first(log_weights(logits), tf.constant(2)), keep_first(log_weights(wide), tf.constant(2))))
        for ours, wanted in pairs:
            assert ours.dtype == dtype
            np.testing.assert_allclose(tf.cast(ours, tf.float32), wanted, rtol=2 * digit, atol=2 * digit)
        np.testing.assert_array_equal(
            kept_components(logits, 0.9, "sample", None), kept_components(wide, 0.9, "sample", None)
        )
    none = kind(tf.zeros([3, 0])).logits(4, seed)
    np.testing.assert_array_equal(log_weights(none), np.zeros([4, 3, 1]))
    np.testing.assert_array_equal(kept_components(none, 0.9, "sample", None), np.ones([4, 3]))
    np.testing.assert_array_equal(keep_first(log_weights(none), tf.constant(1)), np.zeros([4, 3, 1]))
