"""Curves over epochs: the mean over seeds with every seed behind it, and captions with the number of seeds."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pandas as pd

from igr_suite.plotting.appearance import applied, current
from igr_suite.plotting.style import WIDTH, line_width, look

MANY_SEEDS = 5  # up to this many, every seed is drawn
FEWER_WIDTH = 0.8  # line width of the mean of fewer seeds than there are
MARKED = 15  # up to this many points of a curve, every one is marked
MARKS = 7  # of a curve with more points
JOINED = 3  # points of a curve from which on a line joins them
MOST_CHANGES = 2  # changes of the number of seeds along a curve that a caption spells out


def draw_curves(
    axes,
    frame: pd.DataFrame,
    x: str,
    y: str,
    *,
    method: str,
    seed: str,
    style: str | None = None,
    label: str = "{method}",
) -> pd.DataFrame:
    """Draws one line per method (and line style): the mean over seeds; thin lines show the seeds. Markers tell methods
    apart and stand at points of the mean, at all of them where they are few. Fewer than JOINED points are not joined,
    since a line through two of them says nothing about the course between; markers are then hollow where `style` is not
    solid.

    Seeds are counted at every x. Where a seed ends, the line of the mean ends too, and the mean of the remaining seeds
    continues as a thinner line.

    Curves that a reader lays over the figure (`appearance`) come last.

    Args:
      axes: where to draw.
      frame: rows of (method, style, seed, x); several rows of one seed at one x count as one measurement, their mean.
      x, y, method, seed: column names.
      style: column whose values are matplotlib line styles; None draws the methods' own.
      label: template over the columns of the group's first row, for the legend.
    Returns:
      The drawn values, for figure.csv: columns method, style, x, mean, lowest, highest, seeds (the number of seeds with
      a value at this x).
    """
    drawn, groups = [], list(frame.groupby([method, style] if style else [method], sort=False))
    for place, (keys, group) in enumerate(groups):
        shade, marker, own = look(keys[0])
        line = keys[1] if style else own
        measured = (
            group
            if not group.duplicated([seed, x]).any()
            else group.groupby([seed, x], sort=False)[y].mean().reset_index()
        )
        by_x, seeds = measured.groupby(x)[y], seeds_at(measured, seed, x, y)
        joined = len(seeds) >= JOINED
        if 1 < seeds.max() <= MANY_SEEDS:
            for _, rows in measured.groupby(seed):
                thin = {"linestyle": line, "linewidth": line_width(0.6)} if joined else {"linestyle": "", "marker": "."}
                axes.plot(rows[x], rows[y], color=shade, alpha=0.35, **thin)
        elif seeds.max() > 1:
            axes.fill_between(by_x.mean().index, by_x.min(), by_x.max(), color=shade, alpha=0.15, linewidth=0)
        mean, words = by_x.mean(), label.format(**{**group.iloc[0].to_dict(), "method": keys[0]})
        for part, whole in _stretches(seeds):
            axes.plot(
                part,
                mean[part],
                linestyle=line if joined else "",
                color=shade,
                linewidth=line_width(WIDTH if whole else FEWER_WIDTH),
                marker=marker,
                markerfacecolor=shade if joined or not style or line == "-" else "white",
                markevery=_marked(len(part), place / len(groups)),
                label=words if whole else None,
            )
            words = None if whole else words  # one entry in the legend
        drawn.append(
            pd.DataFrame(
                {
                    "method": keys[0],
                    "style": line if isinstance(line, str) else repr(line),
                    x: mean.index,
                    "mean": mean.values,
                    "lowest": by_x.min().values,
                    "highest": by_x.max().values,
                    "seeds": seeds.values,
                }
            )
        )
    further = current().further_curves(frame, x, y)
    if further is not None:
        with applied(replace(current(), overlay=None)):
            drawn.append(draw_curves(axes, further, x, y, method="method", seed="seed"))
    return pd.concat(drawn, ignore_index=True)


def _marked(points: int, share: float) -> tuple[int, int]:
    """Returns (first, every): which points of a curve have a marker; the first is later for a greater share in
    [0, 1), so that markers of several curves do not lie one above the other."""
    every = 1 if points <= MARKED else -(-points // MARKS)
    return int(share * every), every


def seeds_at(frame: pd.DataFrame, seed: str, x: str, y: str | None = None) -> pd.Series:
    """Returns the number of seeds that have a row, or a value of `y`, at every x, indexed by x in ascending order."""
    rows = frame if y is None else frame.assign(**{seed: frame[seed].where(frame[y].notna())})
    return rows.groupby(x)[seed].nunique()


def _stretches(seeds: pd.Series) -> Iterator[tuple[pd.Index, bool]]:
    """Yields the x values of every stretch of a curve, and whether it has all seeds; an x without a value belongs to the
    stretch around it."""
    known = seeds.where(seeds > 0).ffill().bfill()
    whole = (known == known.max()) | known.isna()
    for _, part in whole.groupby((whole != whole.shift()).cumsum()):
        yield part.index, bool(part.iloc[0])


def seeds_along(seeds: pd.Series, x: str) -> str:
    """Returns the number of seeds along a curve in words: '3', '3 to epoch 20, then 1', or '1 to 3' where it changes
    often.

    Args:
      seeds: number of seeds, indexed by ascending x, as `seeds_at` returns it.
      x: the name of x, 'epoch'.
    """
    seeds = seeds[seeds > 0]
    last = seeds[seeds != seeds.shift(-1)]  # where each number ends
    if len(last) > MOST_CHANGES + 1:
        return f"{seeds.min()} to {seeds.max()}"
    falls = [f"{number} to {x} {place:g}" for place, number in last.iloc[:-1].items()]
    return ", then ".join([*falls, f"{last.iloc[-1]}"])


def number_of_seeds(frame: pd.DataFrame, groups: Sequence[str], seed: str = "seed") -> str:
    """Returns '1 seed', '3 seeds', or '1 to 3 seeds' where the groups of a frame have different numbers of them."""
    counts = frame.groupby(list(groups), dropna=False)[seed].nunique()
    number = f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"
    return f"{number} seed{'s' if counts.max() > 1 else ''}"


def seeds_caption(
    frame: pd.DataFrame, seed: str, groups: Sequence[str], x: str | None = None, y: str | None = None
) -> str:
    """Returns 'mean and each of 3 seeds', or 'mean and each of 3 seeds to epoch 20, then 1', from the frame itself.

    Args:
      frame: the drawn rows.
      seed: column of the seeds.
      groups: columns that distinguish the curves; the last of them names a curve whose seeds end before those of the
        others.
      x: column along which seeds are counted; None where a group has one point.
      y: column that is drawn; rows without a value do not count.
    """
    curves = {}
    for keys, group in frame.groupby(list(groups), dropna=False):
        counts = seeds_at(group.assign(_point=0) if x is None else group, seed, x or "_point", y)
        if counts.max() > 0:
            curves[keys] = counts[counts > 0]
    most = [counts.max() for counts in curves.values()]
    number = f"{min(most)}" if min(most) == max(most) else f"{min(most)}-{max(most)}"
    if max(most) == 1:
        return "1 seed"
    words = "mean and each of" if max(most) <= MANY_SEEDS else "mean and range of"
    changing = {keys: counts for keys, counts in curves.items() if counts.nunique() > 1}
    texts: dict[str, list[str]] = {}  # number of seeds along a curve, in words -> names of the curves
    for keys, counts in changing.items():
        texts.setdefault(seeds_along(counts, x), []).append(str(keys[-1]))
    if len(texts) == 1 and min(most) == max(most):
        along, counts = next(iter(texts)), next(iter(changing.values()))
        falls = along.startswith(f"{number} to {x} ")
        others_end = max(
            (c.index.max() for keys, c in curves.items() if keys not in changing), default=counts.index.min()
        )
        if falls and others_end <= counts.index[counts == max(most)].max():
            return f"{words} {along.replace(' to ', ' seeds to ', 1)}"
    ends = [
        f"{names[0] if len(set(names)) == 1 else f'{len(names)} curves'}: {along}" for along, names in texts.items()
    ]
    return ";\n".join([f"{words} {number} seeds", *ends])  # a line each, because titles are as wide as their figure
