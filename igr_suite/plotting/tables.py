"""Tables: mean and spread over seeds, as Markdown, LaTeX and CSV."""

from pathlib import Path

import numpy as np
import pandas as pd


def over_seeds(frame: pd.DataFrame, by: list[str], columns: dict[str, str], digits: int = 2) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Mean +- standard deviation over seeds.

    Args:
      frame: one row a run.
      by: columns that name a row of the table; their order of appearance is kept.
      columns: column of `frame` -> heading.
      digits: after the point.
    Returns:
      (texts for people, numbers for files): one row a group; the spread is the sample standard deviation over seeds, absent for one seed.
    """
    texts, numbers = [], []
    for keys, group in frame.groupby(by, sort=False, dropna=False):
        text = dict(zip(by, keys))
        number = dict(zip(by, keys))
        for column, heading in columns.items():
            values = group[column].dropna().to_numpy(float) if column in group else np.empty(0)
            text[heading] = summary_text(values, digits)
            number |= {
                f"{column}_mean": values.mean() if len(values) else np.nan,
                f"{column}_sd": values.std(ddof=1) if len(values) > 1 else np.nan,
            }
        text["seeds"] = number["seeds"] = len(group)
        texts.append(text)
        numbers.append(number)
    return pd.DataFrame(texts).astype(object).fillna("-"), pd.DataFrame(numbers)


def summary_text(values: np.ndarray, digits: int) -> str:
    """'-98.21 +- 0.34'; '-' without values."""
    if not len(values):
        return "-"
    mean = f"{values.mean():.{digits}f}"
    return f"{mean} ± {values.std(ddof=1):.{digits}f}" if len(values) > 1 else mean


def markdown(table: pd.DataFrame) -> str:
    """A Markdown table whose columns are aligned for reading in a terminal too."""
    rows = [[str(c) for c in table.columns], *[[str(v) for v in row] for row in table.itertuples(index=False)]]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]) + "\n"


def latex(table: pd.DataFrame) -> str:
    """A LaTeX tabular of the same cells."""

    def cell(value: object) -> str:
        return str(value).replace("±", r"$\pm$").replace("_", r"\_").replace("%", r"\%")

    rows = [" & ".join(cell(v) for v in row) + r" \\" for row in table.itertuples(index=False)]
    head = " & ".join(cell(c) for c in table.columns) + r" \\ \hline"
    return "\n".join([rf"\begin{{tabular}}{{{'l' * len(table.columns)}}}", head, *rows, r"\end{tabular}"]) + "\n"


def save_table(folder: Path, texts: pd.DataFrame, numbers: pd.DataFrame, note: str = "", name: str = "table") -> list[Path]:
    """Writes <name>.md, .tex and .csv."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.md", folder / f"{name}.tex", folder / f"{name}.csv"]
    paths[0].write_text(markdown(texts) + (f"\n{note}\n" if note else ""), encoding="utf-8", newline="\n")
    paths[1].write_text(latex(texts), encoding="utf-8", newline="\n")
    numbers.to_csv(paths[2], index=False, float_format="%.6g")
    return paths
