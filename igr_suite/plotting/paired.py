"""Compares two methods with equal seeds: their difference, its 95% interval, and which of them is lower."""

import pandas as pd

from igr_suite.lab.analysis.paired import paired_difference


def compare(one: pd.Series, other: pd.Series, names: tuple[str, str]) -> tuple[dict, dict]:
    """Returns a row of a comparison table, as texts for people and as numbers for files.

    Args:
      one, other: values indexed by seed.
      names: the names of the two, for the column "lower".
    Returns:
      ({"difference", "lower", "seeds"}, {"mean_one", "mean_other", "difference", "half_width_95", "lower", "seeds"});
      "lower" is the name of the lower one, or "undecided" where the interval contains 0 or there is none.
    """
    common = one.dropna().index.intersection(other.dropna().index)
    difference = paired_difference(one.loc[common], other.loc[common])
    shared = {
        "lower": {"lower": names[0], "higher": names[1]}.get(difference.verdict, "undecided"),
        "seeds": difference.pairs,
    }
    means = {"mean_one": one.mean(), "mean_other": other.mean()}
    numbers = {**means, "difference": difference.mean, "half_width_95": difference.half_width}
    return {"difference": difference.plus_minus(), **shared}, numbers | shared
