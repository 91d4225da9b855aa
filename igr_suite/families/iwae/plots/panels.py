"""Panels of K-sample objectives along training, with originals dashed and doubly reparameterised objectives solid."""

from pathlib import Path

import pandas as pd

from igr_suite.families.iwae.plots.rows import FAMILIES, bound_column, bound_rows, gradient_rows
from igr_suite.plotting.curves import draw_curves, seeds_caption
from igr_suite.plotting.style import figure, save, step_axis

VARIANCE = "variance of q's gradient"
SHARED = {"sharex": True, "sharey": "row", "squeeze": False}
LINES = "dashed: originals, solid: doubly reparameterised, dotted: STL"


def family_panels(metrics: pd.DataFrame, out: Path, title: str, start: float | None = None) -> list[Path]:
    """One column of panels for each family of objectives: gradient variance, test bound, and the bound's gain on the
    original.

    Args:
      metrics: of runs with one data set and one K.
      out: folder of figure.png, .pdf and .csv.
      title: first words of the heading.
      start: bound before training, drawn as a line.
    Returns:
      The paths.
    """
    gradients, bounds = gradient_rows(metrics), bound_rows(metrics)
    shown = [name for name in FAMILIES if (bounds["family"] == name).any()]
    samples, trained = bound_column(metrics).rsplit("_", 1)[1], ", ".join(map(str, sorted(set(bounds["samples"]))))
    rows = (
        (gradients, "variance", VARIANCE),
        (bounds, "bound", f"test $L_{{{samples}}}$, nats"),
        (bounds, "gain", "gain on the original,\nnats"),
    )
    drawn = []
    with figure(width=1.2 + 3.4 * len(shown), height=8.0, columns=len(shown), rows=3, **SHARED) as (fig, axes):
        for line, (frame, column, ylabel) in zip(axes, rows):
            for axis, name in zip(line, shown):
                part = frame[frame["family"] == name].dropna(subset=[column])
                if len(part):
                    curves = draw_curves(axis, part, "step", column, method="method", seed="seed", style="style")
                    drawn.append(curves.assign(quantity=column, family=name))
                if column == "bound" and start is not None:
                    axis.axhline(start, color="0.4", linewidth=0.9)
                    axis.annotate(
                        "before training",
                        (1.0, start),
                        (-2, 2),
                        xycoords=axis.get_yaxis_transform(),
                        textcoords="offset points",
                        ha="right",
                        fontsize="small",
                    )
                step_axis(axis)
                axis.label_outer()
            line[0].set_ylabel(ylabel)
        axes[0][0].set_yscale("log")
        for axis, name in zip(axes[0], shown):
            axis.set_title(name)
            axis.legend(fontsize="small")
        seeds = seeds_caption(bounds, "seed", ["method"], "step")
        fig.suptitle(f"{title}, K = {trained}; {seeds}; {LINES}", fontsize="medium")
        paths = save(fig, out)
    pd.concat(drawn).to_csv(out / "figure.csv", index=False, float_format="%.6g")
    return [*paths, out / "figure.csv"]
