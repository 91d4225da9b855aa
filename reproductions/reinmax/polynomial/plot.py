"""Polynomial programming: expected loss against the step for each power, with the points at which the mean gradient of
an estimator vanishes."""

from pathlib import Path

import pandas as pd

from igr_suite.plotting.curves import seeds_caption
from igr_suite.plotting.style import draw_published, figure, save
from igr_suite.plotting.tables import mean_of_seeds, over_seeds, save_table
from igr_suite.studies.polynomial.plots import draw_losses, last_rows, seed_rows

QUANTITY = "loss in the last epoch, p = {:g}"


def ours(results):
    """(quantity, setting) -> (mean, standard deviation over seeds, seeds); settings are methods."""
    rows = last_rows(results.metrics)
    if results.scale == "smoke":
        return {}  # too short to come to rest
    return {
        (QUANTITY.format(power), method): mean_of_seeds(group, "loss")
        for (power, method), group in rows.groupby(["power", "method"], sort=False)
    }


def plot(results, out):
    """Returns the paths of what was drawn."""
    rows = seed_rows(results.metrics)
    references = pd.read_csv(Path(__file__).parent / "published.csv")
    powers = list(dict.fromkeys(rows["power"]))
    with figure(width=max(6.4, 4.0 * len(powers) + 0.5), height=4.4, columns=len(powers), squeeze=False) as (fig, axes):
        drawn = []
        for axis, power in zip(axes[0], powers):
            part = rows[rows["power"] == power]
            rest = references[references["quantity"] == QUANTITY.format(power)].set_index("setting")["value"]
            target = results.runs["target"].iloc[0]
            drawn.append(draw_losses(axis, part, rest[rest.index.isin(part["method"])], target))
        axes[0][0].set_ylabel(r"expected loss, mean of $|b_i - 0.45|^p$")
        draw_published(axes[0][0], [], [], label="mean gradient vanishes (quadrature)")
        axes[0][0].plot([], [], ":", color="0.5", linewidth=0.8, label="optimum")
        fig.legend(*axes[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize="small")
        seeds = seeds_caption(rows[rows["method"] != "exact"], "seed", ["power", "method"], "step", "expected_loss")
        fig.suptitle(f"128 binary variables, temperature 1 unless given; {seeds}", fontsize="medium")
        paths = save(fig, out)
    pd.concat(drawn, ignore_index=True).to_csv(out / "figure.csv", index=False, float_format="%.6g")
    columns = {"loss": "loss of the last epoch's samples", "probability": "mean probability of b = 1 at the end"}
    texts, numbers = over_seeds(last_rows(results.metrics), ["power", "method"], columns, digits=5)
    note = "Mean ± standard deviation over seeds. The optimum has the loss .30187 (p = 1.5), .2025 (2), .091125 (3)."
    return [*paths, out / "figure.csv", *save_table(out, texts.rename(columns={"power": "p"}), numbers, note)]
