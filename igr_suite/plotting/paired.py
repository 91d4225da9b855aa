"""Two methods with equal seeds: their difference, its 95% interval, and which of them is lower."""

import pandas as pd

from igr_suite.experiments.paired import paired_difference as difference_of


def paired_difference(one: pd.Series, other: pd.Series) -> tuple[float, float, int]:
    """one - other over the seeds that both have.

    Args:
      one, other: values indexed by seed.
    Returns:
      (mean, half-width of its 95% interval by Student's t or nan for fewer than two seeds, number of seeds).
    """
    common = one.dropna().index.intersection(other.dropna().index)
    found = difference_of(one.loc[common].to_numpy(float), other.loc[common].to_numpy(float))
    return found.mean, found.high - found.mean, found.pairs


def compare(one: pd.Series, other: pd.Series, names: tuple[str, str]) -> tuple[dict, dict]:
    """A row of a comparison table: texts for people and numbers for files.

    Args:
      one, other: values indexed by seed.
      names: of the two, for the column that says which is lower.
    Returns:
      ({"difference", "lower", "seeds"}, {"mean_one", "mean_other", "difference", "half_width_95", "lower", "seeds"}); lower is
      "undecided" where the interval holds 0 or there is none.
    """
    mean, half, number = paired_difference(one, other)
    lower = "undecided"
    if abs(mean) > half:  # never true of nan
        lower = names[0] if mean < 0 else names[1]
    text = f"{mean:.3g}" + (f" ± {half:.2g}" if number > 1 else "")
    numbers = {"mean_one": one.mean(), "mean_other": other.mean(), "difference": mean, "half_width_95": half}
    return {"difference": text, "lower": lower, "seeds": number}, numbers | {"lower": lower, "seeds": number}
