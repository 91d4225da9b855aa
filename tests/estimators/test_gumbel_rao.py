"""Gumbel-Rao and ReinMax-Rao: means and variances by quadrature over the conditional noise, per-draw identities, and
what a derivative through the conditional noise would give."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from oracle_problems import PROBLEMS, at_one_state, at_states

from igr_suite.estimators import get
from igr_suite.estimators.conformance import Problem, measure
from igr_suite.estimators.distributions import bernoulli
from igr_suite.estimators.enumeration import expectation
from igr_suite.estimators.gumbel_rao import GumbelRao
from igr_suite.estimators.reinmax_rao import midway_logits
from igr_suite.estimators.variables import kind_of
from igr_suite.randomness import run_seed, uniform

F64 = tf.float64


def nodes_of(support: str) -> tuple[np.ndarray, np.ndarray]:
    """Quadrature nodes [N, ...] and weights [N] for the conditional uniforms of one variable; smooth ends."""
    x, w = np.polynomial.legendre.leggauss(120 if support == "bernoulli" else 26)
    x, w = (x + 1.0) / 2.0, w / 2.0
    for _ in range(2):  # u = 3 x^2 - 2 x^3 takes the logarithms of the noise to higher order at both ends
        x, w = x * x * (3.0 - 2.0 * x), w * 6.0 * x * (1.0 - x)
    if support == "bernoulli":
        return x[:, np.newaxis], w
    grid = np.array(list(itertools.product(x, repeat=3)))
    return grid[:, np.newaxis], np.prod(np.array(list(itertools.product(w, repeat=3))), 1)


def moments(estimator, problem: Problem) -> tuple[np.ndarray, float, float]:
    """(mean, sum of variances with one draw of the conditional noise, the same with all of it averaged out).

    All variables have the same node: a coordinate's moments depend on the noise of its own variable alone.
    """
    support = "bernoulli" if problem.logits.ndim == 1 else "categorical"
    nodes, weights = nodes_of(support)
    once = at_states(problem.logits)
    batch, states = once.repeated(len(nodes)), len(once.probabilities)
    v = np.broadcast_to(nodes, (len(nodes), *problem.logits.shape))
    noise = {"u": batch.u, "v": tf.constant(np.tile(v, (states, *[1] * problem.logits.ndim)))[tf.newaxis]}
    gradient = estimator.estimate(problem.objective, batch.logits, noise).gradient.numpy()
    by_state = gradient.reshape(states, len(nodes), *problem.logits.shape)
    conditional = np.tensordot(by_state, weights, [[1], [0]])
    squares = np.tensordot(by_state**2, weights, [[1], [0]])
    mean, square, smaller = (np.tensordot(once.probabilities, x, 1) for x in (conditional, squares, conditional**2))
    return mean, float(np.sum(square - mean**2)), float(np.sum(smaller - mean**2))


BERNOULLI = [
    ("fQ", 1.0, [-0.0093546203, 0.0903493032, 0.0468410173], None),
    ("fE", 1.0, [0.1573906661, -0.2855668483, 0.2658977869], (0.1084254, 0.0486646)),
    ("fQ", 0.5, [-0.0263487322, 0.1854854276, 0.0496169110], None),
    ("fE", 0.5, [0.1925545295, -0.3239961315, 0.3386465643], (0.3545549, 0.0646937)),
]


@pytest.mark.parametrize(("function", "temperature", "mean", "variances"), BERNOULLI)
def test_bernoulli_moments_are_the_known_ones(function, temperature, mean, variances):
    """And those of K = 10 follow: Var(K) = Var(inf) + (Var(1) - Var(inf)) / K."""
    estimator = get("gumbel_rao", samples=1, temperature=temperature)
    found, one, many = moments(estimator, PROBLEMS["bernoulli", function])
    np.testing.assert_allclose(found, mean, atol=2e-9)
    if variances is not None:
        np.testing.assert_allclose([one, many], variances, atol=2e-7)
        ten = {1.0: 0.0546407, 0.5: 0.0936798}[temperature]
        assert many + (one - many) / 10.0 == pytest.approx(ten, abs=2e-7)


CATEGORICAL = [
    ("fE", [[0.18927, -0.03153, -0.15774], [-0.21539, -0.03185, 0.24725]], 0.05068),
    ("fQ", [[-0.13769, -0.00945, 0.14714], [0.07643, -0.15006, 0.07363]], None),
]


@pytest.mark.parametrize(("function", "mean", "variance"), CATEGORICAL)
def test_categorical_moments_are_the_known_ones(function, mean, variance):
    found, _, many = moments(get("gumbel_rao", samples=1, temperature=1.0), PROBLEMS["categorical", function])
    np.testing.assert_allclose(found, mean, atol=2e-5)
    if variance is not None:
        assert many == pytest.approx(variance, abs=2e-5)


def test_one_draw_is_the_known_one():
    problem = PROBLEMS["bernoulli", "fE"]
    logits, u = at_one_state(problem.logits, (1, 0, 1))
    v = tf.constant([[[0.3, 0.6, 0.9]]], F64)
    z = bernoulli.conditional_noisy_logits(logits, bernoulli.hard_sample(logits, u), v[0])
    np.testing.assert_allclose(z[0], [0.8292538869, -1.3000401563, 3.0441711772], atol=1e-10)
    found = get("gumbel_rao", samples=1).estimate(problem.objective, logits, {"u": u, "v": v}).gradient[0]
    np.testing.assert_allclose(found, [0.4930596810, -0.4722666998, 0.0132617422], atol=1e-10)


def drawn(support: str, rows: int = 200):
    """(objective, logits, u) of different examples."""
    problem = PROBLEMS[support, "fE"]
    noise = np.random.default_rng(1).normal(size=(rows, *problem.logits.shape))
    logits = tf.constant(problem.logits + noise)
    return problem.objective, logits, uniform(logits.shape, run_seed(2, "gumbel_rao"), F64)


@pytest.mark.parametrize("support", ["bernoulli", "categorical"])
@pytest.mark.parametrize("name", ["gumbel_rao", "reinmax_rao"])
def test_k_draws_are_the_mean_of_single_ones(name, support):
    """So the variance never rises with K, and falls as Var(inf) + (Var(1) - Var(inf)) / K."""
    objective, logits, u = drawn(support)
    v = uniform((3, *logits.shape), run_seed(3, "v"), F64)
    together = get(name, samples=3).estimate(objective, logits, {"u": u, "v": v}).gradient
    single = get(name, samples=1)
    apart = [single.estimate(objective, logits, {"u": u, "v": v[k : k + 1]}).gradient for k in range(3)]
    np.testing.assert_allclose(together, sum(apart) / 3.0, rtol=1e-12, atol=1e-14)
    assert not np.allclose(apart[0], apart[1])


@pytest.mark.parametrize("support", ["bernoulli", "categorical"])
def test_the_variance_falls_with_the_number_of_draws(support):
    """Of 20,000 draws; the differences are tens of standard errors."""
    problem = PROBLEMS[support, "fE"]
    spreads = [
        np.sum(measure(get("gumbel_rao", samples=samples), problem, 20_000).deviation ** 2) for samples in (1, 2, 10)
    ]
    assert spreads[0] > 1.2 * spreads[1] > 1.2**2 * spreads[2]


@pytest.mark.parametrize("support", ["bernoulli", "categorical"])
def test_one_draw_with_the_samples_own_noise_is_straight_through_gumbel_softmax(support):
    """Draw by draw, where v is the uniform at which the conditional z is the free one."""
    objective, logits, u = drawn(support)
    if support == "bernoulli":
        on, theta = u > tf.sigmoid(-logits), tf.sigmoid(logits)
        v = tf.where(on, (u - (1.0 - theta)) / theta, u / (1.0 - theta))
    else:
        rates = tf.nn.softmax(logits)
        exponentials = -tf.math.log(u) / rates  # of the categories; the smallest one is sampled
        least = tf.reduce_min(exponentials, -1, keepdims=True)
        v = tf.exp(-tf.where(exponentials > least, (exponentials - least) * rates, least))
    for temperature in (0.5, 1.0):
        found = get("gumbel_rao", samples=1, temperature=temperature).estimate(
            objective, logits, {"u": u, "v": v[tf.newaxis]}
        )
        expected = get("st_gumbel_softmax", temperature=temperature).estimate(objective, logits, {"u": u})
        np.testing.assert_allclose(found.gradient, expected.gradient, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("temperature", [0.02, 0.005])
def test_cold_and_averaged_it_is_reinmax(temperature):
    """The mean Jacobian given b tends to |b - theta| / 2, with a relative error of 2 log 2 (2 theta - 1) times the
    temperature to first order; the integrand is narrow, so its nodes are equidistant in z."""
    once = at_states(PROBLEMS["bernoulli", "fE"].logits)
    step = 0.02 * temperature
    z = step * (np.arange(-2000, 2000) + 0.5)[:, np.newaxis, np.newaxis]
    on, theta = once.samples.numpy() > 0.5, tf.sigmoid(once.logits).numpy()
    u = tf.sigmoid(z - once.logits).numpy()
    v = np.where(on, (u - (1.0 - theta)) / theta, u / (1.0 - theta))
    same = np.where(on, z > 0.0, z < 0.0)
    weights = same * u * (1.0 - u) / np.where(on, theta, 1.0 - theta) * step
    tiled = lambda x: tf.reshape(tf.broadcast_to(x, z.shape[:1] + once.logits.shape), [-1, 3])  # noqa: E731
    noise = {"u": tiled(once.u), "v": tiled(np.where(same, v, 0.5))[tf.newaxis]}
    estimator = get("gumbel_rao", samples=1, temperature=temperature)
    by_node = estimator.vjp(tiled(once.logits), noise, tf.ones_like(noise["u"]))
    mean = np.sum(weights * np.reshape(by_node, weights.shape), 0)
    expected = get("reinmax").vjp(once.logits, {"u": once.u}, tf.ones_like(once.u))
    first_order = 2.0 * np.log(2.0) * temperature * (2.0 * theta - 1.0) * np.where(on, 1.0, -1.0)
    np.testing.assert_allclose(mean / expected, 1.0 + first_order, atol=2.0 * temperature**2)


class ThroughTheNoise(GumbelRao):
    """The conditional noise taken as a function of the logits, and differentiated."""

    def vjp(self, logits, noise, slope):
        kind = kind_of(logits)
        samples = kind.hard_sample(logits, noise["u"])
        with tf.GradientTape() as tape:
            tape.watch(logits)
            z = kind.conditional_noisy_logits(logits, samples, noise["v"])
            relaxed = kind.relaxed_sample(logits, z, self.temperature, "concrete")
        return tape.gradient(relaxed, logits, tf.broadcast_to(slope, relaxed.shape)) / self.samples


def test_differentiated_through_the_noise_it_has_another_mean():
    """Negative control: the mean is off that of ST-GS by more than a tenth of it."""
    right = {"samples": 1, "temperature": 1.0}
    for support in ("bernoulli", "categorical"):
        problem = PROBLEMS[support, "fE"]
        mean, other = (moments(one, problem)[0] for one in (get("gumbel_rao", **right), ThroughTheNoise(**right)))
        assert np.max(np.abs(other - mean)) > 0.1 * np.max(np.abs(mean))


def test_moments_of_reinmax_rao_are_the_known_ones():
    found, _, many = moments(get("reinmax_rao", samples=1), PROBLEMS["bernoulli", "fE"])
    np.testing.assert_allclose(found, [0.14070076, -0.25735159, 0.23308261], atol=1e-8)
    assert many == pytest.approx(0.03371, abs=6e-6)


@pytest.mark.parametrize(
    ("temperature", "factors"),
    [(0.1, [0.567, 0.568, 0.566]), (0.5, [0.719, 0.759, 0.692]), (1.0, [0.657, 0.754, 0.596])],
)
def test_reinmax_rao_is_biased_for_affine_functions(temperature, factors):
    """Negative control: the gradient has the known fractions of its size; its conformance check sees the bias, too."""
    logits = PROBLEMS["bernoulli", "fE"].logits
    affine = Problem(lambda b: tf.reduce_sum(b * np.array([1.0, -2.0, 0.5]), -1), logits)
    exact = expectation(affine.objective, logits[np.newaxis])[1][0]
    estimator = get("reinmax_rao", samples=1, temperature=temperature)
    np.testing.assert_allclose(moments(estimator, affine)[0] / exact, factors, atol=6e-4)
    if temperature == 1.0:
        assert measure(get("reinmax_rao", samples=10), affine, 20_000).biased


@pytest.mark.parametrize("support", ["bernoulli", "categorical"])
def test_conditional_relaxed_samples_are_those_of_the_conditional_noise(support):
    _, logits, u = drawn(support)
    kind = kind_of(logits)
    samples, v = kind.hard_sample(logits, u), uniform((4, *logits.shape), run_seed(3, "v"), F64)
    z = kind.conditional_noisy_logits(logits, samples, v)
    for temperature in (0.3, 1.0):
        found = kind.conditional_relaxed_sample(logits, samples, v, temperature)
        np.testing.assert_allclose(found, kind.relaxed_sample(logits, z, temperature, "concrete"), rtol=1e-10)


@pytest.mark.parametrize("support", ["bernoulli", "categorical"])
def test_midway_logits_are_those_of_the_mean_of_sample_and_probabilities(support):
    _, logits, u = drawn(support, 5)
    kind = kind_of(logits)
    samples = kind.hard_sample(logits, u)
    expected = (kind.mean(logits) + samples) / 2.0
    np.testing.assert_allclose(kind.mean(midway_logits(logits, samples)), expected, rtol=1e-12)
