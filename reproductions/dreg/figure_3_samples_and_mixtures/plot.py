"""DReG, Figure 3: test bounds by number of samples, gains on IWAE at equal seeds, and what mixing DReG with RWS-DReG
does."""

import pandas as pd

from igr_suite.families.iwae.plots.panels import LINES
from igr_suite.families.iwae.plots.rows import bound_column, bound_rows, ends, mixtures
from igr_suite.families.iwae.plots.tables import PAIRS, ledger, tables
from igr_suite.plotting.curves import draw_curves, seeds_caption
from igr_suite.plotting.style import colour, figure, save, step_axis

MIXTURE_PAIRS = tuple((f"DReG({alpha:g})", other) for alpha in (0.5, 0.75, 0.9) for other in ("DReG", "RWS-DReG"))
MARKERS = "osD^"


def ours(results):
    """(quantity, setting) -> (mean, standard deviation over seeds, seeds); settings read 'STL - DReG, K = 8'. None has
    a published sign."""
    runs = ends(results.runs, results.metrics)
    return {
        key: value
        for samples, part in runs.groupby("samples")
        for key, value in ledger(part, PAIRS, f", K = {samples}").items()
    }


def plot(results, out):
    """Returns the paths of what was drawn."""
    bounds, runs = bound_rows(results.metrics), ends(results.runs, results.metrics)
    counts = sorted(bounds["samples"].unique())
    name = f"test $L_{{{bound_column(results.metrics).rsplit('_', 1)[1]}}}$, nats"
    drawn = []
    with figure(width=1.4 + 3.4 * (len(counts) + 1), height=6.8, columns=len(counts) + 1, rows=2, squeeze=False) as (
        fig,
        axes,
    ):
        for column, samples in enumerate(counts):
            part = bounds[(bounds["samples"] == samples) & (bounds["family"] != "mixture")]
            for row, value in enumerate(("bound", "gain_iwae")):
                curves = draw_curves(
                    axes[row][column],
                    part.dropna(subset=[value]),
                    "step",
                    value,
                    method="method",
                    seed="seed",
                    style="style",
                )
                drawn.append(curves.assign(quantity=value, samples=samples))
                step_axis(axes[row][column])
            axes[0][column].set_title(f"K = {samples}")
        axes[0][0].set_ylabel(name)
        axes[1][0].set_ylabel("gain on IWAE, nats")
        axes[0][0].legend(fontsize="small")
        drawn += [
            draw_mixtures(axis, runs, value)
            for axis, value in zip((axes[0][-1], axes[1][-1]), ("bound", "log_variance"))
        ]
        axes[0][-1].set(title="DReG(alpha)", ylabel=f"{name},\nminus that of DReG")
        axes[1][-1].set(
            xlabel="alpha\n(0: DReG, 1/2: half of STL,\n1: RWS-DReG)",
            ylabel="log10 of the gradient's variance,\nminus that of DReG",
        )
        fig.suptitle(
            f"MNIST, dynamic binarisation; {seeds_caption(bounds, 'seed', ['samples', 'method'], 'step')}; {LINES}",
            fontsize="medium",
        )
        paths = save(fig, out)
    pd.concat(drawn).to_csv(out / "figure.csv", index=False, float_format="%.6g")
    return [*paths, out / "figure.csv", *tables(results.runs, results.metrics, out, pairs=(*PAIRS, *MIXTURE_PAIRS))]


def draw_mixtures(axis, runs, value):
    """Gains against alpha: a thin line a seed, a thick one their mean, a marker a number of samples; returns what was
    drawn."""
    rows = mixtures(runs, value).dropna(subset=["gain"])
    shade = colour("DReG(alpha)")
    for marker, (samples, part) in zip(MARKERS, rows.groupby("samples")):
        for _, curve in part.groupby("seed"):
            axis.plot(curve["mixture"], curve["gain"], "-", color=shade, linewidth=0.6, alpha=0.5)
        mean = part.groupby("mixture")["gain"].mean()
        axis.plot(
            mean.index,
            mean,
            f"{marker}-",
            color=shade,
            linewidth=1.8,
            markersize=4,
            label=f"K = {samples}",
        )
    axis.axhline(0.0, color=colour("DReG"), linewidth=0.8)
    axis.legend(fontsize="small")
    places = rows.groupby(["samples", "mixture"])
    means = places["gain"].agg(["mean", "min", "max"]).rename(columns={"min": "lowest", "max": "highest"})
    return (
        means.assign(seeds=places["seed"].nunique())
        .reset_index()
        .assign(method="DReG(alpha)", quantity=f"{value}, less DReG's")
    )
