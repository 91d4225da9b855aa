"""Tables and figures of half-and-half MNIST's gradients by epoch: their quality, and the synthetic gradient's
regression."""

from pathlib import Path

import numpy as np
import pandas as pd

from igr_suite.data.halves import HALF_PIXELS
from igr_suite.families.half_mnist.plots.losses import curves_figure, evaluations, labelled, named
from igr_suite.plotting.curves import draw_curves, seeds_caption
from igr_suite.plotting.style import epoch_axis, figure, save
from igr_suite.plotting.tables import over_seeds, save_table

SMALLEST = 1e-7  # smaller squared gradients are noise of the measurement
QUALITY = {
    "bias_square": "|bias|²",
    "variance": "variance",
    "agreement": "share of gradients within 90° of T",
    "cosine": "cosine of the mean with T",
}
ESTIMATES = {"reinforce": "REINFORCE", "straight_through": "ST", "synthetic": "SDNI"}


def training_rows(metrics: pd.DataFrame) -> pd.DataFrame:
    """One row per run and epoch: means of the "train_" columns over the epoch's rows, which divide it evenly."""
    rows = named(metrics).dropna(subset=["train_loss"])
    rows = rows.assign(epoch=np.ceil(rows["epoch"] - 1e-9).astype(int))
    columns = [name for name in rows if name.startswith("train_")]
    kept = [name for name in rows if name not in columns and name != "step"]
    means = rows.groupby(["run_id", "epoch"], sort=False)[columns].mean()
    return rows[kept].drop_duplicates(["run_id", "epoch"]).set_index(["run_id", "epoch"]).join(means).reset_index()


def regression_rows(metrics: pd.DataFrame) -> pd.DataFrame:
    """Epoch means of runs with a synthetic gradient.

    Returns:
      Rows with "share", the part of the target's mean square that the regression explains, and "target" and
        "prediction", root mean squares of the gradient of an image's loss in nats per pixel, whatever scale the
        regression had.
    """
    rows = labelled(training_rows(metrics))
    rows = rows[rows["model.estimator"] == "sdni"]
    scale = (
        rows["sg.scale"].map({"example": 1.0, "image": float(HALF_PIXELS)}).fillna(1.0 / rows["schedule.batch_size"])
    )
    return rows.assign(
        share=1.0 - rows["train_sg_loss"] / rows["train_target_square"],
        target=np.sqrt(rows["train_target_square"]) / scale,
        prediction=np.sqrt(rows["train_synthetic_square"]) / scale,
    )


def regression_figure(rows: pd.DataFrame, out: Path) -> list[Path]:
    """Draws root mean squares of target and prediction, and their cosine; figure.png, .pdf, .csv."""
    panels = [
        ("target", "target, RMS"),
        ("prediction", "prediction, RMS"),
        ("train_cosine", "cosine with the one-sample target"),
    ]
    return curves_figure(rows, panels, out, by="run", log=("target", "prediction"))


def quality_rows(metrics: pd.DataFrame) -> pd.DataFrame:
    """One row per run, epoch and estimator ("estimate"): the columns of QUALITY, "snr", and |T|^2 as "true_square"."""
    rows, of_estimators = evaluations(metrics, "gradient_true_square"), []
    for key, name in ESTIMATES.items():
        if f"gradient_{key}_variance" not in rows:
            continue
        label = [method if key == "synthetic" else name for method in rows["method"]]
        columns = {what: rows.get(f"gradient_{key}_{what}") for what in (*QUALITY, "snr")}
        columns["true_square"] = rows["gradient_true_square"]
        of_estimators.append(rows[["run_id", "data.name", "seed", "epoch", "method"]].assign(estimate=label, **columns))
    return pd.concat(of_estimators, ignore_index=True)


def quality_figure(rows: pd.DataFrame, out: Path) -> list[Path]:
    """Draws bias, variance, half-space agreement and cosine by epoch, a curve per estimator; figure.png, .pdf, .csv."""
    drawn = []
    with figure(width=9.4, height=6.2, columns=2, rows=2) as (fig, axes):
        for axis, (column, label) in zip(axes.flat, QUALITY.items()):
            part = rows.groupby(["estimate", "seed", "epoch"], sort=False)[column].mean().reset_index()
            drawn.append(
                draw_curves(axis, part, "epoch", column, method="estimate", seed="seed").assign(quantity=column)
            )
            axis.set_ylabel(label)
            epoch_axis(axis)
            if column in ("bias_square", "variance"):
                axis.plot(
                    part["epoch"].unique(), rows.groupby("epoch")["true_square"].mean(), ":", color="0.3", label="|T|²"
                )
                axis.set_yscale("symlog", linthresh=SMALLEST)
            if column == "agreement":
                axis.axhline(0.5, color="0.5", linewidth=0.8)
        axes[0][1].legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
        fig.suptitle(f"{rows['data.name'].iloc[0]}, {seeds_caption(rows, 'seed', ['estimate'], 'epoch')}", fontsize=10)
        paths = save(fig, out)
    pd.concat(drawn).to_csv(out / "figure.csv", index=False, float_format="%.6g")
    return [*paths, out / "figure.csv"]


def quality_table(rows: pd.DataFrame, out: Path, note: str) -> list[Path]:
    """Writes table: the columns of QUALITY and the signal-to-noise ratio at the first and the last epoch; returns the
    paths."""
    ends = rows[rows["epoch"].isin((rows["epoch"].min(), rows["epoch"].max()))]
    ends = ends.assign(**{name: 1e6 * ends[name] for name in ("bias_square", "variance", "true_square")})
    headings = {"true_square": "T squared", "bias_square": "bias squared", "variance": "variance"}
    headings |= {"agreement": "agreement", "cosine": "cosine", "snr": "SNR"}
    texts, numbers = over_seeds(ends, ["epoch", "estimate"], headings, 3)
    return save_table(out, texts, numbers, note)
