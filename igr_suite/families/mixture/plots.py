"""Figures and tables of the stick-breaking mixtures: names, paired differences, usage of components, pictures."""

from pathlib import Path

import numpy as np
import pandas as pd

from igr_suite.lab.analysis.paired import paired_by
from igr_suite.lab.runs import picture_file
from igr_suite.plotting.names import DATA_NAMES
from igr_suite.plotting.pictures import LARGE, SMALL, Panel, draw_panels
from igr_suite.plotting.style import colour
from igr_suite.plotting.tables import save_table

NAMES = {"DLGMM": "DLGMM", "DLGMM_Var": "DLGMM-Var", "DLGMM_IGR": "DLGMM-IGR", "DLGMM_IGR_SB": "DLGMM-IGR-SB"}


def named(frame: pd.DataFrame) -> pd.DataFrame:
    """Adds the columns `data` and `model` with readable names."""
    names = frame["data.name"].map(DATA_NAMES).fillna(frame["data.name"].str.capitalize())
    cut = frame["data.train_limit"].notna()
    return frame.assign(data=names.where(~cut, names + " (cut)"), model=frame["model.name"].map(NAMES))


def weight_columns(frame: pd.DataFrame) -> list[str]:
    """Columns of the mean weights on the test split, by component."""
    columns = [c for c in frame.columns if c.startswith("test_weight_")]
    return sorted(columns, key=lambda c: int(c.rsplit("_", 1)[1]))


def paired_table(
    frame: pd.DataFrame, columns: dict[str, str], reference: str, folder: Path, name: str = "table_paired"
) -> list[Path]:
    """Writes the differences to a reference model at equal seeds, with their 95% intervals: one row for each data set
    and other model.

    Args:
      frame: finished runs, from `named`.
      columns: column of `frame` -> heading.
      reference: the model that is subtracted.
      folder: folder of the files.
      name: stem of their names.
    """
    texts, numbers = [], []
    for (data, model), _ in frame[frame["model"] != reference].groupby(["data", "model"], sort=False):
        row = {"data": data, "model": model}
        text, number = dict(row), dict(row)
        for column, heading in columns.items():
            paired = paired_by(frame, column, row, row | {"model": reference})
            text[heading] = paired.text()
            number |= {
                f"{column}_difference": paired.mean,
                f"{column}_low": paired.low,
                f"{column}_high": paired.high,
                "pairs": paired.pairs,
            }
        texts.append(text | {"pairs": number["pairs"]})
        numbers.append(number)
    note = (
        f"Minus {reference} with the same seed, nats per image: mean and 95% interval (Student's t; none for one pair)."
    )
    return save_table(folder, pd.DataFrame(texts), pd.DataFrame(numbers), note, name)


def draw_usage(axes, frame: pd.DataFrame) -> pd.DataFrame:
    """Draws the mean weight of every component: a bar for each model, a dot for each seed.

    Args:
      axes: axes to draw on.
      frame: finished runs of one data set, from `named`.
    Returns:
      The numbers that were drawn, with the columns model, seed, component and weight.
    """
    columns, models = weight_columns(frame), list(dict.fromkeys(frame["model"]))
    width, drawn = 0.8 / len(models), []
    for place, model in enumerate(models):
        rows = frame[frame["model"] == model]
        x = np.arange(1, len(columns) + 1) + (place - (len(models) - 1) / 2) * width
        axes.bar(x, rows[columns].mean(), width, color=colour(model), alpha=0.75, linewidth=0, label=model)
        for _, row in rows.iterrows():
            if len(rows) > 1:
                axes.plot(x, row[columns].astype(float), ".", color=colour(model), markersize=2.5, alpha=0.9)
            drawn.append(
                pd.DataFrame(
                    {
                        "model": model,
                        "seed": row["seed"],
                        "component": range(1, len(columns) + 1),
                        "weight": row[columns],
                    }
                )
            )
    step = 1 if len(columns) <= 10 else 2
    axes.set_xticks(range(1, len(columns) + 1, step))
    axes.set(xlabel="component", ylabel="mean posterior weight, test split", xlim=(0.4, len(columns) + 0.6))
    axes.grid(visible=False, axis="x")
    return pd.concat(drawn, ignore_index=True)


def draw_pictures(results_folder: Path, frame: pd.DataFrame, out: Path) -> list[Path]:
    """Draws, for each data set, display images with their reconstructions by each model, and samples of the components'
    priors.

    Args:
      results_folder: folder of the run folders; those with a pictures.npz are drawn.
      frame: finished runs, from `named`.
      out: folder of the figures.
    """
    paths = []
    for data, group in frame.groupby("data", sort=False):
        stored = group[[(results_folder / run_id / picture_file.FILE).exists() for run_id in group["run_id"]]]
        pictures = {row.model: picture_file.load(results_folder / row.run_id) for row in stored.itertuples()}
        if not pictures:
            continue
        ending = "" if frame["data"].nunique() == 1 else f"_{group['data.name'].iloc[0]}"
        first = next(iter(pictures.values()))
        grid = np.stack([first["originals"], *(p["reconstructions"] for p in pictures.values())])
        title = f"{data}: mean under the component with the largest weight"
        panel = Panel(grid, title, ["test image", *pictures])
        paths += draw_panels([[panel]], LARGE, out, f"reconstructions{ending}")
        components = [f"component {k + 1}" if k == 0 else str(k + 1) for k in range(first["prior"].shape[0])]
        priors = [
            Panel(arrays["prior"], f"{model}\n{data}: each component's prior, one noise a column", components)
            for model, arrays in pictures.items()
        ]
        paths += draw_panels(
            [priors[i : i + 2] for i in range(0, len(priors), 2)], SMALL, out, f"prior_samples{ending}"
        )
    return paths
