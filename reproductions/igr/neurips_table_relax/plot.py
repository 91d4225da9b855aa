"""IGR, NeurIPS tables, RELAX: table of bounds, paired differences, test bound over epochs, the gradients' variance."""

import numpy as np
import pandas as pd

from igr_suite.families.vae.plots.curves import named
from igr_suite.lab.analysis.paired import paired_by
from igr_suite.plotting.curves import draw_curves, seeds_caption
from igr_suite.plotting.names import likelihood_columns
from igr_suite.plotting.style import epoch_axis, figure, save
from igr_suite.plotting.tables import over_seeds, save_table

BOUND = "test_elbo_one_hot_exact"
VARIANCES = {"gradient_variance": "log10 variance", "reinforce_variance": "log10 variance, REINFORCE"}
PAIRS = [("RELAX+IGR", "RELAX+GS"), ("RELAX+GS", "GS"), ("RELAX+IGR", "IGR-I")]
NOTE = (
    "Nats per image, test split, hard (one-hot) codes; mean ± standard deviation over seeds. ELBO: exact KL of the "
    "discrete distributions. "
    "Log-likelihood: importance-weighted bound with exact probabilities. Variance: of the gradient with respect to the "
    "encoder's output at "
    "the last epoch, RELAX's own and REINFORCE's on the same codes; outputs mean other things in other models, so "
    "compare within a row. "
    "GS and IGR-I are trained through relaxed codes."
)


def plot(results, out):
    """Returns the paths of what was drawn."""
    runs = named(results.runs).rename(columns={"model.architecture": "network"})
    runs = runs.assign(**{f"log_{name}": np.log10(runs[name].astype(float)) for name in VARIANCES})
    by = ["data", "network", "model"]
    likelihood = likelihood_columns(runs, "one_hot")[-1]
    columns = {
        BOUND: "test ELBO",
        likelihood: f"log-lik. (IW, S={likelihood.rsplit('_', 1)[1]})",
        **{f"log_{name}": words for name, words in VARIANCES.items()},
    }
    texts, numbers = over_seeds(runs, by, columns)
    paths = save_table(out, texts, numbers, NOTE)
    paths += _differences(runs, {BOUND: "test ELBO", likelihood: columns[likelihood]}, out)
    return [*paths, *_curves(results, out)]


def _differences(runs, columns, out):
    texts, numbers = [], []
    for keys, group in runs.groupby(["data", "network"], sort=False):
        for first, second in PAIRS:
            differences = {c: paired_by(group, c, {"model": first}, {"model": second}) for c in columns}
            if differences[BOUND].pairs:
                row = dict(zip(("data", "network"), keys)) | {"difference": f"{first} - {second}"}
                texts.append(
                    row | {columns[c]: d.text() for c, d in differences.items()} | {"seeds": differences[BOUND].pairs}
                )
                numbers += [row | {"column": c} | d._asdict() for c, d in differences.items()]
    note = "Nats per image; mean difference at equal seeds and its 95% interval (Student's t; none for one seed)."
    return save_table(out, pd.DataFrame(texts), pd.DataFrame(numbers), note, "table_paired")


def _curves(results, out):
    rows = named(results.metrics).dropna(subset=[BOUND])
    bound, drawn = _panels(rows, out, "figure", "test ELBO, hard codes (nats per image)", _bounds)
    variances, more = _panels(
        rows.dropna(subset=["gradient_variance"]),
        out,
        "figure_variance",
        "variance of the gradient (nats²)",
        _variances,
    )
    drawn.to_csv(out / "figure.csv", index=False, float_format="%.6g")
    more.to_csv(out / "figure_variance.csv", index=False, float_format="%.6g")
    return [*bound, out / "figure.csv", *variances, out / "figure_variance.csv"]


def _panels(rows, out, name, label, draw):
    """A panel a data set and network; returns the paths and what was drawn."""
    panels, drawn = list(rows.groupby(["data", "model.architecture"], sort=False)), []
    with figure(width=5.2 * len(panels) + 0.6, height=4.4, columns=len(panels), squeeze=False) as (fig, axes):
        for axis, (keys, panel) in zip(axes[0], panels):
            drawn.append(draw(axis, panel).assign(data=keys[0], network=keys[1]))
            epoch_axis(axis)
            axis.set_ylabel(label)
            axis.set_title(
                f"{', '.join(keys)} network; {seeds_caption(panel, 'seed', ['model'], 'epoch')}", fontsize="medium"
            )
        fig.legend(*axes[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize="small")
        return save(fig, out, name), pd.concat(drawn)


def _bounds(axis, panel):
    return draw_curves(axis, panel, "epoch", BOUND, method="model", seed="seed")


def _variances(axis, panel):
    solid = panel.assign(line="-")
    own = draw_curves(axis, solid, "epoch", "gradient_variance", method="model", seed="seed", style="line")
    dashed = panel.assign(line="--")
    reinforce = draw_curves(
        axis,
        dashed,
        "epoch",
        "reinforce_variance",
        method="model",
        seed="seed",
        style="line",
        label="{method}'s codes: REINFORCE",
    )
    axis.set_yscale("log")
    return pd.concat([own, reinforce])
