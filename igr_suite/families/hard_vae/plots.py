"""Epochs of VAEs of hard codes under the names of ReinMax's benchmark: -ELBO of training and test images."""

import pandas as pd

from igr_suite.families.hard_vae.presets import METHODS, code_of
from igr_suite.lab.analysis.epoch_means import epoch_means_of
from igr_suite.plotting.curves import draw_curves
from igr_suite.plotting.estimators import LABELS
from igr_suite.plotting.style import colour, draw_published, epoch_axis, look

NAMES = {method.estimator: name for name, method in METHODS.items()}
SPLITS = {"train": "training images, mean over the epoch", "test": "test images"}
LEFT_OUT = 0.15  # share of a run's first epochs that may lie above the drawn range


def named(frame: pd.DataFrame) -> pd.DataFrame:
    """Adds "method", "code" (categories x variables) and "data" columns to runs or metrics; a cut data set says so in its
    name."""
    estimators, cut = frame["model.estimator"], frame["data.train_limit"].notna()
    return frame.assign(
        method=[NAMES.get(name, LABELS.get(name, name)) for name in estimators],
        code=[code_of(*sizes) for sizes in zip(frame["model.categories"], frame["model.variables"])],
        data=frame["data.name"].where(~cut, frame["data.name"] + " (cut)"),
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
    """Draws -ELBO by epoch of one code, and published values as diamonds; the first epochs may lie above the panel;
    returns the drawn values.

    Args:
      axes: where to draw.
      rows: of `epoch_rows`, of one code.
      split: "train" or "test".
      references: columns method, epoch and value, of this code and split.
    """
    code, late = rows["code"].iloc[0], rows[rows["epoch"] > LEFT_OUT * rows["epochs"]]
    low, high = late[split].min(), late[split].max()
    low, high = low - 0.05 * (high - low) - 0.3, high + 0.05 * (high - low) + 0.3
    drawn = draw_curves(axes, rows, "epoch", split, method="method", seed="seed")
    inside = references[references["epoch"].le(rows["epoch"].max()) & references["value"].between(low, high)]
    for method, points in inside[inside["method"].isin(rows["method"])].groupby("method"):
        draw_published(axes, points["epoch"], points["value"], method)
    axes.set_ylim(low, high)
    axes.set_title(f"{code} (categories x variables)", fontsize="medium")
    epoch_axis(axes)
    return drawn.assign(code=code, split=split)


def gaps(rows: pd.DataFrame, column: str, keys: list[str]) -> pd.DataFrame:
    """The rows of all methods but ReinMax, with "gap": how far `column` is above ReinMax's value of the same keys."""
    reinmax = rows[rows["method"] == "ReinMax"].set_index(keys)[column].rename("reinmax")
    others = rows[rows["method"] != "ReinMax"].join(reinmax, on=keys)
    return others.assign(gap=others[column] - others["reinmax"]).dropna(subset=["gap"])


def draw_gaps(axes, ours: pd.DataFrame, published: pd.DataFrame, codes: list[str], methods: list[str]) -> None:
    """Draws the gaps of some methods: a dot for each seed of ours, a hollow diamond for the published means.

    Args:
      axes: where to draw; codes are its rows, from the top.
      ours, published: of `gaps`.
      codes: in order.
      methods: in order; side by side within a code.
    """
    for number, method in enumerate(methods):
        shift = 0.7 * ((number + 0.5) / len(methods) - 0.5)
        for rows, appearance in (
            (ours, {"marker": look(method).marker, "alpha": 0.8, "label": method}),
            (published, {"marker": "D", "markersize": 7, "markerfacecolor": "none"}),
        ):
            own = rows[(rows["method"] == method) & rows["code"].isin(codes)]
            axes.plot(
                own["gap"],
                own["code"].map(codes.index).astype(float) + shift,
                linestyle="",
                color=colour(method),
                **appearance,
            )
    axes.axvline(0.0, color=colour("ReinMax"), linewidth=1.2)
    axes.set_yticks(range(len(codes)), codes)
    axes.set_ylim(len(codes) - 0.5, -0.5)
    axes.set_xlabel("nats above ReinMax")
