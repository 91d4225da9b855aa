"""Curves over epochs: the mean over seeds and every seed behind it."""

import pandas as pd

from igr_suite.plotting.style import colour

MANY_SEEDS = 5  # up to this many, every seed is drawn


def draw_curves(
    axes, frame: pd.DataFrame, x: str, y: str, *, method: str, seed: str, style: str | None = None, label: str = "{method}"
) -> pd.DataFrame:
    """Draws one line a method (and line style): the mean over seeds; thin lines show the seeds.

    Args:
      axes: where to draw.
      frame: one row a (method, style, seed, x).
      x, y, method, seed: column names.
      style: column whose values are matplotlib line styles; None draws solid lines.
      label: template over the columns of the group's first row, for the legend.
    Returns:
      What was drawn, for figure.csv: columns method, style, x, mean, lowest, highest, seeds.
    """
    drawn = []
    for keys, group in frame.groupby([method, style] if style else [method], sort=False):
        look = keys[1] if style else "-"
        by_x = group.groupby(x)[y]
        seeds = group[seed].nunique()
        if 1 < seeds <= MANY_SEEDS:
            for _, one in group.groupby(seed):
                axes.plot(one[x], one[y], linestyle=look, color=colour(keys[0]), linewidth=0.6, alpha=0.35)
        elif seeds > 1:
            axes.fill_between(by_x.mean().index, by_x.min(), by_x.max(), color=colour(keys[0]), alpha=0.15, linewidth=0)
        mean = by_x.mean()
        axes.plot(
            mean.index,
            mean,
            linestyle=look,
            color=colour(keys[0]),
            linewidth=1.8,
            label=label.format(**{**group.iloc[0].to_dict(), "method": keys[0]}),
        )
        drawn.append(
            pd.DataFrame(
                {
                    "method": keys[0],
                    "style": look if isinstance(look, str) else repr(look),
                    x: mean.index,
                    "mean": mean.values,
                    "lowest": by_x.min().values,
                    "highest": by_x.max().values,
                    "seeds": seeds,
                }
            )
        )
    return pd.concat(drawn, ignore_index=True)


def seeds_caption(frame: pd.DataFrame, seed: str, groups: list[str]) -> str:
    """'mean and each of 3 seeds', from the frame itself."""
    counts = frame.groupby(groups)[seed].nunique()
    number = f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()}-{counts.max()}"
    if counts.max() == 1:
        return "1 seed"
    return f"mean and each of {number} seeds" if counts.max() <= MANY_SEEDS else f"mean and range of {number} seeds"
