"""Runs of K-sample objectives along training: originals dashed, doubly reparameterised ones solid, and their paired
differences."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from igr_suite.lab.analysis.epoch_means import epoch_means_of
from igr_suite.lab.analysis.paired import paired_by
from igr_suite.objectives.names import facts_of
from igr_suite.plotting.curves import draw_curves, seeds_caption
from igr_suite.plotting.style import figure, save, step_axis
from igr_suite.plotting.tables import over_seeds, save_table

# a column of panels, its original first
FAMILIES = {"IWAE": ("iwae", "dreg", "stl"), "RWS": ("rws", "rws-dreg"), "JVI": ("jk", "jk-dreg")}
ORIGINALS = tuple(members[0] for members in FAMILIES.values())
STYLES = {**dict.fromkeys(ORIGINALS, "--"), "stl": ":"}  # the others are solid
PAIRS = (
    ("DReG", "IWAE"),
    ("RWS-DReG", "RWS"),
    ("JVI-DReG", "JVI"),
    ("STL", "IWAE"),
    ("STL", "DReG"),
    ("RWS-DReG", "STL"),
    ("RWS-DReG", "DReG"),
    ("RWS", "IWAE"),
)
DOUBLY = PAIRS[:3]
VARIANCE = "variance of q's gradient"
NOTE = (
    "Mean ± standard deviation over seeds; bounds in nats an image, the number of test images where not all. "
    "Objective: what the method "
    "reports itself, for JVI an estimate and no bound. Variance and squared signal-to-noise ratio of the inference "
    "network's gradient: "
    "moving averages (decay .99), mean over the last epoch; minibatch noise and drift are in them."
)
PAIR_NOTE = (
    "Differences of runs with equal seeds (weights, images, binarisation, noise), mean [95% interval, Student's t]. "
    "Variances are compared "
    "where both methods estimate, or stand for, the same gradient."
)


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


def headings(runs: pd.DataFrame) -> dict[str, str]:
    """Columns of `ends` -> headings of tables, which say how many samples and images."""
    bound, longest = bound_column(runs), likelihood_column(runs)
    found = {"bound": f"test L_{bound.rsplit('_', 1)[1]}", "objective": "test objective"}
    if longest:
        images = longest.removeprefix("test").split("_")[0]
        samples, images = longest.rsplit("_", 1)[1], f", {images} images" if images else ""
        found |= {"likelihood": f"L_{samples}{images}", "gap": f"L_{samples} - L_1"}
    return found | {"ess": "ESS", "log_variance": "log10 variance", "snr2": "SNR²"}


def difference_rows(
    runs: pd.DataFrame, where: Sequence[str], columns: dict[str, str], pairs=PAIRS
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row a place and pair of methods: paired differences of every column, as texts and as numbers.

    Args:
      runs: of `ends`, or rows with "method", "seed" and the columns.
      where: columns that name a place; those with one value are left out of the texts.
      columns: column -> heading; of "log_variance" only pairs with one target are compared.
      pairs: (method, other); the difference is method - other.
    """
    texts, numbers = [], []
    targets = {facts_of(name).title: facts_of(name).target for members in FAMILIES.values() for name in members}
    for keys, place in runs.groupby(list(where), sort=False):
        for method, other in pairs:
            if not {method, other} <= set(place["method"]):
                continue
            row = dict(zip(where, keys)) | {"pair": f"{method} - {other}"}
            text, number = dict(row), dict(row)
            for column, heading in columns.items():
                found = paired_by(place, column, {"method": method}, {"method": other})
                known = column != "log_variance" or targets.get(method, method) == targets.get(other)
                text[heading] = found.text() if known else "-"
                number |= {f"{column}_{k}": v for k, v in zip(("difference", "low", "high"), found)} if known else {}
                number["pairs"] = text["seeds"] = found.pairs
            texts.append(text)
            numbers.append(number)
    single = [column for column in where if runs[column].nunique() == 1]
    texts = pd.DataFrame(texts).drop(columns=single, errors="ignore")
    if len(texts):
        texts["seeds"] = texts.pop("seeds")  # the last column
    return texts, pd.DataFrame(numbers)


def save_differences(
    out: Path, runs: pd.DataFrame, where: Sequence[str], columns: dict[str, str], pairs=PAIRS, note: str = PAIR_NOTE
):
    """Writes table_paired; arguments as in `difference_rows`; nothing where no pair is complete. Returns the paths."""
    texts, numbers = difference_rows(runs, where, columns, pairs)
    return save_table(out, texts, numbers, note, "table_paired") if len(texts) else []


def tables(runs: pd.DataFrame, metrics: pd.DataFrame, out: Path, pairs=PAIRS) -> list[Path]:
    """Writes table (ends of all methods) and table_paired; runs and metrics as in `ends`; returns the paths."""
    rows, names = ends(runs, metrics), headings(runs)
    texts, numbers = over_seeds(rows.rename(columns={"samples": "K"}), ["data", "K", "method"], names, 3)
    compared = {
        column: heading for column, heading in names.items() if column in ("bound", "likelihood", "gap", "log_variance")
    }
    steps = ", ".join(f"{n:,}" for n in sorted(rows["steps"].unique()))
    note = f"After {steps} steps. {NOTE}"
    return [*save_table(out, texts, numbers, note), *save_differences(out, rows, ["data", "samples"], compared, pairs)]


def ledger(runs: pd.DataFrame, pairs=DOUBLY, place: str = "") -> dict[tuple[str, str], tuple[float, float, int]]:
    """For `igr check`: paired differences, whose signs are judged.

    Args:
      runs: of `ends`, or rows with "method", "seed" and some of the columns.
      pairs: (method, other); the difference is method - other.
      place: after the setting, ", K = 8".
    Returns:
      (quantity, "DReG - IWAE" + place) -> (mean, standard deviation over seeds, pairs).
    """
    found = {}
    for column, quantity in {
        "log_variance": "difference of log10 variance",
        "bound": "difference of test bound",
    }.items():
        for method, other in pairs if column in runs else ():
            sides = [runs[runs["method"] == name].groupby("seed")[column].mean() for name in (method, other)]
            values = (sides[0] - sides[1]).dropna()
            if len(values):
                spread = float(values.std()) if len(values) > 1 else 0.0
                found[quantity, f"{method} - {other}{place}"] = (float(values.mean()), spread, len(values))
    return found


def family_panels(metrics: pd.DataFrame, out: Path, title: str, start: float | None = None) -> list[Path]:
    """One column of panels a family of objectives: gradient variance, test bound, and the bound's gain on the original.

    Args:
      metrics: of runs with one data set and one K.
      out: folder; figure.png, .pdf and .csv.
      title: first words of the heading.
      start: bound before training, drawn as a line.
    Returns:
      The paths.
    """
    gradients, bounds = gradient_rows(metrics), bound_rows(metrics)
    shown = [name for name in FAMILIES if (bounds["family"] == name).any()]
    samples = bound_column(metrics).rsplit("_", 1)[1]
    rows = (
        (gradients, "variance", VARIANCE),
        (bounds, "bound", f"test $L_{{{samples}}}$, nats"),
        (bounds, "gain", "gain on the original, nats"),
    )
    drawn = []
    with figure(width=1.2 + 3.4 * len(shown), height=8.0, columns=len(shown), rows=3, sharey="row", squeeze=False) as (
        fig,
        axes,
    ):
        for line, (frame, column, ylabel) in zip(axes, rows):
            for axis, name in zip(line, shown):
                part = frame[frame["family"] == name].dropna(subset=[column])
                if len(part):
                    curves = draw_curves(axis, part, "step", column, method="method", seed="seed", style="style")
                    drawn.append(curves.assign(quantity=column, family=name))
                    mark_points(axis, part)
                if column == "bound" and start is not None:
                    axis.axhline(start, color="0.4", linewidth=0.9)
                    axis.annotate(
                        "start",
                        (1.0, start),
                        (-2, 2),
                        xycoords=axis.get_yaxis_transform(),
                        textcoords="offset points",
                        ha="right",
                    )
                step_axis(axis)
            line[0].set_ylabel(ylabel)
        axes[0][0].set_yscale("log")
        for axis, name in zip(axes[0], shown):
            axis.set_title(name)
            axis.legend(fontsize=8)
        words = (
            title,
            seeds_caption(bounds, "seed", ["method"], "step"),
            "original dashed, doubly reparameterised solid",
        )
        fig.suptitle(("; " if len(shown) == len(FAMILIES) else "\n").join(words), fontsize=10)
        paths = save(fig, out)
    pd.concat(drawn).to_csv(out / "figure.csv", index=False, float_format="%.6g")
    return [*paths, out / "figure.csv"]


def mark_points(axis, part: pd.DataFrame) -> None:
    """Marks the points of mean curves where they are few."""
    if part["step"].nunique() <= 12:
        for line in axis.lines:
            if not line.get_label().startswith("_"):
                line.set_marker("o")
                line.set_markersize(3.5)


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
