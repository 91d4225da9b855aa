"""The g3 preset beside the authors' traces: curves with the traced points, and the values that the ledger judges."""

from pathlib import Path

import pandas as pd

from igr_suite.families.vae.plots.curves import bounds_table, importance_table, named
from igr_suite.plotting.curves import draw_curves, seeds_caption
from igr_suite.plotting.style import draw_published, epoch_axis, figure, save
from igr_suite.plotting.tables import mean_of_seeds

QUANTITIES = {
    "train_elbo": "train ELBO",
    "test_elbo_relaxed": "test ELBO, sampled KL",
    "test_relaxed_code_discrete_kl": "test, KL of the argmax's distribution",
}


def by_epoch(results):
    """One row a run and epoch; the training ELBO is the mean over the epoch's rows."""
    rows = named(results.metrics)
    rows = rows.assign(epoch=rows["epoch"].apply(lambda e: int(-(-round(e, 9) // 1))))
    keys = ["model", "data", "temperature", "seed", "epoch"]
    return rows.groupby(keys, sort=False)[[q for q in QUANTITIES if q in rows]].mean().reset_index()


def ours(results):
    """(quantity, setting) -> (mean, standard deviation over seeds, seeds); settings read 'GS, epoch 5'."""
    values = {}
    for (model, epoch), group in by_epoch(results).groupby(["model", "epoch"], sort=False):
        for quantity in QUANTITIES:
            if (value := mean_of_seeds(group, quantity)) is not None:
                values[quantity, f"{model}, epoch {epoch}"] = value
    return values


def plot(results, out):
    """Returns the paths of what was drawn."""
    epochs = by_epoch(results)
    references = pd.read_csv(Path(__file__).parent / "published.csv")
    references[["model", "epoch"]] = references["setting"].str.split(", epoch ", expand=True)
    with figure(width=9.5, height=3.9, columns=2, sharey=True) as (fig, axes):
        drawn = []
        for axis, quantity in zip(axes, ("train_elbo", "test_elbo_relaxed")):
            rows = epochs.dropna(subset=[quantity])
            drawn.append(
                draw_curves(
                    axis,
                    rows,
                    "epoch",
                    quantity,
                    method="model",
                    seed="seed",
                    label=r"{method}, $\tau$ = {temperature:g}",
                )
            )
            for model, points in references[references["quantity"] == quantity].groupby("model"):
                draw_published(axis, points["epoch"].astype(int), points["value"], model)
            draw_published(axis, [], [], label="authors' code")
            epoch_axis(axis)
            axis.set_title(QUANTITIES[quantity], fontsize="medium")
        axes[0].set_ylabel("nats per image")
        axes[0].set_ylim(bottom=-205)
        axes[1].legend(fontsize="small", loc="lower right")
        fig.suptitle(
            f"{epochs['data'].iloc[0]}; {seeds_caption(epochs, 'seed', ['model'], 'epoch')}", fontsize="medium"
        )
        paths = save(fig, out)
    pd.concat(drawn).to_csv(out / "figure.csv", index=False, float_format="%.6g")
    note = (
        "Nats per image at the last epoch, mean ± standard deviation over seeds; all 60,000 training images, as in "
        "the authors' code."
    )
    return [
        *paths,
        out / "figure.csv",
        *bounds_table(named(results.runs), out, note),
        *importance_table(named(results.runs), out),
    ]
