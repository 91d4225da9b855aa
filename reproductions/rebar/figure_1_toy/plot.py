"""REBAR, Figure 1: expected loss and log variance of the gradient against the step, one row a setup."""

import numpy as np
import pandas as pd

from igr_suite.plotting.curves import seeds_caption
from igr_suite.plotting.style import figure, save
from igr_suite.plotting.tables import over_seeds, save_table
from igr_suite.studies.toy.plots import draw_losses, draw_variances, medians, seed_rows

LOWEST = -14  # log variance; the figure's own axis ends at -10, RELAX goes below
STEPS = (500, 1_000, 2_000, 3_000, 5_000, 10_000)
MEASURES = {
    "figure": ("variance", "log variance, fresh draws"),
    "ema_variance": ("ema_variance", "log variance, moving average"),
}


def ours(results):
    """(quantity, setting) -> (median over seeds, standard deviation, seeds)."""
    rows = seed_rows(results.metrics)
    values = {}
    for (method, setting), part in rows.groupby(["method", "setting"], sort=False):
        for step in STEPS:
            values["p", f"{method}, {setting}, step {step}"] = medians(part, "p", method, setting, step)
            values[f"loss, {setting}, step {step}", method] = medians(part, "loss", method, setting, step)
        start = medians(part, "variance", method, setting, 0)
        if method != "exact" and start:
            values["log variance at the start", f"{method}, {setting}"] = (
                np.log(start[0]),
                start[1] / start[0],
                start[2],
            )
    return {key: value for key, value in values.items() if value}


def plot(results, out):
    """Returns the paths of what was drawn."""
    rows = seed_rows(results.metrics)
    settings = list(dict.fromkeys(rows["setting"]))
    seeds = seeds_caption(rows[rows["method"] != "exact"], "repetition", ["setting", "method"], "step", "loss")
    samples = f"{results.runs['fresh_samples'].iloc[0]:,} draws a seed"
    notes = {
        "figure": f"variance: mean over seeds, {samples}",
        "ema_variance": "variance: EMA(.99) of g^2 minus the squared exact gradient",
    }
    paths, tables = [], []
    for name, (column, ylabel) in MEASURES.items():
        with figure(width=10.5, height=3.5 * len(settings), columns=2, rows=len(settings), squeeze=False) as (
            fig,
            axes,
        ):
            for line, setting in zip(axes, settings):
                part = rows[rows["setting"] == setting]
                tables.append(draw_losses(line[0], part).assign(setting=setting))
                tables.append(draw_variances(line[1], part, column, ylabel, LOWEST).assign(setting=setting))
            fig.legend(*axes[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
            fig.suptitle(f"loss: {seeds}, dotted: the optimum; {notes[name]}", fontsize="medium")
            paths += save(fig, out, name)
    drawn = pd.concat(tables, ignore_index=True).drop_duplicates()
    drawn.to_csv(out / "figure.csv", index=False, float_format="%.6g")
    last = rows[rows["step"] == rows.groupby("setting")["step"].transform("max")]
    last = last.assign(log_variance=np.log(last["variance"].where(last["variance"] > 1e-20)))
    columns = {"p": "probability at the end", "loss": "loss at the end", "log_variance": "log variance at the end"}
    texts, numbers = over_seeds(last, ["setting", "method"], columns, digits=4, seed="repetition")
    return [*paths, out / "figure.csv", *save_table(out, texts, numbers, "Mean and standard deviation over seeds.")]
