"""DReG: variance and signal-to-noise ratio of seven estimators on one trajectory, and how far each lies below its
original."""

import pandas as pd

from igr_suite.families.iwae.plots.panels import LINES, VARIANCE
from igr_suite.families.iwae.plots.rows import epochs_of, tracked_rows
from igr_suite.families.iwae.plots.tables import DOUBLY, ledger, save_differences
from igr_suite.plotting.curves import draw_curves, seeds_caption
from igr_suite.plotting.names import data_names
from igr_suite.plotting.style import figure, save, step_axis
from igr_suite.plotting.tables import over_seeds, save_table

PANELS = {"variance": VARIANCE, "snr2": "squared signal-to-noise ratio"}
PAIRS = (*DOUBLY, ("STL", "IWAE"), ("STL", "DReG"))
COLUMNS = {"log_variance": "log10 variance", "snr2": "SNR²"}
NOTE = (
    "Inference network's gradient on the trajectory of an IWAE run, every estimator from the same samples: moving "
    "averages (decay .99, "
    "started at 0), means over the epoch. Independent noise alone gives an SNR² of .005; training lies below it, since "
    "steps within the "
    "averages' window answer the gradient (README). Mean ± standard deviation over seeds."
)


def last(results):
    """The rows of the last epoch, its means."""
    rows = tracked_rows(epochs_of(results.metrics))
    return rows[rows["epoch"] == rows["epoch"].max()]


def ours(results):
    """(quantity, setting) -> (mean, standard deviation over seeds, seeds); settings read 'DReG - IWAE'."""
    return ledger(last(results))


def plot(results, out):
    """Returns the paths of what was drawn."""
    rows = tracked_rows(results.metrics)
    drawn = []
    with figure(width=10.5, height=4.2, columns=2) as (fig, axes):
        for axis, (column, title) in zip(axes, PANELS.items()):
            curves = draw_curves(axis, rows, "step", column, method="method", seed="seed", style="style")
            drawn.append(curves.assign(quantity=column))
            axis.set(yscale="log", ylabel=title)
            step_axis(axis)
        fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=7, fontsize="small")
        seeds = seeds_caption(rows, "seed", ["method"], "step")
        fig.suptitle(
            f"{data_names(rows['data'])}, K = {rows['samples'].iloc[0]}, at the weights that IWAE passes; {seeds}; {LINES}",
            fontsize="medium",
        )
        paths = save(fig, out)
    pd.concat(drawn).to_csv(out / "figure.csv", index=False, float_format="%.6g")
    texts, numbers = over_seeds(tracked_rows(epochs_of(results.metrics)), ["epoch", "method"], COLUMNS, 3)
    return [
        *paths,
        out / "figure.csv",
        *save_table(out, texts, numbers, NOTE),
        *save_differences(out, last(results), ["epoch"], COLUMNS, PAIRS),
    ]
