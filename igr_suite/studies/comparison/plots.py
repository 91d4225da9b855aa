"""Figure of estimators compared by variance and time (never imports TensorFlow)."""

import contextlib
from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from igr_suite.estimators.names import KNOWN
from igr_suite.plotting.labels import label_points
from igr_suite.plotting.style import figure, look
from igr_suite.studies.comparison.rows import VARIANCE_OF

LARGEST = {"relative_variance": 10.0, "relative_cost": 7.0}  # larger values stand at the edge of `draw_choice`
TITLES = {"bernoulli": "Bernoulli variables: belief network", "categorical": "categorical variables: VAE"}


@contextlib.contextmanager
def draw(rows: pd.DataFrame) -> Iterator[object]:
    """A context with the figure: one panel for each kind of variables, variances in increasing order, times beside the
    names, hollow marks for biased estimators."""
    kinds = list(dict.fromkeys(rows["variables"]))
    most = max(int(rows["variables"].eq(kind).sum()) for kind in kinds)
    with figure(width=5.4 * len(kinds), height=1.3 + 0.25 * most, columns=len(kinds), squeeze=False) as (fig, axes):
        for axis, kind in zip(axes[0], kinds):
            part = (
                rows[rows["variables"] == kind]
                .dropna(subset="relative_variance")
                .sort_values("relative_variance", ignore_index=True)
            )
            for height, row in enumerate(part.to_dict("records")):
                _draw_point(axis, row, row["relative_variance"], height)
            names = [f"{row['method']}  {_times(row['relative_cost'])}" for row in part.to_dict("records")]
            axis.set_yticks(range(len(part)), names, fontsize="small")
            axis.axvline(1.0, color="0.4", linewidth=0.8, linestyle=":")
            axis.set(xscale="log", xlabel="variance, relative to NVIL's (dotted)", title=TITLES.get(kind, kind))
        fig.suptitle(
            "beside the names: processor time of an estimate, relative to REINFORCE's; hollow: biased; NVIL has the "
            "best baseline for each image",
            fontsize="small",
        )
        yield fig


@contextlib.contextmanager
def draw_choice(rows: pd.DataFrame) -> Iterator[object]:
    """A context with the picture of docs/choose_an_estimator.md: processor time of an estimate against its variance, a
    panel a model, every estimator by name.

    Args:
      rows: of `comparison_rows`.
    """
    rows = rows.dropna(subset=["relative_variance", "relative_cost"])
    rows = rows[rows["relative_variance"] > 0]
    rows = rows.assign(
        x=rows["relative_variance"].clip(upper=LARGEST["relative_variance"]),
        y=rows["relative_cost"].clip(upper=LARGEST["relative_cost"]),
        words=[_beyond(row) for row in rows.to_dict("records")],
        shade=[look(name).colour for name in rows["method"]],
    )
    kinds = list(dict.fromkeys(rows["variables"]))
    with figure(width=6.2 * len(kinds), height=5.6, columns=len(kinds), squeeze=False, sharey=True) as (fig, axes):
        fig.suptitle(
            "lower left is better; filled: unbiased, hollow: biased; dotted: variance times time of REINFORCE with the "
            "best baselines (NVIL); measured at one set of weights a model",
            fontsize="small",
        )
        for axis, kind in zip(axes[0], kinds):
            part = rows[rows["variables"] == kind]
            for row in part.to_dict("records"):
                _draw_point(axis, row, row["x"], row["y"])
            axis.set(xscale="log", yscale="log", title=TITLES.get(kind, kind), xlabel="variance of the gradient")
            axis.margins(x=0.1, y=0.1)
            axis.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5)))
            axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.yaxis.set_minor_locator(NullLocator())
            equal = part.loc[part["estimator"] == VARIANCE_OF, ["relative_variance", "relative_cost"]]
            if len(equal):
                _draw_equal(axis, float(equal.prod(axis=1).iloc[0]))
        axes[0][0].set_ylabel("processor time of an estimate")
        for axis, kind in zip(axes[0], kinds):
            part = rows[rows["variables"] == kind]
            label_points(axis, part["x"], part["y"], list(part["words"]), list(part["shade"]))
        yield fig


def _beyond(row: dict) -> str:
    """The method's name, with the values that lie outside the panel."""
    names = {"relative_variance": "variance", "relative_cost": "time"}
    beyond = [f"{words} {row[name]:.0f}" for name, words in names.items() if row[name] > LARGEST[name]]
    return f"{row['method']} ({', '.join(beyond)})" if beyond else row["method"]


def _draw_equal(axis, product: float) -> None:
    """The points whose variance times time is a product, within the panel's limits."""
    limits, tops = axis.get_xlim(), axis.get_ylim()
    variances = np.geomspace(*limits, 50)
    axis.plot(variances, product / variances, ":", color="0.4", linewidth=0.9, zorder=1)
    axis.set(xlim=limits, ylim=tops)


def _draw_point(axis, row: dict, x: float, y: float) -> None:
    """A method's marker; hollow if its mean is not the gradient, by what is known of it or as it was measured."""
    known = KNOWN.get(row["estimator"])
    biased = row["biased"] is True or (known is not None and not known.unbiased)
    shade, marker, _ = look(row["method"])
    axis.plot(x, y, marker, color=shade, markerfacecolor="white" if biased else shade, zorder=3)


def _times(cost: float) -> str:
    return f"{cost:.2f}" if cost == cost else "-"
