"""IGSM and GSP: K Gaussians for K categories. Densities against integrals, histograms and enumerated cases; KL against
the simplex's."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy import integrate, stats

from igr_suite.errors import UserError
from igr_suite.relaxations import GSP, IGRI, IGSM, argmax_log_probs, monte_carlo_kl, sampled_kl, share_map
from igr_suite.relaxations.gsp import inverse_log_softplus, log_softplus

F64 = tf.float64
LOC, SCALE = (0.3, -0.5, 0.9), (0.7, 1.2, 0.4)
SHARP = ((40.0, -3.0, 38.0), (0.01, 5.0, 2.0))  # t far above 1 and far below it in one distribution
DISTRIBUTIONS = {
    "igsm": IGSM(tf.constant(LOC, F64), 0.6),
    "gsp": GSP(tf.constant(LOC, F64), tf.math.log(tf.constant(SCALE, F64)), 0.6),
    "gsp_cold": GSP(tf.constant(LOC, F64), tf.math.log(tf.constant(SCALE, F64)), 0.1),
}


def ratio_density(distribution, x, y):
    """Density of the two log-ratios to the last category, which is what the density of log psi is a density of."""
    log_psi = tf.nn.log_softmax(tf.constant(np.stack([x, y, np.zeros_like(x)], -1)))
    return np.exp(distribution.log_prob_of_log_sample(log_psi))


def test_softmax_density_is_that_of_correlated_differences():
    """(log psi_k - log psi_K) tau ~ N(loc_k - loc_K, I + 1 1^T), by scipy's multivariate normal."""
    distribution = DISTRIBUTIONS["igsm"]
    ratios = np.random.default_rng(1).normal(size=(20, 2))
    want = stats.multivariate_normal([LOC[0] - LOC[2], LOC[1] - LOC[2]], np.eye(2) + 1).pdf(0.6 * ratios) * 0.6**2
    np.testing.assert_allclose(ratio_density(distribution, *ratios.T), want, rtol=1e-12)


def test_softplus_density_of_two_categories_is_that_of_a_ratio():
    """K = 2: R = log t_1 - log t_2 of independent t, its density integrated by scipy over log t_2."""
    loc, scale, temperature = (0.4, -0.2), (0.5, 0.9), 0.3
    distribution = GSP(tf.constant(loc, F64), tf.math.log(tf.constant(scale, F64)), temperature)

    def log_t_density(w, k):
        t = np.exp(w)
        value = temperature * np.log(np.expm1(t))
        return (
            np.exp(-0.5 * ((value - loc[k]) / scale[k]) ** 2)
            / (scale[k] * np.sqrt(2 * np.pi))
            * temperature
            * t
            / -np.expm1(-t)
        )

    for ratio in (-9.0, -2.0, 0.0, 1.0, 3.0):
        want = integrate.quad(
            lambda w, r=ratio: log_t_density(w + r, 0) * log_t_density(w, 1), -25, 3.5, limit=500, epsabs=1e-13
        )[0]
        ours = np.exp(distribution.log_prob_of_log_sample(tf.nn.log_softmax(tf.constant([ratio, 0.0], F64))))
        np.testing.assert_allclose(ours, want, rtol=1e-7)


@pytest.mark.parametrize(
    ("loc", "scale", "temperature"),
    [(LOC, SCALE, 0.6), (LOC, SCALE, 0.05), (LOC, (20.0, 9.0, 30.0), 0.1), (*SHARP, 0.2)],
)
def test_softplus_quadrature_is_a_brute_force_sum(loc, scale, temperature):
    """Where two scales meet too: a = log s runs over hundreds on the left of the kink, over 1e-3 on its right. Twice
    400,000 steps."""
    distribution = GSP(tf.constant(loc, F64), tf.math.log(tf.constant(scale, F64)), temperature)
    row = distribution.draw((), [3, 4]).log_sample.numpy()

    def log_integrand(a):
        log_t = np.minimum(a[:, None] + row, 100.0)
        t = np.exp(np.maximum(log_t, -30.0))
        log_rest = np.log(-np.expm1(-t))
        value = temperature * np.where(log_t < -30, log_t, t + log_rest)
        slope = np.where(log_t < -30, 0.0, log_t - log_rest) + np.log(temperature)
        return (-0.5 * ((value - loc) / scale) ** 2 - np.log(scale) - 0.5 * np.log(2 * np.pi) + slope).sum(-1)

    coarse = np.linspace(-4000, 12 - row.min(), 400_000)
    values = log_integrand(coarse)
    kept = coarse[values > values.max() - 60]
    fine, step = np.linspace(kept[0] - 0.02, kept[-1] + 0.02, 400_000, retstep=True)
    np.testing.assert_allclose(
        distribution.log_prob_of_log_sample(tf.constant(row)),
        np.logaddexp.reduce(log_integrand(fine)) + np.log(step),
        atol=1e-7,
    )


@pytest.mark.parametrize("distribution", DISTRIBUTIONS.values(), ids=DISTRIBUTIONS)
def test_density_integrates_to_one_and_matches_a_histogram(distribution):
    """200,000 samples in 6 x 6 cells: the largest z-score exceeds 6 with probability below 1e-7; a density wrong by 5%
    shows."""
    samples = distribution.draw(200_000, [5, 6]).log_sample.numpy()
    ratios = samples[:, :2] - samples[:, 2:]
    edges = [np.quantile(ratios[:, axis], [0.02, 0.98]) for axis in (0, 1)]
    grids = [np.linspace(low, high, 31) for low, high in edges]
    x, y = np.meshgrid(*((grid[1:] + grid[:-1]) / 2 for grid in grids), indexing="ij")
    expected = (
        (ratio_density(distribution, x, y) * np.prod([grid[1] - grid[0] for grid in grids]))
        .reshape(6, 5, 6, 5)
        .sum((1, 3))
    )
    observed = np.histogram2d(*ratios.T, bins=[grid[::5] for grid in grids])[0] / 2e5
    assert np.max(np.abs(observed - expected) / np.sqrt(expected * (1 - expected) / 2e5 + 1e-8)) < 6.0

    points = 91 if distribution is DISTRIBUTIONS["gsp_cold"] else 61  # its density bends within 1 of a range of 100
    wide = [
        np.linspace(*(np.median(r) + 1.6 * (np.quantile(r, [1e-4, 1 - 1e-4]) - np.median(r))), points) for r in ratios.T
    ]
    x, y = np.meshgrid(*wide, indexing="ij")
    np.testing.assert_allclose(
        np.trapezoid(np.trapezoid(ratio_density(distribution, x, y), wide[1]), wide[0]), 1.0, atol=1e-3
    )


def test_densities_of_a_draw_and_on_the_simplex_agree():
    for distribution in DISTRIBUTIONS.values():
        draw = distribution.draw([3, 2], [1, 2])
        np.testing.assert_allclose(
            distribution.log_prob_of_log_sample(draw.log_sample), distribution.log_prob_of(draw), rtol=1e-9, atol=1e-9
        )
        on_simplex = distribution.log_prob_of(draw) - np.sum(draw.log_sample, axis=-1)
        np.testing.assert_allclose(distribution.log_prob(draw.sample), on_simplex, rtol=1e-8, atol=1e-8)


def test_draws_are_the_formulas():
    distribution = DISTRIBUTIONS["gsp"]
    draw = distribution.draw(4, [7, 8])
    t = np.log1p(np.exp((np.array(LOC) + np.array(SCALE) * draw.noise.numpy()) / 0.6))
    np.testing.assert_allclose(draw.sample, t / t.sum(-1, keepdims=True), rtol=1e-12)
    e = np.exp((np.array(LOC) + DISTRIBUTIONS["igsm"].draw(4, [7, 8]).noise.numpy()) / 0.6)
    np.testing.assert_allclose(DISTRIBUTIONS["igsm"].draw(4, [7, 8]).sample, e / e.sum(-1, keepdims=True), rtol=1e-12)


def test_isotropic_kl_exceeds_the_simplex_kl_by_the_shift_that_is_lost():
    """Exactly: Gaussian KL - simplex KL = K/2 (mean loc - mean prior loc)^2, per draw too; 0 for centred locations."""
    posterior, prior = IGSM(tf.constant(LOC, F64), 0.4), IGSM.uniform_prior(3, 0.4, F64)
    loc = np.array(LOC)
    np.testing.assert_allclose(tfp.distributions.kl_divergence(posterior, prior), 0.5 * np.sum(loc**2), rtol=1e-12)
    simplex = 0.5 * np.sum((loc - loc.mean()) ** 2)
    draw = posterior.draw(4_000, [1, 2])
    ratio = (posterior.log_prob_of(draw) - prior.log_prob_of(draw)).numpy()
    assert abs(ratio.mean() - simplex) < 5 * ratio.std() / np.sqrt(4_000)
    assert 0.5 * np.sum(loc**2) - simplex == pytest.approx(1.5 * loc.mean() ** 2)
    lost = sampled_kl(posterior, prior, draw).numpy() - ratio  # the likelihood ratio of mean(kappa) ~ N(mean loc, 1/3)
    np.testing.assert_allclose(
        lost, 3 * loc.mean() * draw.preimage.numpy().mean(-1) - 1.5 * loc.mean() ** 2, atol=1e-10
    )


def test_gaussian_kl_bounds_the_simplex_kl_of_gsp():
    """The gap of this distribution GAP errors of 2,000 draws; the sampled KL has the closed form's mean."""
    posterior, prior = DISTRIBUTIONS["gsp"], GSP.uniform_prior(3, 0.6, F64)
    closed = float(tfp.distributions.kl_divergence(posterior, prior))
    want = sum(0.5 * (s**2 - 1 + m**2) - np.log(s) for m, s in zip(LOC, SCALE))
    assert closed == pytest.approx(want, rel=1e-12)
    draw = posterior.draw(500, [3, 4])
    on_simplex = (posterior.log_prob_of(draw) - prior.log_prob_of_log_sample(draw.log_sample)).numpy()
    assert on_simplex.mean() + 5 * on_simplex.std() / np.sqrt(500) < closed
    assert on_simplex.mean() > 5 * on_simplex.std() / np.sqrt(500)
    np.testing.assert_allclose(monte_carlo_kl(posterior, prior, 500, [3, 4]), on_simplex.mean(), rtol=1e-12)
    in_space = sampled_kl(posterior, prior, posterior.draw(100_000, [5, 6])).numpy()
    assert abs(in_space.mean() - closed) < 4 * in_space.std() / np.sqrt(1e5)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS.values(), ids=DISTRIBUTIONS)
def test_argmax_distribution_is_that_of_the_gaussians(distribution):
    """P(k) = int N(t; loc_k, scale_k) prod_j Phi((t - loc_j) / scale_j) dt by scipy; the frequencies by chi-square,
    false alarm 1e-6."""
    loc, scale = distribution.loc.numpy(), np.exp(distribution.log_scale.numpy())

    def win(t, k):
        return stats.norm.pdf(t, loc[k], scale[k]) * np.prod(
            [stats.norm.cdf(t, loc[j], scale[j]) for j in range(3) if j != k]
        )

    want = np.array([integrate.quad(win, -9, 9, args=(k,), points=loc, epsabs=1e-12)[0] for k in range(3)])
    assert want.sum() == pytest.approx(1.0, abs=1e-9)
    for split, tolerance in ((False, 1e-5), (True, 1e-9)):
        np.testing.assert_allclose(np.exp(argmax_log_probs(distribution, split=split)), want, rtol=0, atol=tolerance)
    winners = np.argmax(distribution.draw(100_000, [1, 2]).sample, -1)
    counts = np.bincount(winners, minlength=3)
    assert stats.chisquare(counts, 100_000 * want).pvalue > 1e-6


def test_uniform_priors_have_a_uniform_argmax():
    for prior in (IGSM.uniform_prior(10, 0.5, F64), GSP.uniform_prior(10, 0.5, F64)):
        np.testing.assert_allclose(np.exp(argmax_log_probs(prior)), np.full(10, 0.1), atol=1e-10)


def test_softplus_in_logs_and_its_inverse():
    x = tf.constant([-800.0, -50.0, -30.5, -29.5, -1.0, 0.0, 2.0, 40.0, 500.0], F64)
    log_t = log_softplus(x)
    np.testing.assert_allclose(log_t[3:], np.log(np.logaddexp(0, x[3:])), rtol=1e-12)
    np.testing.assert_allclose(log_t[:3], x[:3], rtol=1e-12)
    with tf.GradientTape() as tape:
        tape.watch(log_t)
        back, log_slope = inverse_log_softplus(log_t)
    np.testing.assert_allclose(back, x, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(np.log(tape.gradient(back, log_t)), log_slope, rtol=1e-10, atol=1e-12)


def test_density_gradient_is_that_of_differences():
    """d log p / d (loc, log scale, log psi): the grid is held, the integral does not depend on it."""
    point = tf.concat(
        [DISTRIBUTIONS["gsp"].loc, DISTRIBUTIONS["gsp"].log_scale, tf.math.log(tf.constant([0.2, 0.3, 0.5], F64))], 0
    )

    def value(x):
        loc, log_scale, log_psi = tf.split(x, 3, axis=-1)
        return GSP(loc, log_scale, 0.6).log_prob_of_log_sample(log_psi)

    with tf.GradientTape() as tape:
        tape.watch(point)
        log_prob = value(point)
    steps = 1e-5 * tf.eye(9, dtype=F64)
    differences = (value(point + steps) - value(point - steps)) / 2e-5
    np.testing.assert_allclose(tape.gradient(log_prob, point), differences, atol=1e-7)


def test_kinds_temperatures_and_flows_do_not_mix():
    draw = DISTRIBUTIONS["gsp"].draw(2, [1, 2])
    for other in (GSP(DISTRIBUTIONS["gsp"].loc, DISTRIBUTIONS["gsp"].log_scale, 0.5), DISTRIBUTIONS["igsm"]):
        assert not share_map(DISTRIBUTIONS["gsp"], other)
        with pytest.raises(UserError, match="do not share the map"):
            sampled_kl(DISTRIBUTIONS["gsp"], other, draw)
    with pytest.raises(UserError, match="no sampled KL between GSP and IGRI"):
        sampled_kl(DISTRIBUTIONS["gsp"], IGRI.uniform_prior(3, 0.6, F64), draw, prior_after_flow=True)
