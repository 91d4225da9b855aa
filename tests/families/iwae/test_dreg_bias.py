"""The bias check: its verdict on differences of known distribution, and on estimators of a small network."""

import numpy as np
import pytest
import tensorflow as tf
from sweeps import few

from igr_suite.families.iwae.bias import PairedDifferences, verdict
from igr_suite.families.iwae.config import DReGConfig, DReGOptimiserConfig
from igr_suite.families.iwae.model import DReGVAE
from igr_suite.objectives import registry

ENTRIES = 50


def judged(bias: float, draws: int = 4_000, seed: int = 0) -> dict:
    """The verdict on differences bias u + N(0, I), u a unit vector, projected on ten random directions and on u."""
    rng = np.random.default_rng(seed)
    unit = rng.normal(size=ENTRIES)
    unit /= np.linalg.norm(unit)
    directions = rng.normal(size=(ENTRIES, 10))
    directions = np.column_stack([directions / np.linalg.norm(directions, axis=0), unit])
    differences = bias * unit + rng.normal(size=(draws, ENTRIES))
    rows = np.column_stack([differences.mean(1), differences @ directions])
    return verdict(rows, differences.mean(0), differences.var(0, ddof=1), np.full(ENTRIES, 2.0))


def test_the_verdict_on_differences_of_known_distribution():
    """Nothing is announced without a bias (p < 1e-4 has that probability), and a bias of 8 standard errors is, with its
    size."""
    none, some = judged(0.0), judged(0.13)
    assert not none["biased"] and none["p_value"] > 1e-4
    assert some["biased"] and 5 < some["chosen_t"] < 12
    norm = 2.0 * np.sqrt(ENTRIES)
    np.testing.assert_allclose(some["relative_bias"] * norm, 0.13, rtol=0.4)
    np.testing.assert_allclose(none["squared_bias_noise"], ENTRIES / 4_000, rtol=0.02)
    # 4.44 and 1.28 are the normal quantiles of 1 - 1e-4 / 22 and 0.9
    np.testing.assert_allclose(none["detectable_bias"] * norm, (4.436 + 1.2816) / np.sqrt(4_000), rtol=0.05)
    np.testing.assert_allclose(none["detectable_random_bias"], none["detectable_bias"] * np.sqrt(ENTRIES), rtol=0.05)


def test_a_bias_of_the_stated_size_is_found_nine_times_of_ten():
    """60 repetitions; below 45 or with fewer than one miss the stated power would be wrong with probability above
    0.998."""
    size = judged(0.0)["detectable_bias"] * 2.0 * np.sqrt(ENTRIES)
    found = sum(judged(size, seed=seed)["biased"] for seed in range(60))
    assert 45 <= found <= 59


def test_equal_estimators_differ_by_nothing():
    zeros = verdict(np.zeros((20, 4)), np.zeros(5), np.zeros(5), np.ones(5))
    assert (zeros["biased"], zeros["max_t"], zeros["p_value"], zeros["relative_bias"]) == (False, 0.0, 1.0, 0.0)


@pytest.fixture(scope="module")
def network():
    model = DReGVAE(
        DReGConfig(estimator="iwae", samples=3, latents=2, hidden=4), DReGOptimiserConfig(), np.full(12, 0.4)
    )
    rng = np.random.default_rng(3)
    for variable in model.weights_in_order:
        variable.assign(rng.normal(scale=0.7, size=variable.shape))
    return model, rng.integers(0, 256, (40, 12), np.uint8)


@pytest.mark.parametrize(
    ("estimator", "reference", "biased"),
    few([("stl", "iwae", True), ("rws-dreg", "rws", False), ("dreg", "iwae", False)], lambda case: case[1] == "iwae"),
)
def test_estimators_are_judged_against_their_references(network, estimator, reference, biased):
    """2,000 draws of 64 images: STL's |t| is far above the limit, an unbiased estimator passes it with probability
    1e-4."""
    model, images = network
    paired = PairedDifferences(model, images, registry.build(estimator), [(registry.build(reference), 1.0)], 64, seed=1)
    before = [v.numpy() for v in model.weights_in_order]
    found = paired.measure(2_000)
    assert found["biased"] == biased, found
    assert (found["pilot_draws"], found["draws"]) == (400, 1_600)
    for variable, value in zip(model.weights_in_order, before):
        np.testing.assert_array_equal(variable, value)


def test_calls_do_not_matter(network, monkeypatch):
    """Draws are functions of their number: 25 draws in calls of 100 or of 7 give the same moments."""
    model, images = network
    found = []
    for size in (100, 7):
        monkeypatch.setattr("igr_suite.families.iwae.bias.DRAWS_A_CALL", size)
        paired = PairedDifferences(model, images, registry.build("stl"), [(registry.build("iwae"), 1.0)], 8, seed=1)
        found.append(paired.measure(25))
    for name, value in found[0].items():
        np.testing.assert_allclose(value, found[1][name], rtol=1e-5, atol=1e-7, err_msg=name)
    difference, reference = paired.draw(tf.constant(3))
    assert difference.shape == reference.shape == (sum(v.shape.num_elements() for v in model.encoder),)
