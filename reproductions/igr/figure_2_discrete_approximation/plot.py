"""IGR, Figure 2: histograms of the argmax before and after fitting, loss curves, and the table of all fits."""

import pandas as pd
from matplotlib.ticker import MaxNLocator

from igr_suite.plotting.style import figure, save
from igr_suite.studies.fits.plots import (
    distributions_of_panel,
    draw_histograms,
    draw_losses,
    fits_table,
    measured,
    named_fits,
    say_cut_off,
)

# target -> (limit of x, limit of y), as in the authors' figure
PANELS = {"discrete": (10, 0.3), "binomial": (12, 0.3), "poisson": (70, 0.2), "negative_binomial": (70, 0.2)}
ROWS = ("share, before the fit", "share, fitted", "loss of GS: KL, nats", "loss of IGR:\nsquared differences")


def ours(results):
    """Values for the ledger; `final_loss_bound` is the final loss once more, for the bound of
    docs/papers/igr.md, section 7.18.
    """
    values = measured(named_fits(results))
    return values | {
        ("final_loss_bound", setting): value
        for (quantity, setting), value in values.items()
        if quantity == "final_loss"
    }


def plot(results, out):
    """Returns the paths of what was drawn."""
    runs, drawn = named_fits(results), []
    first = runs[runs["seed"] == runs["seed"].iloc[0]]
    with figure(width=12.5, height=10.0, columns=4, rows=4) as (fig, axes):
        for (initial, fitted, *losses), (target, (right, top)) in zip(axes.T, PANELS.items()):
            distributions = distributions_of_panel(first[first["target"] == target])
            drawn += [
                draw_histograms(axis, distributions, moment)
                for axis, moment in ((initial, "initial"), (fitted, "fitted"))
            ]
            for axis in (initial, fitted):
                axis.set(xlim=(-0.5, right + 0.5), ylim=(0, top), xlabel="value")
                say_cut_off(axis)
                axis.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10], integer=True))
            relaxed = [distribution for distribution in distributions if distribution.run["model"] == "GS"]
            draw_losses(losses[0], relaxed, results.metrics)
            draw_losses(losses[1], distributions[len(relaxed) :], results.metrics)
            initial.set_title(f"{distributions[0].run['of']} target")
            initial.set_ylim(0, 1.6 * top)  # room for the legend
            initial.legend(fontsize="small", loc="upper right")
        for axis, label in zip(axes[:, 0], ROWS):
            axis.set_ylabel(label)
        draws, seeds = first["evaluation_samples"].iloc[0], runs["seed"].nunique()
        fig.supxlabel(
            f"{draws:,} draws a histogram; {'1 seed' if seeds == 1 else f'the first of {seeds} seeds'}",
            fontsize="small",
        )
        paths = save(fig, out)
    pd.concat(drawn).to_csv(out / "figure.csv", index=False, float_format="%.6g")
    return [*paths, out / "figure.csv", *fits_table(runs, out)]
