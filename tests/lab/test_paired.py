"""Paired comparisons: the interval against scipy, what counts as a pair, what is decided."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from igr_suite.lab.analysis.paired import Difference, paired_by, paired_difference, with_spread


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


@pytest.mark.parametrize(
    ("found", "text", "plus_minus"),
    [
        ((1.234, 0.804, 1.664, 3), "+1.23 [+0.80, +1.66]", "+1.23 ± 0.43"),
        ((0.00123, 0.00080, 0.00166, 3), "+0.00123 [+0.00080, +0.00166]", "+0.00123 ± 0.00043"),
        ((6.617, -4.576, 17.810, 3), "+7 [-5, +18]", "+7 ± 11"),
        ((123456.0, 123000.0, 123912.0, 3), "+123456 [+123000, +123912]", "+123456 ± 456"),
        ((11.5, 0.3, 22.7, 3), "+11.5 [+0.3, +22.7]", "+11.5 ± 11.2"),  # a bound near zero is not shown as 0
        ((11.2, 1e-5, 22.4, 3), "+11.20 [+0.00, +22.40]", "+11.20 ± 11.20"),  # unless that takes more than two digits
        ((-0.004, -1.2, 1.192, 3), "-0.004 [-1.200, +1.192]", "-0.004 ± 1.196"),
        ((-4e-5, -1.2, 1.19992, 3), "+0.000 [-1.200, +1.200]", "+0.000 ± 1.200"),  # no minus before zero
        ((1.2345e-8, 1.1e-8, 1.369e-8, 3), "+1.23e-08 [+1.10e-08, +1.37e-08]", "+1.23e-08 ± 1.3e-09"),
        ((0.5, 0.5, 0.5, 3), "+0.500 [+0.500, +0.500]", "+0.500 ± 0.000"),
        ((0.0, 0.0, 0.0, 3), "+0.00 [+0.00, +0.00]", "+0.00 ± 0.00"),
        ((-1234.0, math.nan, math.nan, 1), "-1234", "-1234"),
        ((math.nan, math.nan, math.nan, 0), "-", "-"),
    ],
)
def test_texts_have_two_digits_of_the_half_width(found, text, plus_minus):
    assert (Difference(*found).text(), Difference(*found).plus_minus()) == (text, plus_minus)


def test_a_value_is_shown_as_far_as_its_spread_lets_one_know_it():
    found = [
        with_spread(*pair)
        for pair in (
            (-1.5196, 0.0152),
            (-98.2, None),
            (0.274013, 0.0),
            (1234.5, 456.0),
            (3e-9, 1.2e-9),
            (2.0, math.nan),
        )
    ]
    assert found == ["-1.520 ± 0.015", "-98.2", "0.27401 ± 0", "1234 ± 456", "3e-09 ± 1.2e-09", "2"]


def test_false_alarms_are_five_in_a_hundred():
    """4,000 null comparisons of 5 pairs: the share of wrong decisions is 0.05 +- 0.0138 with probability 0.9999; 0.07
    would be seen."""
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
