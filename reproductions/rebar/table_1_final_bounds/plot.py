"""REBAR, Table 1: best epoch of the training bound, a row a model and a column a method; a figure of the same."""

import pandas as pd

from igr_suite.families.sbn.plots import QUANTITIES, depth_words, epoch_rows
from igr_suite.families.sbn.presets import PAPER_STEPS
from igr_suite.families.vae.plots.curves import not_run
from igr_suite.plotting.curves import number_of_seeds
from igr_suite.plotting.style import colour, figure, look, save
from igr_suite.plotting.tables import mean_of_seeds, over_seeds, save_table, summary_text

NAMES = {"binarized_mnist": "MNIST", "omniglot": "Omniglot"}


def best(results):
    """One row a run: its name in the table, method, seed, the best epoch's F and the number of steps."""
    epochs = epoch_rows(results.metrics)
    bests = epochs.groupby("run_id", sort=False).agg(F=("train_elbo", "max"), steps=("step", "max"))
    runs = results.runs.set_index("run_id")
    first = epochs.groupby("run_id", sort=False).first()[["method", "depth", "data", "seed"]]
    table = first.join(bests).join(runs[["model.task", "model.sp_generator", "model.layers"]]).reset_index()
    return table.assign(
        row=[
            row_name(*cells)
            for cells in table[["data", "depth", "model.task", "model.sp_generator", "model.layers"]].to_numpy()
        ]
    )


def row_name(data, depth, task, generator, layers):
    """'MNIST, 2 linear', 'MNIST, sp historical, 2 linear'; with one layer the generators are the same."""
    kind = "" if task != "sp" else f", sp {generator}" if layers > 1 else ", sp"
    return f"{NAMES.get(data, data)}{kind}, {depth}"


def row_words(row):
    """'MNIST, lower half given the upper, two linear layers' for 'MNIST, sp, 2 linear'."""
    *first, depth = row.split(", ")
    words = [
        part.replace("sp", "lower half given the upper,", 1).rstrip(",") if part.startswith("sp") else part
        for part in first
    ]
    return ",\n".join([", ".join(words), depth_words(depth)])


def ours(results):
    """(quantity, setting) -> (mean, standard deviation over seeds, seeds), of runs at the paper's budget only."""
    table = best(results)
    values = {}
    for (method, row), group in table[table["steps"] >= PAPER_STEPS].groupby(["method", "row"], sort=False):
        values["best training F after 2e6 steps", f"{method}, {row}"] = mean_of_seeds(group, "F")
    return values


def plot(results, out):
    """Returns the paths of what was drawn."""
    table = best(results)
    texts = (
        table.groupby(["row", "method"], sort=False)["F"]
        .apply(lambda values: summary_text(values.to_numpy(), 2))
        .unstack(sort=False)
    )
    texts = texts.fillna("-").reset_index().rename(columns={"row": "model"})
    numbers = over_seeds(table, ["row", "method", "steps"], {"F": "F"})[1]
    steps = ", ".join(f"{n:,}" for n in sorted(table["steps"].unique()))
    note = (
        f"Best epoch of the training bound F, nats per image, higher is better; mean ± standard deviation over "
        f"{table['seed'].nunique()} seed(s), after {steps} steps at learning rate 3e-4. "
        f"sp: lower half of an image given the upper one. {not_run(results)}"
    )
    order, methods = list(dict.fromkeys(table["row"])), list(dict.fromkeys(table["method"]))
    with figure(width=8.0, height=1.4 + 0.55 * len(order)) as (fig, axis):
        for i, method in enumerate(methods):
            part = table[table["method"] == method]
            heights = part["row"].map(order.index) + 0.13 * (i - (len(methods) - 1) / 2)
            axis.plot(part["F"], heights, look(method).marker, color=colour(method), label=method)
        axis.set_yticks(range(len(order)), [row_words(row) for row in order])
        axis.invert_yaxis()
        axis.set_xlabel(f"best {QUANTITIES['train_elbo']}")
        axis.legend(fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
        fig.suptitle(f"{number_of_seeds(table, ['row', 'method'])}, {max(table['steps']):,} steps", fontsize="medium")
        paths = save(fig, out)
    pd.DataFrame(table.drop(columns=["run_id"])).to_csv(out / "figure.csv", index=False, float_format="%.6g")
    return [*paths, out / "figure.csv", *save_table(out, texts, numbers, note.strip())]
