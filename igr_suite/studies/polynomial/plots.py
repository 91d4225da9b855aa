"""Rows and curves of polynomial programming: expected loss against the step, beside the optimum and the points of
rest."""

import numpy as np
import pandas as pd

from igr_suite.plotting.curves import draw_curves
from igr_suite.plotting.estimators import LABELS
from igr_suite.plotting.style import draw_published

USUAL = 1.0  # temperature, which labels leave out
COLUMNS = ("loss", "expected_loss", "probability")


def label(estimator: str, temperature: float | None) -> str:
    """'ReinMax', 'ST-GS(0.1)' for another temperature than 1, 'GST-1.0' for its gap."""
    name = "GST-1.0" if estimator == "gst" else LABELS.get(estimator, estimator)
    usual = temperature is None or np.isnan(temperature) or temperature == USUAL
    return name if usual else f"{name}({temperature:g})"


def seed_rows(metrics: pd.DataFrame) -> pd.DataFrame:
    """Expands rows with lists over seeds into one row for each step and seed.

    Returns:
      Columns method, power, step, seed, loss (nan at step 0), expected_loss, probability.
    """
    absent = metrics["expected_loss"].map(lambda values: [np.nan] * len(values))
    rows = metrics.assign(
        loss=metrics["loss"].where(metrics["loss"].map(lambda value: isinstance(value, (list, tuple))), absent),
        method=[label(*pair) for pair in zip(metrics["estimator"], metrics["temperature"])],
        seed=metrics["expected_loss"].map(lambda values: list(range(len(values)))),
    )
    rows = rows[["method", "power", "step", "seed", *COLUMNS]].explode(["seed", *COLUMNS], ignore_index=True)
    return rows.astype(dict.fromkeys(COLUMNS, float) | {"seed": int})


def last_rows(metrics: pd.DataFrame) -> pd.DataFrame:
    """The rows of the last epoch."""
    rows = seed_rows(metrics)
    return rows[rows["step"] == rows.groupby(["power", "method"])["step"].transform("max")]


def draw_losses(axes, rows: pd.DataFrame, rest: pd.Series, target: float) -> pd.DataFrame:
    """Draws the expected loss of every method for one power; returns the drawn values.

    Args:
      axes: where to draw.
      rows: of `seed_rows`, of one power.
      rest: loss at the point of rest, by method, drawn at the right edge.
      target: of the runs.
    """
    power = rows["power"].iloc[0]
    thousands = rows.assign(thousands=rows["step"] / 1e3)
    drawn = draw_curves(axes, thousands, "thousands", "expected_loss", method="method", seed="seed")
    axes.axhline(target**power, color="0.5", linewidth=0.8, linestyle=":")
    for method, loss in rest.items():
        edge = thousands["thousands"].max()
        draw_published(axes, edge, loss, method)
    axes.set(xlabel="step, thousands", title=f"p = {power:g}")
    return drawn.assign(power=power)
