"""Epochs of VAEs of hard codes under the names of ReinMax's benchmark: -ELBO of training and test images."""

import pandas as pd

from igr_suite.families.hard_vae.presets import METHODS, code_of
from igr_suite.lab.analysis.epoch_means import epoch_means_of
from igr_suite.plotting.curves import draw_curves
from igr_suite.plotting.estimators import LABELS
from igr_suite.plotting.style import colour, epoch_axis

NAMES = {method.estimator: name for name, method in METHODS.items()}
SPLITS = {"train": "training images, mean over the epoch", "test": "test images"}
LEFT_OUT = 0.15  # share of a run's first epochs that may lie above the drawn range


def named(frame: pd.DataFrame) -> pd.DataFrame:
    """Adds "method", "code" (categories x variables) and "data" columns to runs or metrics."""
    estimators = frame["model.estimator"]
    return frame.assign(
        method=[NAMES.get(name, LABELS.get(name, name)) for name in estimators],
        code=[code_of(*sizes) for sizes in zip(frame["model.categories"], frame["model.variables"])],
        data=frame["data.name"],
    )


def epoch_rows(metrics: pd.DataFrame) -> pd.DataFrame:
    """One row per run and epoch: run_id, method, code, data, seed, epoch, epochs (of the run), train and test -ELBO.

    "train" is the mean over the epoch's steps, while the weights move; "test" is measured at its end.
    """
    frames = []
    for run_id, group in metrics.groupby("run_id", sort=False):
        first = named(group.iloc[:1]).iloc[0]
        trained = pd.DataFrame(epoch_means_of(group)).set_index("epoch")["train_elbo"]
        tested = group[group["test_elbo"].notna()].set_index("epoch")["test_elbo"]
        rows = pd.DataFrame({"train": -trained, "test": -tested}).rename_axis("epoch").reset_index()
        kept = {name: first[name] for name in ("method", "code", "data", "seed")}
        frames.append(rows.assign(run_id=run_id, epochs=first["schedule.epochs"], **kept))
    return pd.concat(frames, ignore_index=True)


def last_epochs(metrics: pd.DataFrame) -> pd.DataFrame:
    """The last epoch of every run."""
    rows = epoch_rows(metrics)
    return rows[rows["epoch"] == rows["epochs"]]


def draw_epochs(axes, rows: pd.DataFrame, split: str, references: pd.DataFrame) -> pd.DataFrame:
    """Draws -ELBO by epoch of one code, and published values as diamonds; returns the drawn values.

    Args:
      axes: where to draw.
      rows: of `epoch_rows`, of one code.
      split: "train" or "test".
      references: columns method, epoch and value, of this code and split.
    """
    code, late = rows["code"].iloc[0], rows[rows["epoch"] > LEFT_OUT * rows["epochs"]]
    drawn = draw_curves(axes, rows, "epoch", split, method="method", seed="seed")
    shown = references[references["epoch"] <= rows["epoch"].max()]
    for method, points in shown.groupby("method"):
        if method in set(rows["method"]):
            axes.plot(
                points["epoch"],
                points["value"],
                "D",
                color=colour(method),
                markersize=5,
                markeredgecolor="white",
                zorder=3,
                clip_on=False,
            )
    low, high = late[split].min(), late[split].max()
    axes.set_ylim(low - 0.05 * (high - low) - 0.3, high + 0.05 * (high - low) + 0.3)
    axes.set_title(f"{code} (categories x variables)", fontsize=10)
    epoch_axis(axes)
    return drawn.assign(code=code, split=split)
