"""Traces of sigmoid belief networks: means over epochs under the papers' names, beside points of the authors' code."""

from pathlib import Path

import numpy as np
import pandas as pd

from igr_suite.families.sbn.config import FOLLOWED, SHORT_NAMES
from igr_suite.lab.analysis.epoch_means import epoch_means_of
from igr_suite.lab.analysis.references import SOURCES
from igr_suite.plotting.curves import draw_curves, seeds_caption
from igr_suite.plotting.estimators import LABELS
from igr_suite.plotting.names import data_names
from igr_suite.plotting.style import colour, figure, save, step_axis
from igr_suite.plotting.tables import mean_of_seeds

QUANTITIES = {
    "train_elbo": "training bound F, nats per image",
    "temperature": "temperature",
    "log_variance": "log variance of the gradient",
}
SMALL = 0.1001  # temperatures up to this are part of the name of a method with a fixed one, as in the paper


def label(estimator: str, temperature: float | None) -> str:
    """'REBAR(0.1)', 'REBAR', 'DynamicREBAR', 'NVIL'."""
    small = estimator in ("rebar", "concrete") and temperature is not None and temperature <= SMALL
    name = SHORT_NAMES.get(estimator) or LABELS.get(estimator, estimator.rpartition(":")[2])
    return name + (f"({temperature:g})" if small else "")


def depth(layers: int, nonlinear: bool) -> str:
    """'2 linear', 'nonlinear' (one layer)."""
    return ("nonlinear" if layers == 1 else f"{layers} nonlinear") if nonlinear else f"{layers} linear"


def depth_words(name: str) -> str:
    """'one nonlinear layer' for 'nonlinear', 'two linear layers' for '2 linear', in titles."""
    number, _, kind = name.rpartition(" ")
    words = {"": "one", "1": "one", "2": "two", "3": "three"}.get(number, number)
    return f"{words} {kind} layer{'s' * (words != 'one')}"


def named(frame: pd.DataFrame) -> pd.DataFrame:
    """Adds "method", "depth", "control", "debiased" and "data" columns to runs or metrics."""
    return frame.assign(
        method=[label(*two) for two in zip(frame["model.estimator"], frame["model.temperature"])],
        depth=[depth(*two) for two in zip(frame["model.layers"], frame["model.nonlinear"])],
        control=frame["model.multilayer_cv"],
        debiased=frame["model.ema_debias"],
        data=frame["data.name"],
    )


def epoch_rows(metrics: pd.DataFrame) -> pd.DataFrame:
    """One row per run and epoch: run_id, columns of `named`, seed, step, epoch, means over the epoch, and the log of
    each variance.

    The columns "train_elbo", "temperature" and "log_variance" (log of the epoch's mean) have the authors' names.
    """
    rows = []
    for run_id, group in metrics.groupby("run_id", sort=False):
        first = named(group.iloc[:1]).iloc[0]
        kept = {name: first[name] for name in ("method", "depth", "control", "debiased", "data", "seed")}
        rows += [{"run_id": run_id, **kept, **row} for row in epoch_means_of(group)]
    frame = pd.DataFrame(rows).astype({"step": int})
    return frame.rename(columns={"train_temperature": "temperature", "log_train_variance": "log_variance"})


def tracked_rows(epochs: pd.DataFrame) -> pd.DataFrame:
    """Rows of the tracking mode as one row per run, epoch and tracked method: "method", "log_variance" and
    "deviation"."""
    rows = [
        epochs.assign(
            method=label(name, None),
            log_variance=np.log(epochs[f"train_variance_{name}"]),
            deviation=epochs[f"train_deviation_{name}"],
        )
        for name in _tracked(epochs)
    ]
    return pd.concat(rows, ignore_index=True)


def followed(metrics: pd.DataFrame) -> str:
    """The name of the estimator that trains the networks while several are tracked."""
    chosen = metrics["model.tracked"].iloc[0] if "model.tracked" in metrics else ()
    return label((*chosen, FOLLOWED)[0], None)


def _tracked(epochs: pd.DataFrame) -> list[str]:
    """The estimators whose variances the rows hold, in the order of the tracking."""
    prefix = "train_variance_"
    return [column.removeprefix(prefix) for column in epochs.columns if column.startswith(prefix)]


def at_steps(rows: pd.DataFrame, quantities: list[str], setting) -> dict[tuple[str, str], tuple[float, float, int]]:
    """Values for the ledger: (quantity, setting) -> (mean, standard deviation over seeds, seeds).

    Args:
      rows: of `epoch_rows`.
      quantities: columns; those that are absent or empty are left out.
      setting: row -> text of the ledger's setting.
    """
    values = {}
    texts = rows.apply(setting, axis=1)
    for quantity in quantities:
        for text, group in rows.groupby(texts, sort=False):
            if (value := mean_of_seeds(group, quantity)) is not None:
                values[quantity, text] = value
    return values


def draw_references(
    axes, references: pd.DataFrame, source_markers: dict[str, str], quantity: str, colour_of=colour
) -> None:
    """Reference points of one quantity as markers, one marker for each kind of source.

    Args:
      axes: where to draw.
      references: rows of published.csv, with the columns "step" and "method" too.
      source_markers: kind of source -> matplotlib marker; points of other kinds are not drawn.
      quantity: of the rows to draw.
      colour_of: method -> colour.
    """
    rows = references[references["quantity"] == quantity]
    for kind, marker in source_markers.items():
        own = rows[rows["kind_of_source"] == kind]
        for method, points in own.groupby("method"):
            axes.plot(
                points["step"],
                points["value"],
                marker,
                color=colour_of(method),
                markersize=7,
                fillstyle="none",
                zorder=4,
            )
        if len(own):
            axes.plot([], [], marker, color="0.3", markersize=7, fillstyle="none", label=SOURCES[kind].name)


def traces_figure(
    rows: pd.DataFrame, references: pd.DataFrame, column: str, ylabel: str, out: Path, lowest: float | None = None
):
    """One panel per depth, with one curve per method and points of the authors' code; figure.png, .pdf and .csv.

    Args:
      rows: of `epoch_rows`.
      references: of `read_steps`, with columns depth, data and method.
      column: what is drawn against the step.
      ylabel: its label.
      out: folder.
      lowest: lower end of the y axis, where there are values on either side of it.
    Returns:
      The paths.
    """
    depths, data = list(dict.fromkeys(rows["depth"])), rows["data"].iloc[0]
    with figure(width=1.0 + 5.4 * len(depths), height=4.2, columns=len(depths), squeeze=False) as (fig, axes):
        drawn = []
        for axis, panel in zip(axes[0], depths):
            part = rows[rows["depth"] == panel]
            drawn.append(draw_curves(axis, part, "step", column, method="method", seed="seed").assign(depth=panel))
            points = references[(references["depth"] == panel) & (references["data"] == data)]
            draw_references(axis, points, {"authors_code": "D"}, column)
            step_axis(axis)
            axis.set_title(depth_words(panel))
            if lowest is not None and part[column].max() > lowest > axis.get_ylim()[0]:
                axis.set_ylim(bottom=lowest)
        axes[0][0].set_ylabel(ylabel)
        axes[0][-1].legend(fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
        seeds = seeds_caption(rows, "seed", ["depth", "method"], "step", column)
        fig.suptitle(f"{data_names([data])}; {seeds}", fontsize="medium")
        paths = save(fig, out)
    pd.concat(drawn).to_csv(out / "figure.csv", index=False, float_format="%.6g")
    return [*paths, out / "figure.csv"]


def place(row) -> str:
    """'nonlinear, binarized_mnist, step 2084': depth, data and step of a row of `epoch_rows`, for the ledger."""
    return f"{row['depth']}, {row['data']}, step {row['step']}"


def differences(rows: pd.DataFrame, column: str, pairs) -> dict[tuple[str, str], tuple[float, float, int]]:
    """For the ledger: one method minus another at every step, over equal seeds.

    Args:
      rows: of `epoch_rows`.
      column: which value.
      pairs: (method, other).
    Returns:
      (quantity and place, pair) -> (mean, standard deviation over seeds, seeds).
    """
    values = {}
    for text, part in rows.groupby(rows.apply(place, axis=1), sort=False):
        wide = part.pivot(index="seed", columns="method", values=column)
        for method, other in pairs:
            if {method, other} <= set(wide):
                value = mean_of_seeds(pd.DataFrame({column: wide[method] - wide[other]}), column)
                if value is not None:
                    values[f"difference of {column}, {text}", f"{method} - {other}"] = value
    return values


def read_steps(path, pattern: str) -> pd.DataFrame:
    """published.csv with the groups that a regular expression has in the setting as columns; other rows are left
    out."""
    rows = pd.read_csv(path)
    groups = rows["setting"].str.extract(pattern)
    rows = rows.join(groups).dropna(subset=list(groups))
    return rows.assign(step=rows["step"].astype(int))
