"""Tables and figures of half-and-half MNIST's gradients by epoch: their quality, and the synthetic gradient's
regression."""

from pathlib import Path

import numpy as np
import pandas as pd

from igr_suite.data.halves import HALF_PIXELS
from igr_suite.families.half_mnist.plots.losses import curves_figure, evaluations, labelled, named
from igr_suite.plotting.curves import draw_curves, seeds_caption
from igr_suite.plotting.names import data_names
from igr_suite.plotting.style import colour, epoch_axis, figure, save
from igr_suite.plotting.tables import over_seeds, save_table

SMALLEST = 1e-7  # smaller squared gradients are noise of the measurement
QUALITY = {
    "bias_square": "|bias|²",
    "variance": "variance",
    "agreement": "gradients within 90° of T\n(0.5: chance)",
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
    """One row per run, epoch and estimator ("estimate").

    Returns:
      Rows with the columns of QUALITY, "snr", |T|^2 as "true_square", and what noise does to them: "noise", whether the
        squared norm of T's noise (REINFORCE's variance over the number of samples) is above |T|^2, and "bias_error",
        the standard error of |bias|^2 if the noise of all entries were alike, which is the least that it can be:
        root of (4 max(|bias|^2, 0) v + 2 v^2) / d for d entries and noise of the squared norm v in all.
    """
    rows, of_estimators = evaluations(metrics, "gradient_true_square"), []
    noise_of_t = rows["gradient_reinforce_variance"] / rows["evaluation.gradient_samples"]
    entries = rows["evaluation.gradient_images"] * rows["model.latents"]
    for key, name in ESTIMATES.items():
        if f"gradient_{key}_variance" not in rows:
            continue
        label = [method if key == "synthetic" else name for method in rows["method"]]
        columns = {what: rows.get(f"gradient_{key}_{what}") for what in (*QUALITY, "snr")}
        columns["true_square"] = rows["gradient_true_square"]
        noise = noise_of_t + columns["variance"] / rows["evaluation.gradient_samples"]
        columns["noise"] = noise_of_t > rows["gradient_true_square"]
        columns["bias_error"] = np.sqrt((4 * columns["bias_square"].clip(lower=0) * noise + 2 * noise**2) / entries)
        of_estimators.append(rows[["run_id", "data.name", "seed", "epoch", "method"]].assign(estimate=label, **columns))
    return pd.concat(of_estimators, ignore_index=True)


def quality_figure(rows: pd.DataFrame, out: Path) -> list[Path]:
    """Draws bias, variance, half-space agreement and cosine by epoch, a curve per estimator, with intervals of |bias|^2
    and without cosines where T is noise; figure.png, .pdf, .csv."""
    drawn, noisy = [], rows[rows["noise"]]["epoch"]
    with figure(width=9.4, height=6.8, columns=2, rows=2, sharex=True) as (fig, axes):
        for axis, (column, label) in zip(axes.flat, QUALITY.items()):
            shown = rows[~rows["noise"]] if column == "cosine" else rows
            kept = [column, "bias_error"]
            part = shown.groupby(["estimate", "seed", "epoch"], sort=False)[kept].mean().reset_index()
            drawn.append(
                draw_curves(axis, part, "epoch", column, method="estimate", seed="seed").assign(quantity=column)
            )
            axis.set_ylabel(label)
            epoch_axis(axis)
            if axis in axes[0]:
                axis.set_xlabel("")
            if column in ("bias_square", "variance"):
                axis.plot(
                    part["epoch"].unique(), rows.groupby("epoch")["true_square"].mean(), ":", color="0.3", label="|T|²"
                )
                axis.set_yscale("symlog", linthresh=SMALLEST)
            if column == "bias_square":
                axis.axhline(0.0, color="0.5", linewidth=0.8)
                _draw_intervals(axis, part)
            if column == "agreement":
                axis.axhline(0.5, color="0.5", linewidth=0.8)
            if column == "cosine":
                axis.axhline(1.0, color="0.5", linewidth=0.8)
            if len(noisy):
                axis.axvspan(noisy.min() - 0.5, noisy.max() + 0.5, color="0.5", alpha=0.12, linewidth=0)
            axis.set_xlim(rows["epoch"].min() - 0.5, rows["epoch"].max() + 0.5)
        fig.legend(*axes[0][1].get_legend_handles_labels(), loc="outside right center", fontsize="small")
        seeds = seeds_caption(rows, "seed", ["estimate"], "epoch")
        fig.suptitle(
            f"{data_names(rows['data.name'])}; {seeds}; T: mean REINFORCE gradient; |bias|² and cosine are corrected "
            "for noise, so they may fall below 0 or pass 1; bars: ±2 standard errors at least; grey: T is mostly noise, "
            "cosines are left out",
            fontsize="medium",
        )
        paths = save(fig, out)
    pd.concat(drawn).to_csv(out / "figure.csv", index=False, float_format="%.6g")
    return [*paths, out / "figure.csv"]


def _draw_intervals(axis, part: pd.DataFrame) -> None:
    for name, points in part.groupby("estimate", sort=False):
        means = points.groupby("epoch")[["bias_square", "bias_error"]].mean()
        axis.vlines(
            means.index,
            means["bias_square"] - 2 * means["bias_error"],
            means["bias_square"] + 2 * means["bias_error"],
            color=colour(name),
            linewidth=1.0,
        )


def quality_table(rows: pd.DataFrame, out: Path, note: str) -> list[Path]:
    """Writes table: the columns of QUALITY and the signal-to-noise ratio at the first and the last epoch, without the
    cosines where T is noise; returns the paths."""
    ends = rows[rows["epoch"].isin((rows["epoch"].min(), rows["epoch"].max()))]
    ends = ends.assign(**{name: 1e6 * ends[name] for name in ("bias_square", "variance", "true_square")})
    headings = {"true_square": "T squared", "bias_square": "bias squared", "variance": "variance"}
    headings |= {"agreement": "agreement", "cosine": "cosine", "snr": "SNR"}
    texts, numbers = over_seeds(ends, ["epoch", "estimate"], headings, 3)
    noisy = ends[ends["noise"]]["epoch"]
    texts.loc[texts["epoch"].isin(noisy), "cosine"] = "-"
    return save_table(out, texts, numbers, note)
