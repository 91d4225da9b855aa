"""Paired comparisons over seeds: two methods that share seeds and setting, their difference and its 95% confidence
interval."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

CONFIDENCE = 0.95
MOST_DECIMALS = 6  # of a number that is written without an exponent


class Difference(NamedTuple):
    """Mean of paired differences, its confidence interval (Student's t), and the number of pairs; nan where there are
    none or one."""

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

    @property
    def half_width(self) -> float:
        """Half the width of the interval; nan where there is none."""
        return self.high - self.mean

    def text(self) -> str:
        """Returns '+1.23 [+0.80, +1.66]', with two significant digits of the half-width; '-' without pairs."""
        if not self.pairs:
            return "-"
        mean = _signed(self.mean, self._decimals)
        return (
            mean
            if math.isnan(self.low)
            else f"{mean} [{_signed(self.low, self._decimals)}, {_signed(self.high, self._decimals)}]"
        )

    def plus_minus(self) -> str:
        """Returns '+1.23 ± 0.43', with the digits of `text`."""
        if not self.pairs:
            return "-"
        mean = _signed(self.mean, self._decimals)
        return mean if math.isnan(self.low) else f"{mean} ± {_signed(self.half_width, self._decimals).lstrip('+')}"

    @property
    def _decimals(self) -> int:
        """The number of decimals of all numbers in the text: up to two are added where a mean or bound near zero would
        otherwise show no digit."""
        if math.isnan(self.low) or not self.half_width:
            return _decimals(self.mean, 3)
        fewest, smallest = (
            _decimals(self.half_width, 2),
            min((abs(number) for number in self[:3] if number), default=1.0),
        )
        return min(max(fewest, _decimals(smallest, 1)), fewest + 2)


def _decimals(value: float, digits: int) -> int:
    """Returns the number of decimals with which a number shows so many significant digits; 0 and numbers that are not
    finite count as 1."""
    return digits - 1 - _exponent(value, digits)


def _exponent(value: float, digits: int) -> int:
    return int(f"{value:.{digits - 1}e}".partition("e")[2]) if value and math.isfinite(value) else 0


def _signed(value: float, decimals: int) -> str:
    """Returns '+1.20', never '-0.00'; '+1.2e-07' where more than six decimals would be needed."""
    if not math.isfinite(value):
        return f"{value:+g}"
    if decimals > MOST_DECIMALS and value:
        return f"{value:+.{max(0, decimals + _exponent(value, 1))}e}"
    decimals = max(0, min(decimals, MOST_DECIMALS))
    return f"{round(value, decimals) + 0.0:+.{decimals}f}"


def with_spread(value: float, spread: float | None) -> str:
    """Returns '-1.520 ± 0.015', with two significant digits of the spread; without a spread '-1.5196', with five digits
    of the value."""
    if not spread or not math.isfinite(spread):
        return f"{value:.5g}" + (" ± 0" if spread == 0 else "")
    decimals = max(0, _decimals(spread, 2))
    return (
        f"{value:.{decimals}f} ± {spread:.{decimals}f}" if decimals <= MOST_DECIMALS else f"{value:.5g} ± {spread:.2g}"
    )


def paired_difference(
    values: Sequence[float], reference: Sequence[float], confidence: float = CONFIDENCE
) -> Difference:
    """Returns values - reference, pair by pair, with the interval of the mean.

        mean +- t_{(1 + confidence) / 2, n - 1} s / sqrt(n),  s the standard deviation of the differences

    Args:
      values, reference: one number per pair, in the same order.
      confidence: coverage of the interval, for normal differences.
    """
    differences = np.asarray(values, float) - np.asarray(reference, float)
    differences = differences[np.isfinite(differences)]
    count = len(differences)
    mean = float(differences.mean()) if count else float("nan")
    return mean_interval(mean, float(differences.std(ddof=1)) if count > 1 else float("nan"), count, confidence)


def mean_interval(mean: float, spread: float, count: int, confidence: float = CONFIDENCE) -> Difference:
    """Returns the interval of `paired_difference` from the mean and the standard deviation of the differences."""
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
    """Compares the rows of a frame that match `of` with those that match `against`, paired by `pair_on`.

    Args:
      frame: one row per run.
      value: column to compare.
      of, against: column -> value that selects the rows of either side.
      pair_on: columns that have equal values in a pair; several rows of one side and pair count with their mean.
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
