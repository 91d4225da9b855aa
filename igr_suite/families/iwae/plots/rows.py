"""Rows of runs and metrics under readable names, with bounds, their gains on the original objective, and gradient
statistics."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from igr_suite.lab.analysis.epoch_means import epoch_means_of
from igr_suite.objectives.names import facts_of

# column of panels -> the objectives that it shows, the original first
FAMILIES = {"IWAE": ("iwae", "dreg", "stl"), "RWS": ("rws", "rws-dreg"), "JVI": ("jk", "jk-dreg")}
ORIGINALS = tuple(members[0] for members in FAMILIES.values())
STYLES = {**dict.fromkeys(ORIGINALS, "--"), "stl": ":"}  # the lines of the others are solid


def label(estimator: str, alpha: float | None = None) -> str:
    """'DReG'; 'DReG(0.9)' or 'VR-IWAE(0.5)' with alpha."""
    title = facts_of(estimator).title
    return title if alpha is None or np.isnan(alpha) else f"{title.removesuffix('(alpha)')}({alpha:g})"


def family(estimator: str) -> str:
    """The column of panels that shows an objective: 'IWAE', 'RWS', 'JVI'; 'mixture' for DReG(alpha)."""
    return next((name for name, members in FAMILIES.items() if estimator in members), "mixture")


def named(frame: pd.DataFrame) -> pd.DataFrame:
    """Adds "method", "family", "style" (of lines), "samples" (K) and "data" columns to runs or metrics."""
    estimators = frame["model.estimator"]
    return frame.assign(
        method=[label(*two) for two in zip(estimators, frame["model.alpha"].astype(float))],
        family=[family(estimator) for estimator in estimators],
        style=[STYLES.get(estimator, "-") for estimator in estimators],
        samples=frame["model.samples"],
        data=frame["data.name"],
    )


def bound_column(frame: pd.DataFrame) -> str:
    """The column of the test bound with the most samples that all runs have: 'test_iw_64'."""
    bounds = [column for column in frame if re.fullmatch(r"test_iw_\d+", column)]
    rows = frame.dropna(subset=bounds, how="all")
    return max((c for c in bounds if rows.groupby("run_id")[c].count().all()), key=lambda c: int(c.rsplit("_", 1)[1]))


def likelihood_column(runs: pd.DataFrame) -> str | None:
    """The column of the bound at the end with the most samples, 'test500_iw_5000'; None where it was not measured."""
    bounds = [column for column in runs if re.fullmatch(r"test\d*_iw_\d+", column)]
    longest = max(bounds, key=lambda c: int(c.rsplit("_", 1)[1]))
    return None if longest == bound_column(runs) else longest


def gradient_rows(metrics: pd.DataFrame) -> pd.DataFrame:
    """All training rows, with the columns of `named` and `own_statistics`."""
    return own_statistics(named(metrics[metrics["train_objective"].notna()]))


def bound_rows(metrics: pd.DataFrame, pair_on: Sequence[str] = ("data", "samples", "seed")) -> pd.DataFrame:
    """Evaluated rows with "bound", its "gain" on the family's original of the same seed and step, and "gain_iwae", that
    on IWAE."""
    column = bound_column(metrics)
    rows = named(metrics.dropna(subset=[column])).rename(columns={column: "bound"})
    keys = [*pair_on, "step"]
    originals = rows[rows["model.estimator"].isin(ORIGINALS)]
    rows = rows.merge(
        originals[[*keys, "family", "bound"]].rename(columns={"bound": "original"}), on=[*keys, "family"], how="left"
    )
    iwae = originals[originals["family"] == "IWAE"]
    rows = rows.merge(iwae[[*keys, "bound"]].rename(columns={"bound": "iwae"}), on=keys, how="left")
    return rows.assign(gain=rows["bound"] - rows["original"], gain_iwae=rows["bound"] - rows["iwae"])


def last_bounds(metrics: pd.DataFrame) -> pd.DataFrame:
    """The last of each run's `bound_rows`."""
    return bound_rows(metrics).groupby("run_id", sort=False).tail(1)


def epochs_of(metrics: pd.DataFrame) -> pd.DataFrame:
    """One row per run and epoch: the run's config, step, epoch, and the epoch's means of all training scalars."""
    epochs = []
    for run_id, rows in metrics.groupby("run_id", sort=False):
        config = {name: rows[name].iloc[0] for name in rows if name == "seed" or "." in name}
        epochs += [{"run_id": run_id, **config, **row} for row in epoch_means_of(rows)]
    return pd.DataFrame(epochs)


def ends(runs: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """Finished runs, with the columns of `named` and the last epoch's mean gradient statistics.

    Args:
      runs, metrics: of one experiment or a part of it.
    Returns:
      The runs with "bound" (of `bound_column`), "likelihood" (of `likelihood_column`), "gap" (the likelihood less the
        bound of one sample, which is near KL(q || p(z|x))), "ess", "objective", "variance", "log_variance" (log10) and
        "snr2".
    """
    column, longest = bound_column(runs), likelihood_column(runs)
    rows = named(runs).rename(
        columns={column: "bound", column.replace("_iw_", "_ess_"): "ess", "test_objective": "objective"}
    )
    if longest:
        rows["likelihood"] = runs[longest]
        rows["gap"] = runs[longest] - runs[f"{longest.split('_iw_')[0]}_iw_1"]
    statistics = last_epochs(metrics)[["run_id", "variance", "log_variance", "snr2"]]
    return rows.merge(statistics, on="run_id", how="left")


def last_epochs(metrics: pd.DataFrame) -> pd.DataFrame:
    """One row per run: the means of its last epoch, with the columns of `named` and `own_statistics`."""
    return own_statistics(named(epochs_of(metrics).groupby("run_id", sort=False).tail(1)))


def own_statistics(rows: pd.DataFrame) -> pd.DataFrame:
    """Adds the trained objective's "variance", "log_variance" (log10) and "snr2" to training rows."""
    own = {
        kind: [row[f"train_{kind}_{row['model.estimator']}"] for _, row in rows.iterrows()]
        for kind in ("variance", "snr2")
    }
    return rows.assign(**own, log_variance=np.log10(own["variance"]))


def mixtures(runs: pd.DataFrame, value: str) -> pd.DataFrame:
    """Rows of `ends` with "mixture", alpha, and "gain", `value` less DReG's of the same seed; alpha weights RWS-DReG
    beside DReG.

    DReG is alpha = 0 and RWS-DReG is alpha = 1. At alpha = 1/2 the gradient is half of STL's, and Adam, whose steps do
    not depend on the gradient's scale, trains both alike: STL's runs stand for it, with a quarter of their variance.
    Numbers of samples without any other alpha are left out.
    """
    estimators = runs["model.estimator"]
    weight = estimators.map({"dreg": 0.0, "stl": 0.5, "rws-dreg": 1.0})
    weight = weight.where(estimators != "dreg-alpha", runs["model.alpha"].astype(float))
    rows = runs.assign(mixture=weight).dropna(subset=["mixture"])
    if value == "log_variance":
        rows[value] -= np.log10(4.0) * (rows["model.estimator"] == "stl")
    inner = rows[rows["model.estimator"] == "dreg-alpha"]
    keys = ["data", "samples", "seed"]
    rows = rows.merge(inner[["data", "samples"]].drop_duplicates(), on=["data", "samples"])
    zero = rows[rows["mixture"] == 0.0][[*keys, value]].rename(columns={value: "at_zero"})
    rows = rows.merge(zero, on=keys, how="left")
    return rows.assign(gain=rows[value] - rows["at_zero"]).sort_values(["samples", "mixture", "seed"], kind="stable")


def tracked_rows(metrics: pd.DataFrame) -> pd.DataFrame:
    """Training rows of runs with `var_calc` as one row for each measured objective, with the columns of `named` and
    `own_statistics`.

    Args:
      metrics: metrics, or their `epochs_of`.
    """
    rows = metrics[metrics["train_objective"].notna()]
    names = [column.removeprefix("train_variance_") for column in rows if column.startswith("train_variance_")]
    names = [name for members in FAMILIES.values() for name in members if name in names]
    of_objectives = [rows.assign(**{"model.estimator": name, "model.alpha": np.nan}) for name in names]
    return own_statistics(named(pd.concat(of_objectives, ignore_index=True)))
