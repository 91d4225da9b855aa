"""Histograms of integers with unit bins: the target as a filled area, everything else as an outline."""

from collections.abc import Sequence

import numpy as np


def frequencies(counts: Sequence[int]) -> np.ndarray:
    """Returns the counts of 0, 1, ... as shares of their sum."""
    counts = np.asarray(counts, float)
    return counts / counts.sum()


def draw_area(axes, shares: np.ndarray, colour: str, label: str) -> None:
    """Draws shares of 0, 1, ... as a filled histogram, the bin of k from k - 1/2 to k + 1/2."""
    axes.stairs(shares, np.arange(len(shares) + 1) - 0.5, fill=True, color=colour, label=label, linewidth=0)


def draw_outline(axes, shares: np.ndarray, colour: str, label: str, style: str = "-") -> None:
    """Draws shares of 0, 1, ... as the outline of a histogram; it ends where the last category does."""
    axes.stairs(shares, np.arange(len(shares) + 1) - 0.5, color=colour, label=label, linewidth=1.3, linestyle=style)
