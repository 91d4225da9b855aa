"""Means over epochs of a run's training rows (never imports TensorFlow)."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

SQUARES = ("train_variance", "train_mean_square")


def epoch_means(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, float]]:
    """Joins the training rows of each finished epoch: means over its steps of every "train_" value.

    Args:
      rows: of metrics.jsonl; a training row holds means since the one before it.
    Returns:
      One dict an epoch: "step" and "epoch" at its end, the means under their names, and "log_<name>" beside every positive variance,
      the log of the mean.
    """
    found, sums, steps, last = [], {}, 0, 0
    for row in rows:
        values = {name: value for name, value in row.items() if name.startswith("train_")}
        if not values:
            continue
        weight = row["step"] - last
        last, steps = row["step"], steps + weight
        sums = {name: sums.get(name, 0.0) + weight * value for name, value in values.items()}
        if float(row["epoch"]).is_integer():
            means = {name: value / steps for name, value in sums.items()}
            logs = {f"log_{name}": math.log(value) for name, value in means.items() if name.startswith(SQUARES) and value > 0}
            found.append({"step": row["step"], "epoch": int(row["epoch"]), **means, **logs})
            sums, steps = {}, 0
    return found
