"""Statistics of distances: against numpy, matplotlib and a distribution whose standard errors are known."""

import numpy as np
import pytest
from matplotlib.cbook import boxplot_stats

from igr_suite.measuring.distances import describe_distances, percentile_error

SKEWED = np.random.default_rng(3).beta(0.4, 1.0, size=997)


def test_statistics_are_numpys():
    found = describe_distances(SKEWED)
    for percentile in (5, 10, 20, 25, 50, 75, 90, 95):
        np.testing.assert_allclose(found[f"p{percentile:02d}"], np.percentile(SKEWED, percentile), rtol=1e-6)
    np.testing.assert_allclose([found["mean"], found["std"]], [SKEWED.mean(), SKEWED.std()], rtol=1e-6)
    np.testing.assert_allclose(found["below_0.2"], np.sum(SKEWED < 0.2) / 997, rtol=1e-6)
    assert all(type(value) is np.float32 for value in found.values())


@pytest.mark.parametrize(
    "values", [SKEWED, 1 - SKEWED, np.zeros(5), np.array([0.1, 0.9]), np.array([0.1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.9])]
)
def test_whiskers_are_matplotlibs(values):
    found, expected = describe_distances(values), boxplot_stats(values)[0]
    np.testing.assert_allclose(
        [found["whisker_low"], found["whisker_high"]], [expected["whislo"], expected["whishi"]], rtol=1e-6
    )


@pytest.mark.parametrize("percentile", [50, 75])
def test_standard_error_of_a_percentile(percentile):
    """Uniform distribution, where it is sqrt(p (1 - p) / N): exact on a grid; within 10% of what 2,000 samples of 500
    show (its own error: 2%)."""
    p = percentile / 100
    expected = np.sqrt(p * (1 - p) / 500)
    np.testing.assert_allclose(percentile_error(np.linspace(0, 1, 500), percentile), expected, rtol=1e-9)
    repeated = np.percentile(np.random.default_rng(4).uniform(size=(2000, 500)), percentile, axis=1)
    np.testing.assert_allclose(repeated.std(), expected, rtol=0.1)
