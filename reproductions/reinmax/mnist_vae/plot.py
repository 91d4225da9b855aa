"""ReinMax's MNIST VAE: -ELBO by epoch for each code, beside the published values, and a table of the last epoch."""

from pathlib import Path

import pandas as pd

from igr_suite.families.hard_vae.plots import SPLITS, draw_epochs, draw_gaps, epoch_rows, gaps, last_epochs, named
from igr_suite.families.hard_vae.presets import CODES, METHODS
from igr_suite.plotting.curves import seeds_caption
from igr_suite.plotting.names import likelihood_columns
from igr_suite.plotting.style import colour, draw_published, figure, save
from igr_suite.plotting.tables import mean_of_seeds, over_seeds, save_table

QUANTITY = "{split} -ELBO at epoch {epoch}"
SETTING = "{code}, {method}"
COLUMNS = 3  # codes in a row of the figure


def ours(results):
    """(quantity, setting) -> (mean, standard deviation over seeds, seeds), of runs on all of MNIST."""
    rows = epoch_rows(results.metrics)
    if set(rows["data"]) != {"mnist"}:
        return {}
    published = {int(quantity.rpartition(" ")[2]) for quantity in references()["quantity"]}
    values = {}
    for (code, method, epoch), group in rows[rows["epoch"].isin(published)].groupby(["code", "method", "epoch"]):
        for split in SPLITS:
            key = QUANTITY.format(split=split, epoch=f"{epoch:g}"), SETTING.format(code=code, method=method)
            values[key] = mean_of_seeds(group, split)
    return values


def references() -> pd.DataFrame:
    """The rows of published.csv with columns split, epoch, code and method."""
    rows = pd.read_csv(Path(__file__).parent / "published.csv")
    rows[["code", "method"]] = rows["setting"].str.split(", ", expand=True)
    rows["split"], rows["epoch"] = rows["quantity"].str.split().str[0], rows["quantity"].str.split().str[-1].astype(int)
    return rows


def plot(results, out):
    """Returns the paths of what was drawn."""
    rows, published = epoch_rows(results.metrics), references()
    published = published[[set(rows["data"]) == {"mnist"}] * len(published)]
    codes = [code for code in CODES if code in set(rows["code"])]
    columns = min(COLUMNS, len(codes))
    lines = -(-len(codes) // columns)
    paths, drawn = [], []
    for split, words in SPLITS.items():
        with figure(
            width=4.2 * columns + 1.4, height=3.6 * lines + 0.9, columns=columns, rows=lines, squeeze=False
        ) as (
            fig,
            axes,
        ):
            for axis in axes.ravel()[len(codes) :]:
                axis.set_visible(False)
            for axis, code in zip(axes.ravel(), codes):
                own = published[(published["code"] == code) & (published["split"] == split)]
                drawn.append(draw_epochs(axis, rows[rows["code"] == code], split, own))
            for line in axes:
                line[0].set_ylabel("-ELBO, nats per image")
            if len(published):
                draw_published(axes[0][0], [], [], label="published, means of others' runs")
            handles = axes[0][0].get_legend_handles_labels()
            fig.legend(*handles, loc="outside lower center", ncols=2 * min(columns, 2), fontsize="small")
            caption = seeds_caption(rows, "seed", ["code", "method"], "epoch", split)
            fig.suptitle(f"{words}; {caption}; the first epochs may lie above", fontsize="medium")
            paths += save(fig, out, "figure" if split == "train" else "figure_test")
    pd.concat(drawn, ignore_index=True).to_csv(out / "figure.csv", index=False, float_format="%.6g")
    last = last_epochs(results.metrics)
    published = published[published["epoch"] == last["epoch"].max()]
    return [*paths, out / "figure.csv", *final_figure(last, published, codes, out), *table(results, published, out)]


def final_figure(last, published, codes, out):
    """Differences from ReinMax in the last epoch, of training images; straight-through has an axis of its own."""
    if not {"ReinMax", "ST"} < set(last["method"]):
        return []
    ours = gaps(last, "train", ["code", "seed"])
    theirs = gaps(published[published["split"] == "train"], "value", ["code"])
    near = [method for method in METHODS if method in set(ours["method"]) and method != "ST"]
    shape = {"width": 8.5, "height": 1.6 + 0.75 * len(codes), "columns": 2, "sharey": True}
    with figure(**shape, gridspec_kw={"width_ratios": [3, 1]}) as (fig, axes):
        for axis, methods in zip(axes, (near, ["ST"])):
            draw_gaps(axis, ours, theirs, codes, methods)
        axes[0].set_ylabel("code, categories x variables")
        draw_published(axes[1], [], [], label="published means")
        axes[1].plot([], [], color=colour("ReinMax"), linewidth=1.2, label="ReinMax")
        handles, labels = (sum(parts, []) for parts in zip(*(axis.get_legend_handles_labels() for axis in axes)))
        fig.legend(handles, labels, loc="outside lower center", ncols=4, fontsize="small")
        fig.suptitle(
            f"-ELBO of training images in epoch {last['epoch'].max():g}, a dot for each seed", fontsize="medium"
        )
        return save(fig, out, "figure_final")


def table(results, published, out):
    """The last epoch of every code and method, beside the published means."""
    rows = last_epochs(results.metrics).merge(negative_bounds(named(results.runs)), on="run_id")
    order = {code: place for place, code in enumerate(CODES)}
    rows = rows.sort_values("code", key=lambda codes: codes.map(order), kind="stable")
    bounds = {column: f"test -L_{column.rpartition('_')[2]}" for column in rows if column.startswith("test_iw")}
    texts, numbers = over_seeds(rows, ["code", "method"], {"train": "train", "test": "test", **bounds})
    own = published.set_index(["code", "method", "split"])
    for split in SPLITS:
        cells = [own["value"].get((*key, split)) for key in zip(texts["code"], texts["method"])]
        texts.insert(
            list(texts).index(split) + 1, f"{split}, published", ["-" if v is None else f"{v:.2f}" for v in cells]
        )
    note = (
        f"-ELBO, nats per image, lower is better, in epoch {rows['epoch'].max():g}; mean ± standard deviation over seeds. Codes are "
        f"categories x variables. Published: means of the seeds that others ran with the authors' code, same epoch."
    )
    return save_table(out, texts, numbers, note)


def negative_bounds(runs):
    """Minus the largest multi-sample bound of test images, by run."""
    largest = likelihood_columns(runs, "one_hot")[-1:]
    return runs[["run_id", *largest]].assign(**{column: -runs[column] for column in largest})
