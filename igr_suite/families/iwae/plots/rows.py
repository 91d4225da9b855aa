"""Rows of runs and metrics under readable names: bounds, their gains on the original objective, gradient statistics."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from igr_suite.lab.analysis.epoch_means import epoch_means_of
from igr_suite.objectives.names import facts_of

# a column of panels, its original first
FAMILIES = {"IWAE": ("iwae", "dreg", "stl"), "RWS": ("rws", "rws-dreg"), "JVI": ("jk", "jk-dreg")}
ORIGINALS = tuple(members[0] for members in FAMILIES.values())
STYLES = {**dict.fromkeys(ORIGINALS, "--"), "stl": ":"}  # the others are solid


def label(estimator: str, alpha: float | None = None) -> str:
    """'DReG', 'DReG(0.9)'."""
    return facts_of(estimator).title if alpha is None or np.isnan(alpha) else f"DReG({alpha:g})"


def family(estimator: str) -> str:
    """The column of panels that shows an objective: 'IWAE', 'RWS', 'JVI'; 'mixture' for DReG(alpha)."""
    return next((name for name, members in FAMILIES.items() if estimator in members), "mixture")


def named(frame: pd.DataFrame) -> pd.DataFrame:
    """Adds "method", "family", "style" (of lines), "samples" (K) and "data" to runs or metrics."""
    estimators = frame["model.estimator"]
    return frame.assign(
        method=[label(*two) for two in zip(estimators, frame["model.alpha"].astype(float))],
        family=[family(estimator) for estimator in estimators],
        style=[STYLES.get(estimator, "-") for estimator in estimators],
        samples=frame["model.samples"],
        data=frame["data.name"],
    )


def bound_column(frame: pd.DataFrame) -> str:
    """The column of the test bound that all runs have, of the most samples: 'test_iw_64'."""
    found = [column for column in frame if re.fullmatch(r"test_iw_\d+", column)]
    rows = frame.dropna(subset=found, how="all")
    return max((c for c in found if rows.groupby("run_id")[c].count().all()), key=lambda c: int(c.rsplit("_", 1)[1]))


def likelihood_column(runs: pd.DataFrame) -> str | None:
    """The column of the most samples at the end, 'test500_iw_5000'; None where it was not measured."""
    found = [column for column in runs if re.fullmatch(r"test\d*_iw_\d+", column)]
    longest = max(found, key=lambda c: int(c.rsplit("_", 1)[1]))
    return None if longest == bound_column(runs) else longest


def gradient_rows(metrics: pd.DataFrame) -> pd.DataFrame:
    """All training rows, from `named`, with `own_statistics`."""
    return own_statistics(named(metrics[metrics["train_objective"].notna()]))


def bound_rows(metrics: pd.DataFrame, pair_on: Sequence[str] = ("data", "samples", "seed")) -> pd.DataFrame:
    """Evaluated rows with "bound" and its "gain" on the original of the family, same seed and step ("gain_iwae": on
    IWAE)."""
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
    """The last of `bound_rows` of every run."""
    return bound_rows(metrics).groupby("run_id", sort=False).tail(1)


def epochs_of(metrics: pd.DataFrame) -> pd.DataFrame:
    """One row a run and epoch: the run's config, step, epoch, and the epoch's means of all training scalars under their
    names."""
    found = []
    for run_id, rows in metrics.groupby("run_id", sort=False):
        config = {name: rows[name].iloc[0] for name in rows if name == "seed" or "." in name}
        found += [{"run_id": run_id, **config, **row} for row in epoch_means_of(rows)]
    return pd.DataFrame(found)


def ends(runs: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """Finished runs, from `named`, with the last epoch's mean gradient statistics.

    Args:
      runs, metrics: of one experiment or a part of it.
    Returns:
      The runs with "bound" (the test bound of `bound_column`), "likelihood" (of `likelihood_column`), "gap" (that less
      the bound of one sample, which is near KL(q || p(z|x))), "ess", "objective", "variance", "log_variance" (log10)
      and "snr2".
    """
    column, longest = bound_column(runs), likelihood_column(runs)
    found = named(runs).rename(
        columns={column: "bound", column.replace("_iw_", "_ess_"): "ess", "test_objective": "objective"}
    )
    if longest:
        found["likelihood"] = runs[longest]
        found["gap"] = runs[longest] - runs[f"{longest.split('_iw_')[0]}_iw_1"]
    statistics = last_epochs(metrics)[["run_id", "variance", "log_variance", "snr2"]]
    return found.merge(statistics, on="run_id", how="left")


def last_epochs(metrics: pd.DataFrame) -> pd.DataFrame:
    """One row a run, from `named`: the means of its last epoch, with `own_statistics`."""
    return own_statistics(named(epochs_of(metrics).groupby("run_id", sort=False).tail(1)))


def own_statistics(rows: pd.DataFrame) -> pd.DataFrame:
    """Adds the trained objective's "variance", "log_variance" (log10) and "snr2" to training rows."""
    own = {
        kind: [row[f"train_{kind}_{row['model.estimator']}"] for _, row in rows.iterrows()]
        for kind in ("variance", "snr2")
    }
    return rows.assign(**own, log_variance=np.log10(own["variance"]))


def mixtures(runs: pd.DataFrame, value: str) -> pd.DataFrame:
    """What alpha does: rows of `ends` with "mixture", its weight of RWS-DReG, and "gain", `value` less DReG's (alpha =
    0) of the same seed.

    DReG is alpha = 0 and RWS-DReG alpha = 1. alpha = 1/2 is half of STL, which Adam trains as STL (its steps do not
    depend on the gradient's scale): STL's runs stand for it, with a quarter of their variance. Only numbers of samples
    with another alpha are kept.
    """
    weight = (
        runs["model.alpha"]
        .astype(float)
        .fillna(runs["model.estimator"].map({"dreg": 0.0, "stl": 0.5, "rws-dreg": 1.0}))
    )
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
    """From metrics or `epochs_of` runs with `var_calc`: a row for each of their training rows and measured objective,
    as `named` names it.

    Returns:
      The rows with "variance", "log_variance" (log10) and "snr2".
    """
    rows = metrics[metrics["train_objective"].notna()]
    names = [column.removeprefix("train_variance_") for column in rows if column.startswith("train_variance_")]
    names = [name for members in FAMILIES.values() for name in members if name in names]
    found = [
        rows.assign(
            **{"model.estimator": name, "model.alpha": np.nan},
            variance=rows[f"train_variance_{name}"],
            log_variance=np.log10(rows[f"train_variance_{name}"]),
            snr2=rows[f"train_snr2_{name}"],
        )
        for name in names
    ]
    return named(pd.concat(found, ignore_index=True))
