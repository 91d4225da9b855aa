"""IGR, Figure 1: box plots of the distance to the nearest vertex, its median against temperature, and the table."""

import pandas as pd
from matplotlib.ticker import FuncFormatter, MaxNLocator

from igr_suite.plotting.boxes import CAPTION, draw_boxes
from igr_suite.plotting.style import colour, figure, look, save
from igr_suite.plotting.tables import save_table

EVERY = 5  # temperatures a box: 20 boxes of the 100
HEADINGS = {"p50": "median", "p75": "p75", "below_0.2": "P(d < 0.2)"}


def parts(results):
    """(rows of the many temperatures, rows of the table's few), one row a distribution and temperature."""
    rows = results.metrics.assign(distribution=results.metrics["relaxation"].str.replace("_", "-"))
    rows = rows.sort_values("samples", ascending=False, kind="stable")
    number = rows["temperatures"].map(len)
    # equal under `--set temperatures=...`: the larger run counts
    grid, few = rows[number == number.max()], rows[number == number.min()]
    return tuple(part.drop_duplicates(["distribution", "temperature"]) for part in (grid, few))


def ours(results):
    """(quantity, setting) -> (value, its standard error, 1 seed)."""
    return {
        (HEADINGS[name], f"{row['distribution']}, K={row['categories']}, temperature {row['temperature']:g}"): (
            row[name],
            row[f"{name}_se"],
            1,
        )
        for _, row in parts(results)[1].iterrows()
        for name in ("p50", "p75")
    }


def plot(results, out):
    """Returns the paths of what was drawn."""
    grid, few = parts(results)
    distributions = list(dict.fromkeys(grid["distribution"]))
    setting = f"{grid['categories'].iloc[0]} categories, uniform; {grid['samples'].iloc[0]:,} samples a temperature"
    drawn = grid[grid["step"] % EVERY == 0]
    with figure(width=4.9 * len(distributions), height=3.9, columns=len(distributions), sharey=True, squeeze=False) as (
        fig,
        axes,
    ):
        for axis, distribution in zip(axes[0], distributions):
            boxes = drawn[drawn["distribution"] == distribution]
            places = list(boxes["temperature"])
            width = 0.6 * (max(places) - min(places)) / max(len(places) - 1, 1)
            draw_boxes(axis, boxes, [""] * len(places), distribution, width=width or 0.6, places=places)
            axis.xaxis.set_major_locator(MaxNLocator(5))
            axis.xaxis.set_major_formatter(FuncFormatter(lambda temperature, _: f"{temperature:g}"))
            axis.set(title=distribution, xlabel="temperature", xlim=(0, max(places) + 2 * width), ylim=(0, 1))
            axis.grid(visible=False, axis="x")
        axes[0][0].set_ylabel("distance to the nearest vertex")
        fig.supxlabel(f"{CAPTION}; {setting}", fontsize="small")
        paths = save(fig, out)
    with figure(width=5.6, height=3.9) as (fig, axes):
        for distribution in distributions:
            line = grid[grid["distribution"] == distribution]
            axes.fill_between(
                line["temperature"], line["p25"], line["p75"], color=colour(distribution), alpha=0.15, linewidth=0
            )
            shade, marker, _ = look(distribution)
            axes.plot(
                line["temperature"],
                line["p50"],
                color=shade,
                marker=marker,
                markevery=max(1, len(line) // 8),
                linewidth=1.8,
                label=distribution,
            )
        axes.set(xlabel="temperature", ylabel="distance to the nearest vertex", xlim=(0, None), ylim=(0, 1))
        fig.suptitle(f"line: median, area: quartiles; {setting}", fontsize="small")
        axes.legend(loc="lower right")
        paths += save(fig, out, "median")
    columns = [
        "distribution",
        "temperature",
        "samples",
        *grid.columns[grid.columns.get_loc("p05") : grid.columns.get_loc("distribution")],
    ]
    grid[columns].to_csv(out / "figure.csv", index=False, float_format="%.6g")
    texts = few[["distribution", "temperature"]].assign(
        **{HEADINGS[name]: few[name].map("{:.4f}".format) for name in HEADINGS}
    )
    errors = f"{few[['p50_se', 'p75_se']].max().max():.4f}"
    note = f"{few['samples'].iloc[0]:,} samples a temperature; standard errors of median and p75 are at most {errors}."
    return [*paths, out / "figure.csv", *save_table(out, pd.DataFrame(texts), few[columns], note)]
