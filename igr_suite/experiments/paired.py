"""Paired comparisons over seeds: two methods that share seeds and setting, their difference and its 95% confidence interval."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

CONFIDENCE = 0.95


class Difference(NamedTuple):
    """Mean of paired differences, its confidence interval (Student's t), and the number of pairs; nan where there are none or one."""

    mean: float
    low: float
    high: float
    pairs: int

    @property
    def verdict(self) -> str:
        """'higher' or 'lower' where the interval leaves zero out, else 'undecided'."""
        if self.low > 0:
            return "higher"
        return "lower" if self.high < 0 else "undecided"

    def text(self, digits: int = 2) -> str:
        """'+1.23 [0.80, 1.66]'; '-' without pairs."""
        if not self.pairs:
            return "-"
        interval = f" [{self.low:+.{digits}f}, {self.high:+.{digits}f}]" if self.pairs > 1 else ""
        return f"{self.mean:+.{digits}f}{interval}"


def paired_difference(values: Sequence[float], reference: Sequence[float], confidence: float = CONFIDENCE) -> Difference:
    """values - reference, pair by pair.

        mean +- t_{(1 + confidence) / 2, n - 1} s / sqrt(n),  s the standard deviation of the differences

    Args:
      values, reference: one number a pair, in the same order.
      confidence: coverage of the interval, for normal differences.
    """
    differences = np.asarray(values, float) - np.asarray(reference, float)
    differences = differences[np.isfinite(differences)]
    count = len(differences)
    mean = float(differences.mean()) if count else float("nan")
    return mean_interval(mean, float(differences.std(ddof=1)) if count > 1 else float("nan"), count, confidence)


def mean_interval(mean: float, spread: float, count: int, confidence: float = CONFIDENCE) -> Difference:
    """The interval of `paired_difference` from the mean and the standard deviation of the differences."""
    from scipy import stats

    if count < 2 or not np.isfinite(spread):
        return Difference(mean, float("nan"), float("nan"), count)
    half = float(stats.t.ppf(0.5 + confidence / 2, count - 1) * spread / np.sqrt(count))
    return Difference(mean, mean - half, mean + half, count)


def paired_by(
    frame: "pd.DataFrame",
    value: str,
    of: dict[str, object],
    against: dict[str, object],
    pair_on: Sequence[str] = ("seed",),
    confidence: float = CONFIDENCE,
) -> Difference:
    """Compares the rows of a frame that fit `of` with those that fit `against`, matched by `pair_on`.

    Args:
      frame: one row a run.
      value: column to compare.
      of, against: column -> value; which rows belong to either side.
      pair_on: columns whose values make a pair; a side with several rows of one pair counts with their mean.
      confidence: as in `paired_difference`.
    """

    def side(wanted: dict[str, object]) -> "pd.Series":
        rows = frame
        for column, content in wanted.items():
            rows = rows[rows[column] == content]
        return rows.groupby(list(pair_on))[value].mean()

    left, right = side(of), side(against)
    common = left.index.intersection(right.index)
    return paired_difference(left.loc[common].to_numpy(), right.loc[common].to_numpy(), confidence)
