"""Paired comparisons: the interval against scipy, what counts as a pair, what is decided."""

import math

import numpy as np
import pandas as pd
from scipy import stats

from igr_suite.experiments.paired import paired_by, paired_difference


def test_interval_is_that_of_the_paired_t_test():
    a, b = np.array([1.0, 2.5, 3.1, 4.0]), np.array([0.5, 2.6, 2.0, 3.2])
    expected = stats.ttest_rel(a, b).confidence_interval(0.95)
    found = paired_difference(a, b)
    np.testing.assert_allclose([found.low, found.high], [expected.low, expected.high])
    assert found.pairs == 4 and found.verdict == "undecided"
    assert paired_difference(a, a - [1, 1.1, 1, 1.1]).verdict == "higher"
    assert paired_difference(a, a + [1, 1.1, 1, 1.1]).verdict == "lower"


def test_one_pair_decides_nothing():
    found = paired_difference([2.0], [1.0])
    assert found.mean == 1.0 and math.isnan(found.low) and found.verdict == "undecided" and found.text() == "+1.00"
    assert paired_difference([], []).text() == "-"


def test_false_alarms_are_five_in_a_hundred():
    """4,000 null comparisons of 5 pairs: the share of wrong decisions is 0.05 +- 0.0138 with probability 0.9999; 0.07 would be seen."""
    noise = np.random.default_rng(0).normal(size=(4000, 2, 5))
    wrong = np.mean([paired_difference(a, b).verdict != "undecided" for a, b in noise])
    assert abs(wrong - 0.05) < 4 * math.sqrt(0.05 * 0.95 / 4000)


def test_pairs_are_matched_by_seed_and_unmatched_ones_left_out():
    frame = pd.DataFrame(
        {
            "model": ["a", "a", "a", "b", "b"],
            "seed": [1, 2, 3, 2, 1],
            "score": [1.0, 2.0, 9.0, 1.5, 0.0],
        }
    )
    found = paired_by(frame, "score", {"model": "a"}, {"model": "b"})
    assert found.pairs == 2 and found.mean == 0.75
