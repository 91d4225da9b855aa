"""Comparison rows against scipy; what a search's table says of its candidates."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_rel

from igr_suite.families.vae.plots.temperatures import DISTANCE, SHARE, choices
from igr_suite.lab.analysis.selection import CRITERION
from igr_suite.plotting.paired import compare

ONE = pd.Series({1: 0.30, 2: 0.35, 3: 0.41, 4: 0.2})
OTHER = pd.Series({3: 0.52, 2: 0.45, 1: 0.44, 5: 0.9})  # another order, and a seed that the first lacks


def test_the_interval_is_that_of_the_paired_t_test():
    numbers = compare(ONE, OTHER, ("a", "b"))[1]
    mean, half = numbers["difference"], numbers["half_width_95"]
    expected = ttest_rel([0.30, 0.35, 0.41], [0.44, 0.45, 0.52])
    interval = expected.confidence_interval(0.95)
    assert numbers["seeds"] == 3
    np.testing.assert_allclose([mean - half, mean + half], [interval.low, interval.high], rtol=1e-9)


def test_the_lower_side_is_named_only_when_the_interval_leaves_zero_out():
    assert compare(ONE, OTHER, ("a", "b"))[1]["lower"] == "a"
    assert compare(OTHER, ONE, ("a", "b"))[1]["lower"] == "b"
    assert compare(ONE, ONE + pd.Series({1: 0.1, 2: -0.1, 3: 0.01, 4: 0.0}), ("a", "b"))[1]["lower"] == "undecided"
    assert compare(ONE, ONE, ("a", "b"))[1]["lower"] == "undecided"
    text, numbers = compare(ONE[[1]], OTHER[[1]], ("a", "b"))
    assert (text["difference"], text["lower"], numbers["seeds"]) == ("-0.140", "undecided", 1)


def rows(distances: dict, elbos: dict, diverged=(), authors_setting=True) -> pd.DataFrame:
    frame = pd.DataFrame(
        {"temperature": list(distances), DISTANCE: list(distances.values()), CRITERION: list(elbos.values())}
    )
    frame = frame.assign(data="MNIST", model="GS", **{"data.name": "mnist", "model.name": "GS_Dis", SHARE: 0.5})
    return frame.assign(authors_setting=authors_setting, diverged=frame["temperature"].isin(diverged).astype(int))


@pytest.mark.parametrize(
    ("distances", "diverged", "near", "note"),
    [
        ({0.1: 0.01, 0.25: 0.19, 0.5: 0.4}, (), 0.25, ""),
        ({0.1: 0.3, 0.25: 0.19, 0.5: 0.4}, (), 0.25, "not monotone"),
        ({0.1: 0.3, 0.25: 0.4, 0.5: 0.5}, (), None, "none of the candidates is near: at 0.1 p75 is 0.3"),
        ({0.1: 0.1, 0.25: 0.1, 0.5: 0.1}, (), 0.5, "the highest candidate is near"),
        ({0.1: np.nan, 0.25: 0.1, 0.5: 0.3}, (0.1,), 0.25, "diverged at 0.1"),
    ],
)
def test_choices_of_a_search(distances, diverged, near, note):
    elbos = {t: np.nan if t in diverged else -100 + 10 * (t == 0.25) for t in distances}
    chosen = choices(rows(distances, elbos, diverged)).iloc[0]
    assert (chosen["near_vertex"] == near) if near else pd.isna(chosen["near_vertex"])
    assert chosen["validation"] == 0.25
    assert (chosen["near_vertex_authors"], chosen["validation_authors"]) == (0.25, 1.0)
    assert note in chosen["notes"] and bool(chosen["notes"]) == bool(note)


def test_the_authors_choices_are_shown_for_their_own_setting_only():
    chosen = choices(rows({0.1: 0.1, 0.5: 0.4}, {0.1: -1.0, 0.5: -2.0}, authors_setting=False)).iloc[0]
    assert chosen["near_vertex_authors"] is None and chosen["validation_authors"] is None
