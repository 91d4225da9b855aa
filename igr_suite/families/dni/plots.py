"""Errors of classifiers with synthetic gradients during training, agreement of synthetic with true gradients, and
tables of both."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from igr_suite.families.dni.presets import METHOD_BY_LABEL
from igr_suite.lab.analysis.results import Results
from igr_suite.plotting.curves import JOINED, draw_curves, seeds_caption
from igr_suite.plotting.looks import register_looks, register_same
from igr_suite.plotting.names import DATA_NAMES, data_names
from igr_suite.plotting.style import colour, draw_published, epoch_axis, figure, look, save
from igr_suite.plotting.tables import mean_of_seeds, over_seeds, save_table

register_looks("grey", ["no Bprop"])
register_looks("grey", ["A-bp, x / 255, no L2"], "--")
register_looks("black", ["Bprop"])
register_looks("orange", ["DNI", "B-dni, per batch"])
register_looks("blue", ["cDNI", "B-cdni, per batch"])
register_looks("purple", ["B-simple"])
register_looks("green", ["B-relu"])
register_looks("brown", ["B-dni, per example"], "--")
register_looks("navy", ["B-cdni, per example", "A-dni, x / 255, no L2"], "--")
register_same({"A-bp": "Bprop", "BPTT": "Bprop", "A-dni": "cDNI"})
LABEL_BY_METHOD = {key: name for name, key in METHOD_BY_LABEL.items()}
AUDITED = {"cosine": "cosine", "scale": "length,\npredicted / true", "sign": "share of equal signs"}
UNEQUAL = 4  # a time axis is logarithmic where the longest curve is longer than the shortest by more than this factor
WIDTHS = (3.4, 1.4)  # of the lines of two methods that often agree
LEVELS = (":", "-.", "--", "-")  # line styles of numbers of steps, the last for the largest


def named(frame: pd.DataFrame) -> pd.DataFrame:
    """Adds columns to runs or metrics: method, depth, network ("FCN 3"), scale, p, data, and errors in per cent."""
    depth = frame["model.hidden"].map(len) + 1
    errors = {
        f"{split} error": 100 * frame[f"{split}_error"]
        for split in ("train", "validation", "test")
        if f"{split}_error" in frame
    }
    return frame.assign(
        method=frame["model.method"].map(LABEL_BY_METHOD),
        depth=depth,
        network=frame["model.network"].str.upper() + " " + depth.astype(str),
        scale=frame["decoupling.sg_scale"],
        p=frame["decoupling.p_update"],
        data=frame["data.name"],
        **errors,
    )


def evaluated(metrics: pd.DataFrame) -> pd.DataFrame:
    """The rows of `named` metrics that hold a test error."""
    return named(metrics).dropna(subset=["test_error"])


def error_values(
    rows: pd.DataFrame, setting, column: str = "test error"
) -> dict[tuple[str, str], tuple[float, float, int]]:
    """For the ledger: ("test error, %", setting(row)) -> (mean, standard deviation over seeds, seeds)."""
    values = {}
    for text, group in rows.groupby(rows.apply(setting, axis=1), sort=False):
        if (value := mean_of_seeds(group, column)) is not None:
            values[f"{column}, %", text] = value
    return values


def error_curves(
    rows: pd.DataFrame,
    out: Path,
    *,
    panels: str,
    label: str = "method",
    x: str = "epoch",
    published=(),
    top: float | None = None,
):
    """Test error against the epoch (or the step), one panel per value of `panels`, one curve per `label`.

    Args:
      rows: of `evaluated`, with the columns that are named here.
      out: folder.
      panels, label: columns.
      x: "epoch" or "step".
      published: (panel, label, x, per cent, source) of points that are drawn as markers.
      top: upper end of the y axis, where the first epochs lie far above.
    Returns:
      Paths of figure.png, .pdf and .csv.
    """
    kinds = list(dict.fromkeys(rows[panels]))
    with figure(width=1.8 + 4.0 * len(kinds), height=3.8, columns=len(kinds), squeeze=False, sharey=True) as (
        fig,
        axes,
    ):
        drawn = []
        for axis, kind in zip(axes[0], kinds):
            part = rows[rows[panels] == kind]
            drawn.append(draw_curves(axis, part, x, "test error", method=label, seed="seed").assign(panel=kind))
            for panel, name, place, value, _ in published:
                if panel == kind:
                    draw_published(axis, place, value, name)
            if panels != "data" or len(kinds) > 1:
                axis.set_title(data_names([kind]) if panels == "data" else kind)
            _time_axis(axis, part, x, label)
        highest = 1.05 * rows["test error"].max()
        axes[0][0].set_ylim(0, min(top, highest) if top else highest)
        if any(item[0] in kinds for item in published):
            draw_published(axes[0][-1], [], [], label="published")
        heading = f"{data_names(rows['data'])}; {seeds_caption(rows, 'seed', [panels, label], x)}"
        return _finish(fig, axes[0], drawn, "test error, %", heading, out)


def _time_axis(axis, rows: pd.DataFrame, x: str, label: str) -> None:
    """Labels an axis of epochs or steps; logarithmic where some curves end long before others."""
    axis.set_xlabel(x)
    ends = rows.groupby(label)[x].max()
    if ends.max() > UNEQUAL * ends.min():
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
    elif x == "epoch":
        epoch_axis(axis)


def _log_per_cent(axis) -> None:
    """A logarithmic y axis of per cents, written as plain numbers."""
    axis.set_yscale("log")
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.yaxis.set_minor_locator(NullLocator())


def _finish(fig, axes, drawn: list[pd.DataFrame], ylabel: str, heading: str, out: Path) -> list[Path]:
    """Labels a row of panels, with the labels of all of them in one legend, and saves it; figure.png, .pdf and .csv."""
    legend = {}
    for axis in axes:
        legend |= dict(zip(*reversed(axis.get_legend_handles_labels())))
    axes[-1].legend(legend.values(), legend.keys(), fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
    axes[0].set_ylabel(ylabel)
    fig.suptitle(heading, fontsize="medium")
    paths = save(fig, out)
    pd.concat(drawn).to_csv(out / "figure.csv", index=False, float_format="%.6g")
    return [*paths, out / "figure.csv"]


def agreement_figure(
    rows: pd.DataFrame, out: Path, *, label: str = "method", x: str = "epoch", name: str = "agreement"
):
    """Agreement of synthetic with true gradients during training: a row of panels for each of cosine, scale and sign, a
    column for each interface.

    Args:
      rows: of `evaluated`.
      out: folder.
      label: column that the colours show.
      x: "epoch" or "step".
      name: of the files.
    Returns:
      The paths; none where no run has synthetic gradients.
    """
    long = agreement_rows(rows, [label, x, "seed"])
    if not len(long):
        return []
    interfaces = sorted(long["interface"].unique())
    size = {"width": max(7.0, 1.0 + 2.5 * len(interfaces)), "height": 7.0}
    with figure(**size, columns=len(interfaces), rows=len(AUDITED), squeeze=False, sharex=True, sharey="row") as (
        fig,
        axes,
    ):
        for line, (measure, title) in zip(axes, AUDITED.items()):
            for axis, interface in zip(line, interfaces):
                part = long[long["interface"] == interface]
                draw_curves(axis, part, x, measure, method=label, seed="seed")
                axis.axhline({"cosine": 0.0, "scale": 1.0, "sign": 0.5}[measure], color="0.4", linewidth=0.8)
                _time_axis(axis, long, x, label)
                axis.label_outer()
            line[0].set_ylabel(title)
        axes[list(AUDITED).index("scale")][0].set_yscale("log")
        for axis, interface in zip(axes[0], interfaces):
            axis.set_title(f"interface {interface}", fontsize="medium")
        handles = axes[0][0].get_legend_handles_labels()
        fig.legend(*handles, loc="outside lower center", ncols=4, fontsize="small")
        words = "synthetic against back-propagated gradients; grey: no agreement (cosine, signs), equal lengths"
        fig.suptitle(f"{words}; {seeds_caption(long, 'seed', [label], x)}", fontsize="medium")
        paths = save(fig, out, name)
    long.to_csv(out / f"{name}.csv", index=False, float_format="%.6g")
    return [*paths, out / f"{name}.csv"]


def agreement_rows(rows: pd.DataFrame, keep: list[str]) -> pd.DataFrame:
    """One row for each row and interface: the columns `keep`, "interface", and the measures of AUDITED."""
    interfaces = []
    for interface in range(1, 20):
        columns = {measure: f"audit_{measure}_{interface}" for measure in AUDITED}
        if not set(columns.values()) <= set(rows):
            break
        part = rows.dropna(subset=list(columns.values()))
        interfaces.append(
            part[keep].assign(interface=interface, **{measure: part[column] for measure, column in columns.items()})
        )
    empty = pd.DataFrame(columns=[*keep, "interface", *AUDITED])
    return pd.concat(interfaces, ignore_index=True) if interfaces else empty


def error_table(
    rows: pd.DataFrame, out: Path, by: list[str], note: str, columns: dict[str, str] | None = None
) -> list[Path]:
    """Errors of the given rows, mean and standard deviation over seeds, as table.md, .tex and .csv; returns the
    paths."""
    return save_table(out, *over_seeds(rows, by, columns or {"test error": "test error, %"}, 2), note)


def sparse_figure(rows: pd.DataFrame, out: Path):
    """Test error against the probability of an update, one panel per method, one curve per number of steps; Bprop is a
    line.

    Args:
      rows: of `evaluated`.
      out: folder.
    Returns:
      Paths of figure.png, .pdf and .csv; up to four numbers of steps are drawn, the last one and its halves.
    """
    last = int(rows["step"].max())
    steps = sorted({last // 2**i for i in range(len(LEVELS))} & set(rows["step"]) | {last})
    methods = [name for name in ("DNI", "cDNI") if (rows["method"] == name).any()]
    shape = {"width": 1.4 + 4.2 * len(methods), "height": 4.0, "columns": len(methods)}
    with figure(**shape, squeeze=False, sharex=True, sharey=True) as (fig, axes):
        for axis, method in zip(axes[0], methods):
            shade, marker, _ = look(method)
            for step, line in zip(steps, LEVELS[-len(steps) :]):
                part = rows[(rows["method"] == method) & (rows["step"] == step)]
                if len(part):
                    mean, words = part.groupby("p")["test error"].mean(), f"{step} steps"
                    axis.plot(part["p"], part["test error"], ".", color=shade, alpha=0.5)
                    face = shade if line == "-" else "white"
                    line = line if len(mean) >= JOINED else ""
                    axis.plot(
                        mean.index, mean, linestyle=line, marker=marker, markerfacecolor=face, color=shade, label=words
                    )
            plain = rows[(rows["method"] == "Bprop") & (rows["step"] == max(steps))]["test error"]
            if len(plain):
                axis.axhline(plain.mean(), color=colour("Bprop"), linewidth=1.2, label=f"Bprop, {max(steps)} steps")
            shown = sorted(rows["p"].unique())
            axis.set(title=method, xlabel="probability of an update", xscale="log")
            _log_per_cent(axis)
            axis.set_xticks(shown, [f"{p:g}" for p in shown])
            axis.xaxis.set_minor_locator(NullLocator())
            axis.legend(fontsize="small")
        axes[0][0].set_ylabel("test error, %")
        seeds = seeds_caption(rows, "seed", ["method", "p"])
        fig.suptitle(f"{data_names(rows['data'])}; {seeds}", fontsize="medium")
        paths = save(fig, out)
    rows[["method", "p", "seed", "step", "test error"]].to_csv(out / "figure.csv", index=False, float_format="%.6g")
    return [*paths, out / "figure.csv"]


def sparse_ours(results: Results) -> dict[tuple[str, str], tuple[float, float, int]]:
    """For the ledger: (quantity, setting) -> (mean, standard deviation over seeds, seeds); settings read 'cDNI, p 0.05,
    mnist, step 500000'."""
    rows = evaluated(results.metrics)
    return error_values(rows, lambda row: f"{row['method']}, p {row['p']:g}, {row['data']}, step {row['step']}")


def sparse_plot(results: Results, out: Path) -> list[Path]:
    """Draws `sparse_figure` and the table of the errors at the end; returns their paths."""
    rows = evaluated(results.metrics)
    ends = rows[rows["epoch"] == rows.groupby("run_id")["epoch"].transform("max")]
    note = (
        "Test error, mean ± standard deviation over seeds; p: probability that a layer is updated after a forward pass."
    )
    return [*sparse_figure(rows, out), *error_table(ends, out, ["data", "method", "p", "step"], note)]


def depth_figure(runs: pd.DataFrame, out: Path):
    """Final test error against the number of layers, one panel per data set and kind of network, one curve per method;
    longer runs are dashed."""
    runs = runs.assign(
        panel=runs["data"].map(DATA_NAMES).fillna(runs["data"]) + ", " + runs["model.network"].str.upper()
    )
    longer = runs["steps"] > runs.groupby(["panel", "method"])["steps"].transform("min")
    runs = runs.assign(
        look=np.where(longer, "--", "-"),
        name=runs["method"] + np.where(longer, ", " + runs["steps"].astype(str) + " steps", ""),
    )
    panels, methods = list(dict.fromkeys(runs["panel"])), list(dict.fromkeys(runs["method"]))
    with figure(width=1.4 + 3.8 * len(panels), height=3.8, columns=len(panels), squeeze=False) as (fig, axes):
        drawn = []
        for axis, panel in zip(axes[0], panels):
            part = runs[runs["panel"] == panel]
            depths, place = sorted(part["depth"].unique()), "depth"
            if len(depths) == 1:  # no course along the depth: methods stand side by side
                place, part = "beside", part.assign(beside=part["method"].map(methods.index))
            curves = draw_curves(
                axis, part, place, "test error", method="method", seed="seed", style="look", label="{name}"
            )
            drawn.append(curves.rename(columns={place: "depth"}).assign(panel=panel))
            if place == "beside":
                drawn[-1]["depth"] = depths[0]
                axis.set(xlabel=f"{depths[0]} layers", xlim=(-0.6, len(methods) - 0.4))
                axis.set_xticks(range(len(methods)), methods)
            else:
                axis.set(xlabel="layers", xticks=depths)
            axis.set_title(panel)
            _log_per_cent(axis)
        heading = f"at the end of training; {seeds_caption(runs, 'seed', ['panel', 'name', 'depth'])}"
        return _finish(fig, axes[0], drawn, "test error, %", heading, out)


def depth_table(runs: pd.DataFrame, out: Path) -> list[Path]:
    """Writes a table in the form of the paper's Table 1: a row per network, a column per method, mean and standard
    deviation over seeds; returns the paths."""
    texts, numbers = over_seeds(runs, ["data", "network", "steps", "method"], {"test error": "error"}, 2)
    order = list(dict.fromkeys(zip(texts["data"], texts["network"])))
    wide = texts.pivot(index=["data", "network", "steps"], columns="method", values="error")
    wide = wide[[name for name in METHOD_BY_LABEL if name in wide]].fillna("-").reset_index()
    wide["place"] = [order.index(pair) for pair in zip(wide["data"], wide["network"])]
    wide = wide.sort_values(["place", "steps"]).drop(columns="place").rename_axis(columns=None)
    return save_table(out, wide, numbers, "Test error, %, after so many steps; mean ± standard deviation over seeds.")


def copy_named(frame: pd.DataFrame) -> pd.DataFrame:
    """Adds "method" and "T" columns to runs or metrics of the copy task."""
    return frame.assign(method=frame["model.method"].str.upper(), T=frame["model.window"])


def copy_figure(metrics: pd.DataFrame, out: Path) -> list[Path]:
    """Length learnt against the number of windows of training, one panel per T; returns the paths."""
    rows = metrics.dropna(subset=["mastered"])
    windows = sorted(rows["T"].unique())
    with figure(width=1.8 + 3.0 * len(windows), height=3.6, columns=len(windows), squeeze=False, sharey=True) as (
        fig,
        axes,
    ):
        drawn = []
        for axis, window in zip(axes[0], windows):
            part = rows[rows["T"] == window]
            drawn.append(draw_curves(axis, part, "step", "mastered", method="method", seed="seed").assign(T=window))
            for line, width in zip([line for line in axis.lines if not line.get_label().startswith("_")], WIDTHS):
                line.set(linewidth=width, markersize=2.0 * width)  # one method shows behind the other where both agree
            axis.set(title=f"T = {window}", xlabel="windows of training, thousands")
            axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1e3:g}"))
            axis.yaxis.set_major_locator(MaxNLocator(integer=True))
        seeds = seeds_caption(rows, "seed", ["T", "method"], "step")
        heading = f"copy task; lengths are whole numbers, means over seeds are not; {seeds}"
        return _finish(fig, axes[0], drawn, "longest sequence repeated", heading, out)
