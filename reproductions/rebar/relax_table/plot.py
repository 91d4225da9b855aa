"""RELAX's table: best training and validation bounds, epochs to REBAR's best validation bound; bounds and variance over
epochs."""

import numpy as np
import pandas as pd

from igr_suite.families.sbn.plots import depth_words, epoch_rows
from igr_suite.families.sbn.presets import PAPER_STEPS
from igr_suite.families.vae.plots.curves import not_run
from igr_suite.plotting.curves import draw_curves, seeds_caption
from igr_suite.plotting.style import epoch_axis, figure, save
from igr_suite.plotting.tables import mean_of_seeds, over_seeds, save_table

NAMES = {"binarized_mnist": "MNIST", "omniglot": "Omniglot"}
VALIDATION = "validation_iw_bound_"
PANELS = {
    "train_elbo": "training bound F",
    "validation": "validation bound",
    "log_variance": "log variance of the gradient",
}


def epochs_of(results):
    """Rows of `epoch_rows` under RELAX's names, with the validation bound of the most samples where it was measured."""
    column = max(
        (c for c in results.metrics if c.startswith(VALIDATION) and not c.endswith("_se")),
        key=lambda c: int(c.removeprefix(VALIDATION)),
    )
    measured = results.metrics.dropna(subset=[column])[["run_id", "step", column]].rename(
        columns={column: "validation"}
    )
    rows = epoch_rows(results.metrics).merge(measured, on=["run_id", "step"], how="left")
    rows = rows.merge(results.runs[["run_id", "model.surrogate"]], on="run_id")
    names = rows["data"].map(NAMES).fillna(rows["data"])
    method = rows["model.surrogate"].map({"relaxed": "REBAR"}).fillna("RELAX")
    return rows.assign(method=method, row=names + ", " + rows["depth"], samples=int(column.removeprefix(VALIDATION)))


def best(rows):
    """One row a run: best training and validation bound, and the first epoch whose validation bound is REBAR's best of
    the seed or more."""
    runs = []
    for (row, seed), group in rows.groupby(["row", "seed"], sort=False):
        goal = group[group["method"] == "REBAR"]["validation"].max()
        for method, part in group.groupby("method", sort=False):
            reached = part[part["validation"] >= goal]["epoch"]
            first = float(reached.min()) if len(reached) else np.nan
            runs.append(
                {
                    "row": row,
                    "method": method,
                    "seed": seed,
                    "steps": part["step"].max(),
                    "train": part["train_elbo"].max(),
                    "validation": part["validation"].max(),
                    "epochs": first,
                }
            )
    return pd.DataFrame(runs)


def ours(results):
    """(quantity, setting) -> (mean, standard deviation over seeds, seeds), of runs at the paper's budget only."""
    table = best(epochs_of(results))
    quantities = {
        "train": "best training F after 2e6 steps",
        "validation": "best validation bound after 2e6 steps",
        "epochs": "epochs to REBAR's best validation bound",
    }
    values = {}
    for (method, row), group in table[table["steps"] >= PAPER_STEPS].groupby(["method", "row"], sort=False):
        for column, quantity in quantities.items():
            if (value := mean_of_seeds(group, column)) is not None:
                values[quantity, f"{method}, {row}"] = value
    return values


def plot(results, out):
    """Returns the paths of what was drawn."""
    rows = epochs_of(results)
    table = best(rows)
    samples = rows["samples"].iloc[0]
    headings = {
        "train": "train F",
        "validation": f"validation L_{samples}",
        "epochs": "epochs to REBAR's best validation",
    }
    texts, numbers = over_seeds(table.rename(columns={"row": "model"}), ["model", "method"], headings)
    steps = ", ".join(f"{n:,}" for n in sorted(table["steps"].unique()))
    note = (
        f"Best epoch of each bound, nats per image, higher is better; mean ± standard deviation over seeds, after "
        f"{steps} steps at "
        f"learning rate 3e-4. REBAR is RELAX's own; '-' under epochs: never. {not_run(results)}"
    )
    return [*_curves(rows, out), *save_table(out, texts, numbers, note.strip())]


def row_words(row):
    """'MNIST, two linear layers' for 'MNIST, 2 linear'."""
    data, _, depth = row.partition(", ")
    return f"{data}, {depth_words(depth)}"


def _curves(rows, out):
    depths = list(dict.fromkeys(rows["row"]))
    drawn = []
    with figure(
        width=3.8 * len(PANELS), height=0.8 + 3.0 * len(depths), columns=len(PANELS), rows=len(depths), squeeze=False
    ) as (
        fig,
        axes,
    ):
        for line, depth in zip(axes, depths):
            for axis, (column, title) in zip(line, PANELS.items()):
                part = rows[rows["row"] == depth].dropna(subset=[column])
                drawn.append(
                    draw_curves(axis, part, "epoch", column, method="method", seed="seed").assign(
                        row=depth, quantity=column
                    )
                )
                axis.set_title(f"{row_words(depth)}:\n{title}", fontsize="medium")
                epoch_axis(axis)
        fig.legend(*axes[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
        fig.suptitle(f"nats per image; {seeds_caption(rows, 'seed', ['row', 'method'], 'epoch')}", fontsize="medium")
        paths = save(fig, out)
    pd.concat(drawn).to_csv(out / "figure.csv", index=False, float_format="%.6g")
    return [*paths, out / "figure.csv"]
