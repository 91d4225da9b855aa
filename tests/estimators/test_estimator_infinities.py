"""Masked logits, impossible samples and outliers: no NaN, and the digits of the other samples are kept."""

import numpy as np
import pytest
import tensorflow as tf
from estimator_cases import CASES, SEED

from igr_suite.estimators import get
from igr_suite.estimators.conformance import check, enumerable_problem, measure, perturbed
from igr_suite.estimators.enumeration import expectation, multi_sample_bound
from igr_suite.estimators.reinforce import mean_of_others, sum_of_others
from igr_suite.estimators.vimco import vimco_signals


@pytest.mark.parametrize(("name", "support"), CASES)
def test_masked_values_have_no_gradient(name, support):
    """A category of logit -inf and units of logit +-inf, beside ordinary ones: finite, and 0 where nothing varies."""
    infinite = np.inf
    if support == "bernoulli":
        logits, fixed = np.array([[infinite, 0.4, -infinite]]), np.array([[True, False, True]])
    else:
        logits = np.array([[[0.5, -infinite, -0.3], [0.1, 0.2, -0.4]]])
        fixed = np.isinf(logits)
    objective = enumerable_problem(support).objective
    settings = (
        [{}]
        + [{"coupling": "independent"}] * hasattr(get(name), "coupling")
        + [{"relaxation": "improved"}] * (name in ("relax", "lax"))
    )
    for setting in settings:
        estimator = get(name, **setting)
        parameters = {key: tf.convert_to_tensor(value) for key, value in perturbed(estimator, logits.shape).items()}
        with tf.GradientTape() as tape:
            tape.watch(parameters)
            estimate = estimator.estimate(
                objective, logits, estimator.noise(logits.shape, SEED, tf.float64), parameters
            )
            trained = tf.reduce_mean(tf.square(estimate.gradient)) if estimate.loss is None else estimate.loss
        gradient = estimate.gradient.numpy()
        assert np.isfinite(gradient).all(), setting
        np.testing.assert_array_equal(gradient[fixed], 0.0)
        assert np.any(gradient[~fixed] != 0.0) or name in (
            "arm",
            "disarm",
            "double_cv",
            "arms",
            "bitflip",
            "rloo",
            "local_disarm",
            "ugc",
            "vimco",
        )
        for key, slope in tape.gradient(trained, parameters, unconnected_gradients="zero").items():
            assert np.isfinite(slope).all(), (key, setting)


@pytest.mark.parametrize("name", ["rebar", "relax", "lax", "rloo", "concrete"])
def test_a_masked_category_is_one_category_less(name):
    """The mean is the enumerated gradient, 0 for the masked category; 100,000 draws, 5 standard errors (concrete:
    biased)."""
    logits = np.array([[0.7, -np.inf, 0.2], [-0.4, 0.3, 0.9]])
    found = measure(get(name), enumerable_problem("categorical")._replace(logits=logits))
    assert np.isfinite(found.exact).all() and found.exact[1] == 0.0 and found.mean[1] == 0.0
    assert found.unbiased == (name != "concrete")


def test_enumeration_of_masked_states():
    """A masked category's states count nothing even where the objective is infinite; the rest is the smaller
    problem."""
    generator = np.random.default_rng(0)
    values = generator.normal(size=3)

    def objective(b):
        return tf.reduce_sum(
            tf.math.multiply_no_nan(tf.constant([[values[0], -np.inf, values[2]]], tf.float64), b), [-2, -1]
        )

    logits = np.array([[[0.4, -np.inf, -0.2]]])
    value, gradient = expectation(objective, logits)
    theta = np.exp([0.4, -0.2]) / np.exp([0.4, -0.2]).sum()
    mean = theta @ values[[0, 2]]
    np.testing.assert_allclose(value, [mean], rtol=1e-12)
    np.testing.assert_allclose(
        gradient, [[[theta[0] * (values[0] - mean), 0.0, theta[1] * (values[2] - mean)]]], rtol=1e-12
    )
    bound, slope = multi_sample_bound(objective, logits, 2)
    assert np.isfinite(bound).all() and np.isfinite(slope).all() and slope[0, 0, 1] == 0.0


def test_enumeration_of_units_that_are_fixed():
    objective = lambda b: tf.square(tf.reduce_sum(b * tf.constant([1.0, 2.0, 4.0], b.dtype), -1))  # noqa: E731
    value, gradient = expectation(objective, np.array([[np.inf, 0.3, -np.inf]]))
    theta = 1 / (1 + np.exp(-0.3))
    np.testing.assert_allclose(value, [theta * 9.0 + (1 - theta)], rtol=1e-12)
    np.testing.assert_allclose(gradient, [[0.0, theta * (1 - theta) * 8.0, 0.0]], rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [2, 3, 10])
def test_the_mean_of_others_keeps_digits_beside_an_outlier(count, dtype):
    """1e8 beside values of order 1, in float32 and float64: sums in extended precision; ordinary values bit for bit."""
    generator = np.random.default_rng(count)
    values = generator.normal(size=(count, 6)).astype(dtype)
    for row, outlier in ((0, 1e8), (count - 1, -1e8), (count // 2, 3e30)):
        values[row, row % 6] = outlier
    exact = np.array(
        [[np.delete(values[:, j].astype(np.longdouble), k).sum() / (count - 1) for j in range(6)] for k in range(count)]
    )
    for compute in (mean_of_others, tf.function(mean_of_others, jit_compile=True)):
        tolerance = 40 * np.finfo(dtype).eps
        scale = np.array([[np.abs(np.delete(values[:, j], k)).sum() for j in range(6)] for k in range(count)])
        assert np.all(np.abs(compute(values) - exact) <= tolerance * scale)
    ordinary = tf.constant(-90.0 + generator.normal(size=(count, 6)), dtype)
    plain = (tf.reduce_sum(ordinary, 0, keepdims=True) - ordinary) / (count - 1)
    if count > 2:
        np.testing.assert_array_equal(mean_of_others(ordinary), plain)


def test_the_sum_of_others_beside_infinities():
    infinite = np.inf
    columns = tf.constant(
        [[-infinite, 1.0, 2.0], [-infinite, -infinite, 2.0], [1.0, infinite, 2.0], [infinite, -infinite, 2.0]]
    )
    expected = [
        [3.0, -infinite, -infinite],
        [-infinite, -infinite, -infinite],
        [infinite, 3.0, infinite],
        [-infinite, infinite, np.nan],
    ]
    np.testing.assert_array_equal(tf.transpose(sum_of_others(tf.transpose(columns))), expected)
    np.testing.assert_array_equal(sum_of_others(tf.constant([np.nan, 1.0, 2.0])), [3.0, np.nan, np.nan])


def test_vimco_beside_samples_without_weight():
    """Signals of log-weights with -inf and with an outlier are those of numpy with the sample deleted."""
    for weights in (
        [0.3, -np.inf, -1.2, 0.8],
        [1e8, 1.0, 2.0, -3.0],
        [-np.inf, -np.inf, -1.0, 0.5],
        [-1e8, 0.1, 0.2, 0.4],
    ):
        weights = np.array(weights)
        expected = []
        for k in range(4):
            replaced = weights.copy()
            replaced[k] = np.delete(weights, k).mean()
            expected.append(log_mean_exp(weights) - log_mean_exp(replaced))
        for dtype in (tf.float32, tf.float64):
            signals = vimco_signals(tf.constant(weights[:, np.newaxis], dtype))[:, 0]
            np.testing.assert_allclose(signals, np.array(expected), rtol=1e-5 if dtype == tf.float32 else 1e-12)
    np.testing.assert_array_equal(vimco_signals(tf.fill([3, 1], -np.inf)), np.zeros((3, 1)))


def log_mean_exp(values):
    top = values.max()
    return top + np.log(np.mean(np.exp(values - top)))


@pytest.mark.parametrize("name", ["vimco", "local_disarm"])
def test_bounds_with_impossible_samples(name):
    """Where b_0 = 1 is impossible (f = -inf) nothing is NaN, neither in 20,000 draws nor for pairs that differ in b_0
    alone."""
    objective = lambda b: tf.where(b[..., 0] > 0.5, tf.constant(-np.inf, b.dtype), 0.7 * b[..., 1])  # noqa: E731
    logits = tf.broadcast_to(tf.constant([[-30.0, 0.4]], tf.float64), [20_000, 2])
    estimator = get(name, samples=3)
    gradient = estimator.estimate(objective, logits, estimator.noise(logits.shape, SEED, tf.float64)).gradient.numpy()
    assert not np.isnan(gradient).any()
    mixed = tf.constant([[0.0, 0.4]], tf.float64)
    # the first sample is impossible, its mirror image is not
    u = tf.constant([[[0.9, 0.3]], [[0.2, 0.8]], [[0.3, 0.6]]], tf.float64)
    assert not np.isnan(estimator.estimate(objective, mixed, {"u": u}).gradient).any()


def test_outliers_in_rloo_and_double_cv():
    """f = 1e8 at one sample of three, 1 and 2 at the others, in float32: the others' mean keeps its digits."""
    logits = tf.constant([[0.2]])
    u = tf.constant([[[0.9]], [[0.1]], [[0.2]]])
    values = tf.constant([[1e8], [1.0], [2.0]])
    for name in ("rloo", "double_cv"):
        estimate = get(name, samples=3).estimate(lambda b: values + 0.0 * tf.reduce_sum(b, -1), logits, {"u": u})
        others = np.array([1.5, (1e8 + 2) / 2, (1e8 + 1) / 2])
        score = estimate.samples[:, 0, 0].numpy() - 1 / (1 + np.exp(-0.2))
        expected = np.mean((np.array([1e8, 1.0, 2.0]) - others) * score)
        np.testing.assert_allclose(estimate.signal, [[expected]], rtol=1e-6)


def test_logits_that_are_masked_keep_estimators_unbiased():
    """What the facts say about bias holds beside a unit that is fixed; 100,000 draws."""
    problem = enumerable_problem("bernoulli")._replace(logits=np.array([0.7, -np.inf, 0.2]))
    for name in ("disarm", "rebar", "relax"):
        check(get(name), problem)
