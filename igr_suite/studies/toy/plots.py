"""Curves of toy runs: loss and variance of the gradient against the step, for each seed."""

import numpy as np
import pandas as pd

from igr_suite.lab.analysis.ledger import OurValue
from igr_suite.plotting.curves import draw_curves
from igr_suite.plotting.estimators import label

OPTIMISERS = {"sgd": "SGD", "adam": "Adam"}


def seed_rows(metrics: pd.DataFrame) -> pd.DataFrame:
    """Expands rows of steps, with lists over seeds, into one row for each step and seed.

    Returns:
      Columns method, setting, target, optimiser, step, repetition, p, loss, variance, ema_variance.
    """
    lists = [name for name in ("p", "loss", "variance", "ema_variance") if name in metrics]
    absent = metrics["p"].map(lambda p: [np.nan] * len(p))
    filled = {
        name: metrics[name].where(metrics[name].map(lambda value: isinstance(value, (list, tuple))), absent)
        for name in lists
    }
    rows = metrics.assign(
        **filled,
        method=[label(name, temperature) for name, temperature in zip(metrics["estimator"], metrics["temperature"])],
        setting=[setting(*three) for three in zip(metrics["optimiser"], metrics["learning_rate"], metrics["target"])],
        repetition=metrics["p"].map(lambda p: list(range(len(p)))),
    )
    kept = ["method", "setting", "target", "optimiser", "step", "repetition", *lists]
    rows = rows[kept].explode([*lists, "repetition"], ignore_index=True)
    return rows.astype(dict.fromkeys(lists, float) | {"repetition": int})


def setting(optimiser: str, learning_rate: float, target: float) -> str:
    """Label of a setting, such as 'SGD 0.1, t=0.45'."""
    return f"{OPTIMISERS[optimiser]} {learning_rate:g}, t={target:g}"


def _words(rows: pd.DataFrame) -> str:
    """The setting of rows for a title: 'SGD, rate 0.1, target t = 0.45'."""
    optimiser, rate, target = rows["setting"].iloc[0].replace(",", "").split()
    return f"{optimiser}, rate {rate}, target t = {target.removeprefix('t=')}"


def medians(rows: pd.DataFrame, quantity: str, method: str, setting: str, step: int) -> OurValue | None:
    """Median over seeds, standard deviation, number of seeds and the value of each, at one step; None if there are no
    such rows."""
    matching = rows[(rows["method"] == method) & (rows["setting"] == setting) & (rows["step"] == step)]
    values = matching.set_index("repetition")[quantity].dropna()
    return OurValue(float(values.median()), float(values.std()), len(values), values.to_dict()) if len(values) else None


def draw_losses(axes, rows: pd.DataFrame) -> pd.DataFrame:
    """Draws the expected loss of every method; returns the drawn values."""
    drawn = draw_curves(axes, rows, "step", "loss", method="method", seed="repetition")
    best = float(rows["target"].iloc[0]) ** 2
    axes.axhline(best, color="0.5", linewidth=0.8, linestyle=":")
    axes.set(xlabel="step", ylabel="expected loss", title=_words(rows))
    return drawn.assign(quantity="loss")


def draw_variances(axes, rows: pd.DataFrame, column: str, ylabel: str, lowest: float) -> pd.DataFrame:
    """Draws the log of the mean over seeds of a variance, for the methods that have one; returns the drawn values.

    Args:
      axes: where to draw.
      rows: of one setting.
      column: variance or ema_variance; the moving average minus the squared exact gradient can be negative, which
        leaves a gap.
      ylabel: label of the y-axis.
      lowest: log variance below which nothing is drawn.
    """
    measured = rows[rows["method"] != "exact"].dropna(subset=[column]).groupby(["method", "step"], sort=False)
    mean, seeds = measured[column].mean().reset_index(), measured["repetition"].nunique()
    mean = mean.assign(log=np.log(mean[column].where(mean[column] > 0)), mean_of_seeds=0)
    drawn = draw_curves(axes, mean, "step", "log", method="method", seed="mean_of_seeds")
    drawn = drawn.assign(seeds=[seeds[place] for place in zip(drawn["method"], drawn["step"])])
    span = max(lowest, mean["log"].min() - 0.3), mean["log"].max() + 0.3
    axes.set(xlabel="step", ylabel=ylabel, ylim=span, title=_words(rows))
    return drawn.assign(quantity=f"log {column}")
