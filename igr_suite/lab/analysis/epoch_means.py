"""Means over epochs of a run's training rows (never imports TensorFlow)."""

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

SQUARES = ("train_variance", "train_mean_square")


def epoch_means(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, float]]:
    """Returns the means of every "train_" value over the steps of each finished epoch.

    Args:
      rows: the rows of metrics.jsonl; a training row holds means since the one before it.
    Returns:
      One dict per epoch: "step" and "epoch" at its end, the means under their names, and for each positive mean of a
      variance or square its log as "log_<name>".
    """
    epochs, sums, steps, last = [], {}, 0, 0
    for row in rows:
        values = {name: value for name, value in row.items() if name.startswith("train_")}
        if not values:
            continue
        weight = row["step"] - last
        last, steps = row["step"], steps + weight
        sums = {name: sums.get(name, 0.0) + weight * value for name, value in values.items()}
        if float(row["epoch"]).is_integer():
            means = {name: value / steps for name, value in sums.items()}
            logs = {
                f"log_{name}": math.log(value)
                for name, value in means.items()
                if name.startswith(SQUARES) and value > 0
            }
            epochs.append({"step": row["step"], "epoch": int(row["epoch"]), **means, **logs})
            sums, steps = {}, 0
    return epochs


def epoch_means_of(metrics: "pd.DataFrame") -> list[dict[str, float]]:
    """Returns the same from the rows of one run in a frame, in which absent values are nan."""
    columns = ["step", "epoch", *(column for column in metrics if column.startswith("train_"))]
    rows = metrics[columns].to_dict("records")  # ten times as fast as one Series per row
    return epoch_means({name: value for name, value in row.items() if value == value} for row in rows)
