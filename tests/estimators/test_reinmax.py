"""ReinMax: exact means and variances from all states, the class of functions for which it is exact, and ZGR's form."""

import numpy as np
import pytest
import tensorflow as tf
from oracle_problems import PROBLEMS, at_one_state, at_states, moments_by_state

from igr_suite.discrete.routes import estimate
from igr_suite.estimators import get
from igr_suite.estimators.conformance import Problem, measure
from igr_suite.estimators.distributions import bernoulli
from igr_suite.estimators.enumeration import expectation
from igr_suite.estimators.straight_through import value_and_slope
from igr_suite.estimators.variables import kind_of

MEANS = [
    ("bernoulli", "fE", 1.0, [0.2069490899, -0.3074825606, 0.3855103692], 0.0657173),
    ("bernoulli", "fE", 1.3, [0.2224747417, -0.3703315803, 0.3906025980], None),
    ("bernoulli", "fQ", 1.0, [-0.0694464426, 0.4011850424, 0.0281848262], 2.8871657),
    (
        "categorical",
        "fE",
        1.0,
        [[0.2658687177, -0.0350281829, -0.2308405348], [-0.2001328025, -0.1015729620, 0.3017057645]],
        None,
    ),
    (
        "categorical",
        "fQ",
        1.0,
        [[-0.2902559993, -0.0083807170, 0.2986367162], [0.4884444299, -0.3320110700, -0.1564333599]],
        None,
    ),
]


@pytest.mark.parametrize(("support", "function", "temperature", "mean", "variance"), MEANS)
def test_moments_are_the_known_ones(support, function, temperature, mean, variance):
    found, spread = moments_by_state(get("reinmax", temperature=temperature), PROBLEMS[support, function])
    np.testing.assert_allclose(found, mean, atol=1e-10)
    if variance is not None:
        assert spread == pytest.approx(variance, abs=6e-8)


@pytest.mark.parametrize(
    ("support", "classes", "gradient"),
    [
        ("bernoulli", (1, 0, 1), [0.3043793755, -0.4581848812, 0.6607170454]),
        (
            "categorical",
            (0, 2),
            [[0.4123436808, -0.0633990110, -0.3489446698], [-0.3050570566, -0.2047698245, 0.5098268811]],
        ),
    ],
)
def test_one_draw_is_the_known_one(support, classes, gradient):
    problem = PROBLEMS[support, "fE"]
    logits, u = at_one_state(problem.logits, classes)
    np.testing.assert_allclose(
        get("reinmax").estimate(problem.objective, logits, {"u": u}).gradient[0], gradient, atol=1e-10
    )


@pytest.mark.parametrize("support", ["bernoulli", "categorical"])
def test_it_is_exact_for_functions_that_are_quadratic_along_each_edge(support):
    """Not only for jointly quadratic ones: b_1^2 b_2^2 counts, too; at other temperatures not even for affine ones."""
    problem = PROBLEMS[support, "fQ"]
    weights = np.linspace(-1.5, 2.0, problem.logits.size).reshape(problem.logits.shape)
    axes = list(range(-problem.logits.ndim, 0))

    def products(b):
        first, second = (tf.gather(b * weights, [i], axis=axes[0]) for i in (0, 1))
        return tf.square(tf.reduce_sum(first, axes)) * tf.square(tf.reduce_sum(second, axes))

    def affine(b):
        return tf.reduce_sum(b * weights, axes)

    for objective in (problem.objective, products, affine):
        exact = expectation(objective, problem.logits[np.newaxis])[1][0]
        found, _ = moments_by_state(get("reinmax"), Problem(objective, problem.logits))
        np.testing.assert_allclose(found, exact, atol=1e-13)
        warm, _ = moments_by_state(get("reinmax", temperature=1.3), Problem(objective, problem.logits))
        assert np.max(np.abs(warm - exact)) > 0.01 * np.max(np.abs(exact))


def test_draws_show_the_bias_of_a_raised_temperature_for_an_affine_function():
    """Negative control of the conformance check: 100,000 draws, |z| > 8; at temperature 1 none shows."""
    problem = Problem(lambda b: tf.reduce_sum(b * np.array([1.0, -2.0, 0.5]), -1), PROBLEMS["bernoulli", "fE"].logits)
    assert measure(get("reinmax", temperature=1.3), problem).biased
    assert measure(get("reinmax"), problem).unbiased


def test_the_bias_for_exponentials_is_the_known_factor():
    """Each coordinate is too large by (c / 2) coth(c / 2), where f has the factor exp(c b)."""
    problem = PROBLEMS["bernoulli", "fE"]
    exact = expectation(problem.objective, problem.logits[np.newaxis])[1][0]
    halves = np.array([0.5, -1.0, 0.8]) / 2.0
    np.testing.assert_allclose(
        moments_by_state(get("reinmax"), problem)[0] / exact, halves / np.tanh(halves), rtol=1e-12
    )


@pytest.mark.parametrize("support", ["bernoulli", "categorical"])
def test_at_temperature_one_every_draw_is_zgr(support):
    """Half of straight-through and half of DARN: 1/2 [J_theta(g) + (g . (b - theta)) (b - theta)]."""
    problem = PROBLEMS[support, "fE"]
    batch = at_states(problem.logits)
    kind = kind_of(batch.logits)
    _, slope = value_and_slope(lambda b, above: problem.objective(b), batch.samples)
    score = kind.score(batch.logits, batch.samples)
    along = slope * score if kind is bernoulli else tf.reduce_sum(slope * score, -1, keepdims=True)
    zgr = 0.5 * (kind.times_jacobian(kind.mean(batch.logits), slope) + along * score)
    found = get("reinmax").estimate(problem.objective, batch.logits, {"u": batch.u}).gradient
    np.testing.assert_allclose(found, zgr, atol=1e-14)
    if support == "bernoulli":
        np.testing.assert_allclose(found, 0.5 * tf.abs(score) * slope, atol=1e-14)


class TwoLayers:
    """A chain of 2 + 2 Bernoulli units whose F is a random quadratic form of all four; see `discrete.chain.Chain`."""

    holds_log_q = False

    def __init__(self, rows: int):
        generator = np.random.default_rng(4)
        self.form, self.weights = (tf.constant(generator.normal(size=size)) for size in ((4, 4), (2, 2)))
        self.first = tf.constant(np.tile([0.4, -0.7], (rows, 1)))
        self.kinds = [bernoulli, bernoulli]

    def logits(self, layer, below):
        return self.first if below is None else tf.linalg.matmul(below, self.weights) + 0.3

    def term(self, layer, values, below, logits):
        if layer == 0:
            return tf.zeros_like(values[..., 0])
        both = tf.concat([below, values], -1)
        return tf.reduce_sum(both * tf.linalg.matmul(both, self.form), -1)


def test_in_a_chain_it_is_exact_for_the_top_layer_alone():
    """Below a layer, the slope that comes back is not that of a quadratic function; all 16 states are enumerated."""
    four = at_states(np.zeros(4))
    chain = TwoLayers(16)
    lower, upper = tf.split(four.samples, 2, -1)
    noise = [{"u": u} for u in tf.split(four.u, 2, -1)]
    with tf.GradientTape() as tape:
        tape.watch([chain.first, chain.weights])
        above = chain.logits(1, lower)
        log_q = sum(
            tf.reduce_sum(bernoulli.log_probability(logits, values), -1)
            for logits, values in ((chain.first, lower), (above, upper))
        )
        value = tf.reduce_sum(tf.exp(log_q) * chain.term(1, upper, lower, above))
    by_first, by_weights = tape.gradient(value, [chain.first, chain.weights])
    probabilities = tf.exp(log_q)[:, tf.newaxis]
    for name, least_top in (("reinmax", 0.0), ("straight_through", 1e-2)):
        found = estimate(chain, get(name), noise, [{}, {}])
        bottom, top = (probabilities * cotangent for cotangent in found.cotangents)
        top_error = np.max(np.abs(tf.linalg.matmul(lower, top, transpose_a=True) - by_weights))
        bottom_error = np.max(np.abs(tf.reduce_sum(bottom, 0) - tf.reduce_sum(by_first, 0)))
        assert bottom_error > 1e-3
        assert top_error > least_top if least_top else top_error < 1e-13
