"""CARMS, DisARM-SB and DisARM-Tree: exact moments, gradients of single draws, identities, and what must fail.

With two samples a decision's pair takes three states, so that means and variances are sums; all else is compared in
draws at the stated error rates.
"""

from dataclasses import dataclass

import numpy as np
import pytest
import tensorflow as tf
from small_codes import GRADIENTS, LOGITS, OBJECTIVES, VALUES, as_exponentials, exponential, moments

from igr_suite.estimators import get
from igr_suite.estimators.carms import CARMS, pair_weights, weighted_pairs
from igr_suite.estimators.conformance import Problem, check, measure
from igr_suite.estimators.distributions.sticks import Sticks
from igr_suite.estimators.distributions.tree import Tree
from igr_suite.estimators.enumeration import expectation
from igr_suite.estimators.rloo import leave_one_out
from igr_suite.randomness import run_seed, uniform

SEED = run_seed(11, "walks")
F64 = tf.float64
SWEEP = pytest.mark.sweep
# Sums of variances of two evaluations; the last row is DisARM-IW.
VARIANCES = {
    ("disarm_sb", "ascending"): {"exponential": 0.576339, "quadratic": 4.7100},
    ("disarm_sb", "descending"): {"exponential": 0.685481, "quadratic": 3.0834},
    ("disarm_sb", "unsorted"): {"exponential": 0.616890, "quadratic": 4.5609},
    ("carms", None): {"exponential": 0.568454, "quadratic": 4.5055},
}
PAIRS = [*(pair for pair in VARIANCES if pair[0] == "disarm_sb"), ("disarm_tree", None)]


def pair_estimator(name, order=None):
    return get(name, **({"samples": 2} if name == "carms" else {}), **({"order": order} if order else {}))


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize(("name", "order"), [*VARIANCES, ("disarm_tree", None)])
def test_mean_and_variance_of_a_pair_are_exact(name, order, objective):
    mean, variance = moments(pair_estimator(name, order), OBJECTIVES[objective], LOGITS)
    np.testing.assert_allclose(mean, GRADIENTS[objective], atol=1e-9)
    value, exact = expectation(OBJECTIVES[objective], tf.constant(LOGITS[None]))
    assert float(value[0]) == pytest.approx(VALUES[objective], abs=1e-9)
    np.testing.assert_allclose(mean, exact[0], atol=1e-14)
    if (name, order) in VARIANCES:
        assert variance == pytest.approx(VARIANCES[name, order][objective], abs=6e-5)


@pytest.mark.parametrize("categories", [4, 5])
@pytest.mark.parametrize(("name", "order"), [*VARIANCES, ("disarm_tree", None)])
def test_the_mean_is_exact_for_other_numbers_of_categories(name, order, categories):
    """Four categories, a full tree, of two variables; five of one, where the tree's leaves have two depths."""
    rng = np.random.default_rng(categories)
    logits = rng.normal(size=(2 if categories == 4 else 1, categories))
    table = tf.constant(rng.normal(size=(*logits.shape, 3)))
    objective = lambda b: tf.reduce_prod(1.0 + tf.tensordot(b, table, 2), -1)  # noqa: E731
    mean, _ = moments(pair_estimator(name, order), objective, logits)
    np.testing.assert_allclose(mean, expectation(objective, tf.constant(logits[None]))[1][0], atol=1e-13)


DRAWS = {
    "crossing": (
        [[0.05, 0.3], [0.1, 0.7]],
        [[1, 0], [0, 1]],
        [[0.580674273, -0.580674273, 0.0], [-0.544593265, 0.544593265, 0.0]],
        [[0.6032310601, -0.5806742730, -0.0225567871], [-0.5445932650, 0.6064649914, -0.0618717264]],
    ),
    "ending": (
        [[0.5, 0.3], [0.9, 0.35]],
        [[2, 1], [0, 0]],
        [[-0.0541892599, 0.0, 0.0541892599], [-0.0732464749, 0.0732464749, 0.0]],
        [[-0.0536155729, 0.0, 0.0536155729], [-0.0732464749, 0.0815680722, -0.0083215973]],
    ),
}


@pytest.mark.parametrize("case", DRAWS)
def test_gradients_of_single_draws(case):
    """Sticks u and 1 - u, in ascending order of the categories: both estimators, and the categories drawn."""
    u, drawn, importance, sticks = (np.array(part) for part in DRAWS[case])
    carms = get("carms", samples=2).estimate(exponential, LOGITS[None], {"u": as_exponentials(u[None])})
    np.testing.assert_array_equal(np.argmax(carms.samples[:, 0], -1), drawn)
    np.testing.assert_allclose(carms.gradient[0], importance, atol=1e-9)
    pair = get("disarm_sb").estimate(exponential, LOGITS[None], {"u": u[None]})
    np.testing.assert_array_equal(np.argmax(pair.samples[:, 0], -1), drawn[::-1])
    np.testing.assert_allclose(pair.gradient[0], sticks, atol=1e-9)


def batch_of(categories: int, batch: int = 200, variables: int = 3) -> np.ndarray:
    return np.random.default_rng(categories).normal(size=(batch, variables, categories)) * 1.5


def weights_of(values: tf.Tensor):
    """A neither linear nor symmetric objective of any number of categories."""
    table = tf.constant(np.random.default_rng(2).normal(size=(*values.shape[-2:], 2)))
    return lambda b: tf.reduce_prod(1.0 + tf.tensordot(b, table, 2), -1)


def test_two_samples_are_importance_weighted_disarm():
    """1/2 (f - f') theta theta' / P(z, z') (b - b') with P as the product over sticks, written out per draw."""
    logits = batch_of(5)
    estimator = get("carms", samples=2)
    estimate = estimator.estimate(weights_of(logits), logits, estimator.noise(logits.shape, SEED, F64))
    b, values = estimate.samples.numpy(), weights_of(logits)(estimate.samples).numpy()
    theta = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    expected = np.zeros(logits.shape)
    for example, variable in np.ndindex(logits.shape[:2]):
        order = np.argsort(theta[example, variable])
        p = theta[example, variable][order]
        p = p / np.cumsum(p[::-1])[::-1]
        places = [int(np.argmax(b[k, example, variable][order])) for k in (0, 1)]
        if places[0] == places[1]:
            continue
        last = min(places)
        joint = np.prod(1 - 2 * p[:last]) * p[last]
        for i in range(last + 1, max(places) + (max(places) < len(p) - 1)):
            joint *= p[i] if i == max(places) else 1 - p[i]
        chances = [theta[example, variable][order][place] for place in places]
        difference = b[0, example, variable] - b[1, example, variable]
        weight = np.prod(chances) / joint
        expected[example, variable] = 0.5 * weight * (values[0, example] - values[1, example]) * difference
    np.testing.assert_allclose(estimate.gradient, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("samples", [2, 3, 5])
def test_two_categories_are_arms(samples):
    """With the same exponentials, where the first category is the rarer one; gradients (-g, g) of (l0, l1)."""
    difference = np.abs(batch_of(2)[..., 0])
    logits = np.stack([0.4 * difference, 1.4 * difference], -1)
    objective = lambda b: tf.exp(tf.reduce_sum(b * [0.5, -1.0, 0.8], -1))  # noqa: E731
    noise = get("arms", samples=samples).noise(difference.shape, SEED, F64)["u"]
    arms = get("arms", samples=samples).estimate(objective, difference, {"u": noise})
    carms = get("carms", samples=samples)
    estimate = carms.estimate(lambda b: objective(b[..., 1]), logits, {"u": noise[..., None]})
    np.testing.assert_array_equal(estimate.samples[..., 1], arms.samples)
    np.testing.assert_allclose(estimate.gradient[..., 1], arms.gradient, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(estimate.gradient[..., 0], -arms.gradient, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", ["disarm_sb", "disarm_tree"])
def test_two_categories_are_disarm(name):
    """With the same uniforms: the tree turns right to the second category, the first stick is the first one."""
    first = batch_of(2)[..., 0]
    logits = np.stack([first, 0.3 * first], -1)
    objective = lambda b: tf.exp(tf.reduce_sum(b * [0.5, -1.0, 0.8], -1))  # noqa: E731
    noise = uniform(first.shape, SEED, F64)
    settings = {"order": "unsorted"} if name == "disarm_sb" else {}
    estimate = get(name, **settings).estimate(lambda b: objective(b[..., 1]), logits, {"u": noise[..., None]})
    u = 1.0 - noise if name == "disarm_sb" else noise
    disarm = get("disarm").estimate(objective, logits[..., 1] - logits[..., 0], {"u": u})
    np.testing.assert_array_equal(estimate.samples[..., 1], disarm.samples)
    np.testing.assert_allclose(estimate.gradient[..., 1], disarm.gradient, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(estimate.gradient[..., 0], -disarm.gradient, rtol=1e-11, atol=1e-13)


def test_weights_of_one_are_rloo():
    """Independent samples have W = 1; a score's mean cancels from the differences."""
    logits = batch_of(4)
    rloo = get("rloo", samples=4)
    samples = rloo.estimate(weights_of(logits), logits, rloo.noise(logits.shape, SEED, F64)).samples
    values = weights_of(logits)(samples)
    weights = tf.ones([4, 4, *logits.shape[:2]], F64)
    expected = leave_one_out(values, samples - tf.nn.softmax(logits))
    np.testing.assert_allclose(weighted_pairs(values, samples, weights), expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("samples", [3, pytest.param(4, marks=SWEEP), 6])
def test_pairs_have_the_joint_probabilities_of_their_weights(samples):
    """theta theta' / W for every two different categories, against frequencies of 100,000 draws, 5 standard errors; and
    the marginal ones."""
    logits = np.array([[0.9, -1.0, 0.3, -0.2]])
    batch = np.broadcast_to(logits, (100_000, 1, 4))
    sticks = Sticks(tf.constant(batch))
    estimator = get("carms", samples=samples)
    u = estimator.noise(batch.shape, SEED, F64)["u"]
    estimate = estimator.estimate(lambda b: b[..., 0, 0], batch, {"u": u})
    b = estimate.samples.numpy()[:, :, 0]
    joint = np.einsum("bi,bj->ij", b[0], b[1]) / len(batch)
    joint = (joint + joint.T) / 2
    theta = (np.exp(logits) / np.exp(logits).sum())[0]
    turns = sticks.turns[0, 0].numpy().astype(int)
    for i, j in ((0, 1), (1, 2), (2, 3), (0, 3)):
        bits = np.zeros((samples, 1, 1, 3))
        for k, category in enumerate((i, j)):
            bits[k, 0, 0, turns[category] : turns[category] + 1] = 1.0
        weight = pair_weights(Sticks(tf.constant(logits[None])), tf.constant(bits))[0, 1, 0, 0]
        stated = theta[i] * theta[j] / weight
        assert abs(joint[i, j] - stated) < 5 * np.sqrt(stated / 2 / len(batch)), (i, j)
    assert np.all(np.abs(b.mean((0, 1)) - theta) < 5 * np.sqrt(theta * (1 - theta) / len(batch)))


@pytest.mark.parametrize(("samples", "expected"), [(3, 0.223), (4, 0.140), pytest.param(6, 0.078, marks=SWEEP)])
def test_variances_of_more_samples(samples, expected):
    """100,000 draws, 3%; RLOO has .340, .213 and .120."""
    variance = np.sum(measure(get("carms", samples=samples), Problem(exponential, LOGITS)).deviation ** 2)
    assert variance == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("samples", [2, 4])
def test_weights_are_bounded(samples):
    """At most 2 (C - 1) / C, and finite where the last stick's factor is not, p = 1/2."""
    for logits in (np.zeros((1, 1, 8)), batch_of(8)):
        sticks = Sticks(tf.constant(logits))
        bits = tf.constant(np.random.default_rng(0).integers(0, 2, (samples, *sticks.logits.shape)), F64)
        weights = pair_weights(sticks, bits).numpy()
        assert np.isfinite(weights).all() and weights.max() <= 2 * 7 / 8 + 1e-12
        assert np.all(weights == np.swapaxes(weights, 0, 1))


@dataclass(frozen=True, kw_only=True)
class Descending(CARMS):
    """Negative control: the weights need ascending order."""

    def decisions(self, logits):
        return Sticks(logits, "descending")


@pytest.mark.parametrize(("objective", "bias"), [("exponential", 0.0368), ("quadratic", 0.197)])
def test_descending_order_is_biased(objective, bias):
    """By enumeration, and found by the conformance check, which CARMS itself passes."""
    mean, _ = moments(Descending(samples=2), OBJECTIVES[objective], LOGITS)
    assert np.max(np.abs(mean - GRADIENTS[objective])) == pytest.approx(bias, rel=0.01)
    problem = Problem(OBJECTIVES[objective], LOGITS)
    assert measure(Descending(samples=2), problem).biased
    with pytest.raises(AssertionError, match="registered as unbiased; its mean is off"):
        check(Descending(samples=2), problem, 30_000)


@pytest.mark.parametrize("masked", [(0,), (1,), (2,), (0, 2), (0, 1)])
@pytest.mark.parametrize(("name", "order"), [*VARIANCES, ("disarm_tree", None)])
def test_masked_categories_are_left_out(name, order, masked):
    """The exact mean, and a gradient of 0 in every draw of the masked ones."""
    logits = LOGITS.copy()
    logits[0, list(masked)] = -np.inf
    estimator = pair_estimator(name, order)
    mean, _ = moments(estimator, exponential, logits)
    np.testing.assert_allclose(mean, expectation(exponential, tf.constant(logits[None]))[1][0], atol=1e-13)
    batch = np.broadcast_to(logits, (50, *logits.shape))
    gradient = estimator.estimate(exponential, batch, estimator.noise(batch.shape, SEED, F64)).gradient.numpy()
    np.testing.assert_array_equal(gradient[:, 0, list(masked)], 0.0)


@pytest.mark.parametrize("scale", [1.0, 20.0])
@pytest.mark.parametrize(("name", "settings"), [("carms", {}), *((n, {"order": o} if o else {}) for n, o in PAIRS)])
def test_single_precision_keeps_its_digits(name, settings, scale):
    """float32 against float64 with the same float32 noise; logits to about 60 at the larger scale."""
    logits = (scale * batch_of(8)).astype(np.float32)
    objective = weights_of(logits)
    estimator = get(name, **settings)
    noise = estimator.noise(logits.shape, SEED)
    double = estimator.estimate(objective, logits.astype(float), noise)
    single = estimator.estimate(lambda b: objective(tf.cast(b, F64)), logits, noise)
    same = np.all(single.samples.numpy() == double.samples.numpy(), axis=(0, 2, 3))
    assert same.mean() > 0.99
    expected = double.gradient.numpy()[same]
    np.testing.assert_allclose(single.gradient.numpy()[same], expected, rtol=1e-4, atol=2e-5 * np.abs(expected).max())


def test_what_walks_share_is_what_tensorflow_says():
    """Gradients of decisions' logits against automatic differentiation, and every walk's end against its decisions."""
    for categories in (2, 3, 5, 8):
        logits = tf.constant(batch_of(categories, batch=6))
        for make in (Tree, Sticks, lambda x: Sticks(x, "descending"), lambda x: Sticks(x, "unsorted")):
            with tf.GradientTape() as tape:
                tape.watch(logits)
                decisions = make(logits)
            cotangent = uniform(decisions.logits.shape, SEED, F64)
            expected = tape.gradient(decisions.logits, logits, cotangent)
            np.testing.assert_allclose(decisions.vjp(cotangent), expected, atol=1e-12)
