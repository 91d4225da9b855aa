"""Tables: mean and spread over seeds, as Markdown, LaTeX and CSV."""

import contextlib
import re
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

import numpy as np
import pandas as pd

from igr_suite.plotting import latex
from igr_suite.terminal import line

_heading: ContextVar[tuple[str, str]] = ContextVar("heading", default=("", ""))


def over_seeds(
    frame: pd.DataFrame, by: list[str], columns: dict[str, str], digits: int = 2, seed: str = "seed"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Returns mean +- standard deviation over seeds, for every group of rows.

    Args:
      frame: rows of (group, seed); several rows of one seed count as one measurement, their mean.
      by: columns that name a row of the table; their order of appearance is kept.
      columns: column of `frame` -> heading.
      digits: digits after the point.
      seed: column of the seeds; in a frame without it every row is a seed.
    Returns:
      (texts for people, numbers for files): one row per group; the spread is the sample standard deviation over seeds,
      absent for one seed. A text gives its number of seeds where that is below the row's.
    """
    texts, numbers = [], []
    for keys, group in frame.groupby(by, sort=False, dropna=False):
        text = dict(zip(by, keys))
        number = dict(zip(by, keys))
        seeds = group[seed].nunique() if seed in group else len(group)
        for column, heading in columns.items():
            values = by_seed(group, column, seed)
            text[heading] = summary_text(values, digits, seeds)
            number |= {
                f"{column}_mean": values.mean() if len(values) else np.nan,
                f"{column}_sd": values.std(ddof=1) if len(values) > 1 else np.nan,
            }
        text["seeds"] = number["seeds"] = seeds
        texts.append(text)
        numbers.append(number)
    return pd.DataFrame(texts).astype(object).fillna("-"), pd.DataFrame(numbers)


def decimals(value: float, digits: int) -> str:
    """Returns a number with so many digits after the point, "-" for NaN."""
    return f"{value:.{digits}f}" if value == value else "-"


def by_seed(frame: pd.DataFrame, column: str, seed: str = "seed") -> np.ndarray:
    """Returns the values of a column, float [seeds with a value]: one per seed, the mean where a seed has several
    rows."""
    if column not in frame:
        return np.empty(0)
    measured = frame[frame[column].notna()]
    if seed not in frame or not measured[seed].duplicated().any():
        return measured[column].to_numpy(float)
    return measured[column].astype(float).groupby(measured[seed].to_numpy(), sort=False).mean().to_numpy()


def mean_of_seeds(frame: pd.DataFrame, column: str, seed: str = "seed") -> tuple[float, float, int] | None:
    """Returns (mean, sample standard deviation, number) over seeds, for the ledger, with deviation 0 for one seed; None
    without values."""
    values = by_seed(frame, column, seed)
    if not len(values):
        return None
    return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else 0.0, len(values)


def summary_text(values: np.ndarray, digits: int, seeds: int | None = None) -> str:
    """Returns '-98.21 ± 0.34', '-98.21' for one value, '-' for none; with the number of values where there are fewer
    than `seeds`."""
    if not len(values):
        return "-"
    mean = f"{values.mean():.{digits}f}"
    text = f"{mean} ± {values.std(ddof=1):.{digits}f}" if len(values) > 1 else mean
    return text if seeds is None or len(values) == seeds else f"{text} ({len(values)} seed{'s' * (len(values) > 1)})"


def markdown(table: pd.DataFrame) -> str:
    """Returns a Markdown table whose columns are aligned for a terminal too; control characters and bars are
    escaped, so that every row is one line and has its cells."""
    rows = [[line(cell).replace("|", "\\|") for cell in row] for row in (table.columns, *table.itertuples(index=False))]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]) + "\n"


def cells_of(row: str) -> list[str]:
    """Returns the cells of a row that `markdown` has written."""
    return [part.strip().replace("\\|", "|") for part in re.split(r"(?<!\\)\|", row.strip())[1:-1]]


@contextlib.contextmanager
def captioned(title: str, label: str) -> Iterator[None]:
    """Gives the LaTeX tables that are saved in the block a caption that begins with a title, and labels that begin with
    `label`: "tab:<label>" and, for further tables, "tab:<label>-paired"."""
    token = _heading.set((title, label))
    try:
        yield
    finally:
        _heading.reset(token)


def save_table(
    folder: Path, texts: pd.DataFrame, numbers: pd.DataFrame, note: str = "", name: str = "table"
) -> list[Path]:
    """Writes <name>.md, .tex and .csv; the .tex has the heading of `captioned` and the note as its caption."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.md", folder / f"{name}.tex", folder / f"{name}.csv"]
    paths[0].write_text(markdown(texts) + (f"\n{note}\n" if note else ""), encoding="utf-8", newline="\n")
    title, begin = _heading.get()
    label = "-".join(filter(None, [begin, name.removeprefix("table").strip("_")])) or name
    caption = " ".join(filter(None, [f"{title}." if title else "", note]))
    paths[1].write_text(latex.table(texts, caption, label), encoding="utf-8", newline="\n")
    numbers.to_csv(paths[2], index=False, float_format="%.6g")
    return paths
