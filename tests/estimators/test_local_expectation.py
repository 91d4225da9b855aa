"""Local expectation gradients: exact moments, what they are without variance for, and how neighbours are evaluated."""

import numpy as np
import pytest
import tensorflow as tf
from exact_moments import EXACT, FUNCTIONS, LOGITS, PROBLEMS, gradients_at, moments

from igr_suite.errors import UserError
from igr_suite.estimators import get
from igr_suite.estimators.enumeration import expectation
from igr_suite.estimators.neighbours import Neighbours
from igr_suite.randomness import run_seed, uniform

VARIANCES = {("B3", "fQ"): 1.1266847, ("B3", "fE"): 0.0461267, ("C23", "fQ"): 2.332296, ("C23", "fE"): 0.027853}
SEED = run_seed(2, "neighbours")


@pytest.mark.parametrize("problem", PROBLEMS, ids="-".join)
def test_the_moments_are_exact(problem):
    mean, variance = moments(get("local_expectation"), problem)
    np.testing.assert_allclose(mean, EXACT[problem], atol=1e-9)
    assert variance.sum() == pytest.approx(VARIANCES[problem], rel=1e-6, abs=5e-7)


@pytest.mark.parametrize("problem", PROBLEMS, ids="-".join)
def test_the_variance_is_never_above_that_of_reinforce_with_a_constant_baseline(problem):
    """Entry by entry, for baselines around the best one."""
    _, variance = moments(get("local_expectation"), problem)
    level = float(expectation(FUNCTIONS[problem], LOGITS[problem[0]][np.newaxis])[0][0])
    for baseline in (0.0, 0.5 * level, level, 2.0 * level):
        _, plain = moments(get("reinforce", baseline=baseline), problem)
        assert np.all(variance <= plain + 1e-12)


def test_a_draw():
    np.testing.assert_allclose(
        gradients_at(get("local_expectation"), ("B3", "fE"), np.array([[1.0, 0.0, 1.0]]))[0],
        [0.3200992333, -0.4345927925, 0.5001258972],
        atol=1e-9,
    )


@pytest.mark.parametrize("support", ["bernoulli", "categorical"])
def test_it_is_exact_for_sums_over_variables(support):
    """Every draw is the enumerated gradient, whatever the function of each variable is."""
    logits = tf.constant(LOGITS["B3" if support == "bernoulli" else "C23"])[tf.newaxis]
    generator = np.random.default_rng(0)
    weights = tf.constant(generator.normal(size=logits.shape[1:]))
    axes = list(range(1 - logits.shape.rank, 0))
    objective = lambda b: tf.reduce_sum(weights * tf.exp(b) + tf.sin(3.0 * b), axes)  # noqa: E731
    exact = expectation(objective, logits)[1].numpy()
    many = tf.repeat(logits, 30, 0)
    estimator = get("local_expectation")
    gradient = estimator.estimate(objective, many, estimator.noise(many.shape, SEED, tf.float64)).gradient.numpy()
    np.testing.assert_allclose(gradient, np.repeat(exact, 30, 0), atol=1e-12)


def test_two_categories_are_a_bernoulli_variable():
    """At equal samples, the gradients with respect to (l0, l1) are (-g, g)."""
    problem = ("B3", "fE")
    logits = tf.constant(np.random.default_rng(1).normal(size=(20, 3)))
    u = uniform(logits.shape, SEED, tf.float64)
    one = get("local_expectation").estimate(FUNCTIONS[problem], logits, {"u": u})
    shares = tf.stack([1.0 - one.samples, one.samples], -1)
    pairs = tf.stack([0.3 * logits, 1.3 * logits], -1)
    noise = {"u": tf.where(shares > 0.5, tf.constant(1.0 - 1e-12, tf.float64), 1e-12)}
    both = get("local_expectation").estimate(lambda b: FUNCTIONS[problem](b[..., 1]), pairs, noise)
    np.testing.assert_array_equal(both.samples[..., 1], one.samples)
    np.testing.assert_allclose(both.gradient[..., 1], one.gradient, atol=1e-13)
    np.testing.assert_allclose(both.gradient[..., 0], -one.gradient, atol=1e-13)


@pytest.mark.parametrize("shape", [(2, 7), (2, 4, 3)])
def test_chunks_bound_what_is_evaluated_at_a_time_and_change_nothing(shape):
    """Seven variables, or four of three categories; 1 to all of their neighbours at a time."""
    logits = tf.constant(np.random.default_rng(0).normal(size=shape))
    axes = list(range(1 - logits.shape.rank, 0))
    weights = tf.constant(np.random.default_rng(1).normal(size=shape[1:]))
    largest = []

    def objective(b):
        largest.append(b.shape.num_elements() // logits.shape.num_elements())
        return tf.sin(tf.reduce_sum(weights * b, axes))

    expected, neighbours = None, 7 if len(shape) == 2 else 8
    for chunk in (1, 2, 3, 4, neighbours, 100):
        estimator = get("local_expectation", chunk=chunk)
        largest.clear()
        gradient = estimator.estimate(objective, logits, estimator.noise(shape, SEED, tf.float64)).gradient
        assert sum(largest) == neighbours + 1
        assert max(largest) <= max(chunk, len(shape) - 1)  # a variable's categories are evaluated together
        expected = gradient if expected is None else expected
        np.testing.assert_allclose(gradient, expected, atol=1e-14)
    traced = tf.function(
        lambda logits, u: get("local_expectation", chunk=3).estimate(objective, logits, {"u": u}).gradient,
        jit_compile=True,
        autograph=False,
    )
    np.testing.assert_allclose(traced(logits, uniform(shape, SEED, tf.float64)), expected, atol=1e-14)


@pytest.mark.parametrize("shape", [(3, 5), (3, 4, 3)])
def test_the_affine_image_of_neighbours_is_that_of_their_values(shape):
    """Rank-one changes of one product, and sums with one changed term; 1e-12."""
    generator = np.random.default_rng(4)
    logits = tf.constant(generator.normal(size=shape))
    kind_samples = (
        get("local_expectation")
        .estimate(
            lambda b: tf.zeros(b.shape[: b.shape.rank - len(shape) + 1], b.dtype),
            logits,
            {"u": uniform(shape, SEED, tf.float64)},
        )
        .samples
    )
    neighbours = Neighbours(kind_samples, tf.constant([3, 0, 2]))
    values = neighbours.values()
    flat = tf.reshape(values, (*values.shape[:3], -1))
    kernel, bias = tf.constant(generator.normal(size=(flat.shape[-1], 6))), tf.constant(generator.normal(size=6))
    for scale, offset in ((1.0, 0.0), (2.0, -1.0)):
        expected = tf.tensordot(scale * flat + offset, kernel, 1) + bias
        np.testing.assert_allclose(neighbours.affine(kernel, bias, scale, offset), expected, atol=1e-12)
    by_variable = (lambda b: b * logits) if len(shape) == 2 else (lambda b: tf.reduce_sum(b * logits, -1))
    np.testing.assert_allclose(neighbours.sums(by_variable), tf.reduce_sum(by_variable(values), -1), atol=1e-12)


def test_an_objective_answers_for_its_neighbours_itself():
    """Its own method takes the place of evaluations at their values; the estimate is the same."""
    logits = tf.constant(LOGITS["B3"])[tf.newaxis]
    kernel, bias = tf.constant([[0.5], [-1.0], [0.8]], tf.float64), tf.zeros([1], tf.float64)

    class Exponential:
        evaluated = 0

        def __call__(self, b):
            self.evaluated += int(tf.size(b)) // 3
            return FUNCTIONS["B3", "fE"](b)

        def at_neighbours(self, neighbours):
            return tf.exp(neighbours.affine(kernel, bias))[..., 0]

    objective, estimator = Exponential(), get("local_expectation")
    noise = estimator.noise(logits.shape, SEED, tf.float64)
    expected = estimator.estimate(FUNCTIONS["B3", "fE"], logits, noise).gradient
    np.testing.assert_allclose(estimator.estimate(objective, logits, noise).gradient, expected, atol=1e-14)
    assert objective.evaluated == 1


@pytest.mark.parametrize("outside", [np.inf, np.nan])
def test_impossible_values_do_not_count(outside):
    """f is infinite, or not a number, where a masked category or a fixed unit would have another value."""
    estimator = get("local_expectation")
    for logits, impossible in (
        (np.array([[np.inf, 0.4]]), lambda b: b[..., 0] < 0.5),
        (np.array([[[0.5, -np.inf, -0.3]]]), lambda b: b[..., 0, 1] > 0.5),
    ):

        def objective(b, impossible=impossible):
            last = b[..., -1] if b.shape[-1] == 2 else b[..., 0, -1]
            return tf.where(impossible(b), tf.constant(outside, b.dtype), last)

        noise = estimator.noise(logits.shape, SEED, tf.float64)
        exact = expectation(objective, logits)[1]
        np.testing.assert_allclose(estimator.estimate(objective, logits, noise).gradient, exact, atol=1e-12)


def test_a_chunk_without_evaluations_is_refused():
    with pytest.raises(UserError, match="local_expectation needs at least 1 evaluation in a chunk, got 0"):
        get("local_expectation", chunk=0)
