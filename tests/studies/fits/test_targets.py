"""Targets against scipy and their own sums; what underflows in float32 does not here."""

import numpy as np
import pytest
from scipy import stats

from igr_suite.studies.fits.targets import (
    DISCRETE_WEIGHTS,
    TARGETS,
    distribution_of,
    has_mass_everywhere,
    log_pmf,
    sample,
    total_variation,
)

PLENTY = {
    "poisson": 200,
    "binomial": 13,
    "negative_binomial": 200,
    "discrete": 10,
    "uniform": 7,
    "uniform_mix": 26,
    "geometric": 100,
}
SIZES = {"binomial": 12, "uniform": 7}


@pytest.mark.parametrize("target", TARGETS)
def test_probabilities_sum_to_one_when_no_category_is_left_out(target):
    probabilities = np.exp(log_pmf(target, PLENTY[target], SIZES.get(target)))
    assert probabilities.dtype == np.float64
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("target", "distribution"),
    [("poisson", stats.poisson(50)), ("negative_binomial", stats.nbinom(50, 0.6)), ("binomial", stats.binom(12, 0.3))],
)
def test_named_distributions_are_scipys(target, distribution):
    np.testing.assert_allclose(np.exp(log_pmf(target, 12)), distribution.pmf(np.arange(12)), rtol=1e-12)


def test_moments_of_the_paper():
    negative = distribution_of("negative_binomial", 100)
    assert negative.mean() == pytest.approx(100 / 3) and negative.var() == pytest.approx(500 / 9)
    np.testing.assert_allclose(np.exp(log_pmf("discrete", 10)) * 46, DISCRETE_WEIGHTS)
    mix = np.exp(log_pmf("uniform_mix", 26))
    assert mix[:11].sum() == pytest.approx(0.9) and mix[11:].sum() == pytest.approx(0.1)


def test_a_binomial_of_k_trials_drops_its_last_value_unless_trials_are_given():
    assert 1.0 - np.exp(log_pmf("binomial", 12)).sum() == pytest.approx(0.3**12)
    assert np.exp(log_pmf("binomial", 13, 12)).sum() == pytest.approx(1.0)


def test_the_geometric_distribution_is_shifted_to_start_at_zero():
    np.testing.assert_allclose(np.exp(log_pmf("geometric", 4)), [0.4, 0.24, 0.144, 0.0864])
    assert sample("geometric", 4, 2_000, seed=0).min() == 0


def test_log_probabilities_are_finite_where_float32_probabilities_are_zero():
    logs = log_pmf("poisson", 200)
    assert np.isfinite(logs).all()
    assert (np.exp(logs.astype(np.float32)) == 0).any(), "the case that made the authors give up the KL"
    assert np.isfinite(logs.astype(np.float32)).all()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("categories", [10, 12, 13, 14, 26, 27])
def test_where_there_is_mass_is_known_without_scipy(target, categories):
    for size in (None, 12):
        assert has_mass_everywhere(target, categories, size) == np.isfinite(log_pmf(target, categories, size)).all()


def test_total_variation_counts_what_lies_beyond():
    assert total_variation(np.array([0.5, 0.5]), np.array([0.5, 0.5])) == 0.0
    assert total_variation(np.array([1.0, 0.0]), np.array([0.25, 0.25])) == pytest.approx(0.75)


def test_samples_repeat_and_have_the_mean():
    first = sample("poisson", 200, 10_000, seed=3)
    np.testing.assert_array_equal(first, sample("poisson", 200, 10_000, seed=3))
    assert abs(first.mean() - 50.0) < 5 * np.sqrt(50.0 / 10_000)  # five standard errors; the seed is fixed
