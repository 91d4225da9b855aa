"""Bitflip and UGC: exact moments by enumeration, and what they have in common with local expectations and DisARM."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from exact_moments import EXACT, FUNCTIONS, LOGITS, uniforms_of

from igr_suite.estimators import get
from igr_suite.estimators.enumeration import expectation
from igr_suite.randomness import run_seed, uniform

SEED = run_seed(8, "bitflip")
EXPONENTIAL = FUNCTIONS["B3", "fE"]


def choosing(unit: int, examples: int, units: int = 3) -> tf.Tensor:
    """The uniforms [B, 1] that choose a unit."""
    return tf.fill([examples, 1], tf.constant((unit + 0.5) / units, tf.float64))


def exact_moments(name: str, logits: np.ndarray, objective) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of each unit, over all antithetic pairs (b, b') and all units that may be chosen.

    A pair of one unit is (1, 0) and (0, 1) with probability m = min(theta, 1 - theta) each, and twice the more probable
    value otherwise; u is the middle of the interval that makes it.
    """
    theta = 1.0 / (1.0 + np.exp(-logits))
    edges = np.sort(np.stack([np.zeros(3), np.minimum(theta, 1 - theta), np.maximum(theta, 1 - theta), np.ones(3)]), 0)
    grid = np.array(list(itertools.product(range(3), repeat=3)))
    middle, width = 0.5 * (edges[1:] + edges[:-1]), edges[1:] - edges[:-1]
    u, weights = np.stack([middle[grid[:, i], i] for i in range(3)], 1), width[grid, range(3)].prod(1)
    many = tf.constant(np.broadcast_to(logits, u.shape))
    mean, square = np.zeros(3), np.zeros(3)
    for unit in range(3):
        noise = {"u": tf.constant(u), "v": choosing(unit, len(u))}
        gradient = get(name).estimate(objective, many, noise).gradient.numpy()
        mean, square = mean + weights @ gradient / 3, square + weights @ gradient**2 / 3
    return mean, square - mean**2


@pytest.mark.parametrize("kind", ["fQ", "fE"])
@pytest.mark.parametrize("name", ["bitflip", "ugc"])
def test_the_mean_is_exact(name, kind):
    mean, _ = exact_moments(name, LOGITS["B3"], FUNCTIONS["B3", kind])
    np.testing.assert_allclose(mean, EXACT["B3", kind], atol=1e-9)


@pytest.mark.parametrize(
    ("name", "logits", "expected"),
    [
        ("bitflip", (0.7, -1.1, 0.2), (0.1133170, 0.2061329, 0.3308467)),
        ("disarm", (0.7, -1.1, 0.2), (0.2268143, 0.2038470, 0.1319109)),
        ("ugc", (0.7, -1.1, 0.2), (0.2268143, 0.2038470, 0.1319109)),
        ("bitflip", (4.0, -5.0, 3.0), (0.0012546, 0.0004562, 0.0164248)),
        ("ugc", (4.0, -5.0, 3.0), (0.0012546, 0.0004562, 0.0164248)),
        ("disarm", (4.0, -5.0, 3.0), (0.0190650, 0.0172253, 0.0796083)),
        ("ugc", (2.5, -2.0, 0.2), (0.0127068, 0.0769536, 0.0815024)),
        ("disarm", (2.5, -2.0, 0.2), (0.1113302, 0.1824077, 0.0815024)),
    ],
)
def test_variances_of_each_unit(name, logits, expected):
    mean, variance = exact_moments(name, np.array(logits), EXPONENTIAL)
    np.testing.assert_allclose(variance, expected, atol=6e-8)
    np.testing.assert_allclose(mean, expectation(EXPONENTIAL, np.array([logits]))[1][0], atol=1e-12)


def test_a_draw():
    noise = {"u": uniforms_of(np.array([[1.0, 0.0, 1.0]])), "v": choosing(1, 1)}
    gradient = get("bitflip").estimate(EXPONENTIAL, LOGITS["B3"][np.newaxis], noise).gradient
    np.testing.assert_allclose(gradient, [[0.0, -1.3037783774, 0.0]], atol=1e-9)


def test_the_mean_over_the_chosen_unit_is_the_local_expectation():
    """Sample by sample, 100 examples."""
    logits = tf.constant(np.random.default_rng(0).normal(size=(100, 3)))
    u = uniform(logits.shape, SEED, tf.float64)
    flips = [
        get("bitflip").estimate(EXPONENTIAL, logits, {"u": u, "v": choosing(unit, 100)}).gradient for unit in range(3)
    ]
    expected = get("local_expectation").estimate(EXPONENTIAL, logits, {"u": u}).gradient
    np.testing.assert_allclose(tf.add_n(flips) / 3.0, expected, atol=1e-13)
    assert all(np.count_nonzero(flip) == 100 for flip in flips)


def test_ugc_is_disarm_unless_a_unit_is_near_its_boundary():
    """1/6 for three units: bit for bit inside, bitflip's own numbers outside."""
    generator = np.random.default_rng(0)
    inside = tf.constant(generator.uniform(-1.5, 1.5, size=(100, 3)))  # theta from .18 to .82
    noise = get("ugc").noise(inside.shape, SEED, tf.float64)
    plain = get("disarm").estimate(EXPONENTIAL, inside, {"u": noise["u"]}).gradient
    np.testing.assert_array_equal(get("ugc").estimate(EXPONENTIAL, inside, noise).gradient, plain)
    outside = tf.sign(inside) * (3.0 - tf.abs(inside))  # theta below .18 or above .82
    flips = get("bitflip").estimate(EXPONENTIAL, 2.0 * outside, noise).gradient
    np.testing.assert_array_equal(get("ugc").estimate(EXPONENTIAL, 2.0 * outside, noise).gradient, flips)


def test_one_unit_has_no_variance():
    """1/(2 D) is 1/2, and the only unit is always summed out."""
    logits = tf.constant([[0.3], [-2.0]], tf.float64)
    objective = lambda b: tf.exp(b[..., 0])  # noqa: E731
    exact = expectation(objective, logits)[1]
    for name in ("bitflip", "ugc", "local_expectation"):
        for seed in (1, 2, 3):
            noise = get(name).noise(logits.shape, run_seed(seed, name), tf.float64)
            np.testing.assert_allclose(get(name).estimate(objective, logits, noise).gradient, exact, atol=1e-13)


def test_every_unit_is_chosen_equally_often():
    """60,000 choices of seven; 5 standard errors, and none beyond the last at the end of the uniforms' grid."""
    logits = tf.zeros([60_000, 7])
    gradient = (
        get("bitflip")
        .estimate(lambda b: tf.reduce_sum(b, -1), logits, get("bitflip").noise(logits.shape, SEED))
        .gradient
    )
    share = np.mean(gradient.numpy() != 0.0, 0)
    assert np.all(np.abs(share - 1 / 7) < 5 * np.sqrt(6 / 49 / 60_000))
    last = {"u": tf.fill([1, 7], 0.5), "v": tf.fill([1, 1], 1.0 - 2.0**-24)}
    gradient = get("bitflip").estimate(lambda b: tf.reduce_sum(b, -1), logits[:1], last).gradient
    assert np.flatnonzero(gradient[0]).tolist() == [6]
