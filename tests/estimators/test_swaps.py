"""ARSM and ARS: identities, variances, and what a masked category does."""

import numpy as np
import pytest
import tensorflow as tf
from small_codes import LOGITS, OBJECTIVES, exponential

from igr_suite.estimators import get
from igr_suite.estimators.conformance import Problem, measure
from igr_suite.randomness import run_seed

SEED = run_seed(13, "swaps")
F64 = tf.float64
BATCH = 300


def logits_of(categories: int) -> np.ndarray:
    return np.random.default_rng(categories).normal(size=(BATCH, 2, categories))


def objective_of(categories: int):
    table = tf.constant(np.random.default_rng(4).normal(size=(2, categories, 2)))
    return lambda b: tf.reduce_prod(1.0 + tf.tensordot(b, table, 2), -1)


def by_hand(objective, logits, u, references):
    """g_m = sum over the references j of (f_mj - mean_m f_mj) weight_j for one example, with loops."""
    exponential_noise = -np.log(u)
    share = exponential_noise / exponential_noise.sum(-1, keepdims=True)
    categories = logits.shape[-1]

    def value(m, j):
        swapped = exponential_noise.copy()
        swapped[:, [m, j]] = swapped[:, [j, m]]
        chosen = np.argmin(np.log(swapped) - logits, -1)
        return float(objective(tf.constant(np.eye(categories)[chosen]))[()])

    gradient = np.zeros(logits.shape)
    for j in references:
        values = np.array([value(m, j) for m in range(categories)])
        centred = values - values.mean()
        gradient += np.outer(1 / categories - share[:, j], centred) * categories / len(references)
    return gradient


@pytest.mark.parametrize("categories", [3, 5])
def test_gradients_of_single_draws(categories):
    """Against loops over exchanges, six examples; ARS has one reference, ARSM the average over all."""
    logits, objective = logits_of(categories), objective_of(categories)
    for name in ("arsm", "ars"):
        estimator = get(name)
        noise = estimator.noise(logits.shape, SEED, F64)
        found = estimator.estimate(objective, logits, noise).gradient.numpy()
        for row in range(6):
            drawn = [int(noise["reference"][row, 0, 0] * categories)] if name == "ars" else range(categories)
            expected = by_hand(objective, logits[row], noise["u"][row].numpy(), drawn)
            np.testing.assert_allclose(found[row], expected, rtol=1e-10, atol=1e-12)


def test_two_categories_are_arm():
    """pi_0 is uniform, and b = 1 where it exceeds 1 - theta."""
    logits = logits_of(2)
    objective = lambda b: tf.exp(tf.reduce_sum(b * [0.5, -1.0], -1))  # noqa: E731
    u = get("arsm").noise(logits.shape, SEED, F64)["u"]
    share = (np.log(u) / np.log(u).sum(-1, keepdims=True))[..., 0]
    arm = get("arm").estimate(objective, logits[..., 1] - logits[..., 0], {"u": tf.constant(share)})
    for name in ("arsm", "ars"):
        noise = get(name).noise(logits.shape, SEED, F64)
        estimate = get(name).estimate(lambda b: objective(b[..., 1]), logits, noise)
        np.testing.assert_array_equal(estimate.samples[0, ..., 1], arm.samples[0])
        np.testing.assert_allclose(estimate.gradient[..., 1], arm.gradient, rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(estimate.gradient[..., 0], -arm.gradient, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("name", ["ars", "arsm"])
def test_every_sample_has_the_distribution_of_the_logits(name):
    """Frequencies of 100,000 draws of each of the exchanged samples, 5 standard errors."""
    batch = np.broadcast_to(LOGITS, (100_000, *LOGITS.shape))
    estimator = get(name)
    samples = estimator.estimate(exponential, batch, estimator.noise(batch.shape, SEED, F64)).samples.numpy()
    theta = np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True)
    assert np.all(np.abs(samples.mean(1) - theta) < 5 * np.sqrt(theta * (1 - theta) / len(batch)))


@pytest.mark.parametrize(("name", "expected"), [("arsm", 0.450), ("ars", 1.16)])
def test_variances(name, expected):
    """100,000 draws, 4%; RLOO has .213 with ARSM's four evaluations."""
    assert np.sum(measure(get(name), Problem(exponential, LOGITS)).deviation ** 2) == pytest.approx(expected, rel=0.04)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("name", ["ars", "arsm"])
def test_unbiased_beside_a_masked_category(name, objective):
    """100,000 draws, 5 standard errors; the masked category's gradient is 0 in each of them."""
    logits = LOGITS.copy()
    logits[0, 1] = -np.inf
    found = measure(get(name), Problem(OBJECTIVES[objective], logits))
    assert found.unbiased and found.exact[1] == 0.0 == found.deviation[1]


def test_a_reference_at_the_end_of_the_grid_is_the_last_category():
    """float32 rounds 10 (1 - 2^-24) to 10."""
    logits = np.random.default_rng(0).normal(size=(1, 2, 10)).astype(np.float32)
    estimator = get("ars")
    noise = estimator.noise(logits.shape, SEED) | {"reference": tf.fill([1, 1, 1], np.float32(1 - 2**-24))}
    below = noise | {"reference": tf.fill([1, 1, 1], np.float32(0.95))}
    objective = lambda b: tf.reduce_sum(b[..., :3], [-2, -1])  # noqa: E731
    np.testing.assert_array_equal(
        estimator.estimate(objective, logits, noise).gradient, estimator.estimate(objective, logits, below).gradient
    )
