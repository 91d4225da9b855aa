"""Figure of estimators compared by variance and time (never imports TensorFlow)."""

import contextlib
from collections.abc import Iterator

import pandas as pd

from igr_suite.plotting.style import colour, figure


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
                look = {"color": colour(row["method"]), "markerfacecolor": "white" if row["biased"] is True else None}
                axis.plot(row["relative_variance"], height, "o", **look)
            names = [f"{row['method']}  {_times(row['relative_cost'])}" for row in part.to_dict("records")]
            axis.set_yticks(range(len(part)), names, fontsize=8)
            axis.axvline(1.0, color="0.5", linewidth=0.8, linestyle=":")
            axis.set(
                xscale="log", xlabel="variance / that of REINFORCE with the best baselines", title=f"{kind} variables"
            )
        fig.suptitle(
            "beside the names: processor time of an estimate relative to REINFORCE's; hollow: biased", fontsize=9
        )
        yield fig


def _times(cost: float) -> str:
    return f"{cost:.2f}" if cost == cost else "-"
