"""The common parts of figures and tables of fitted discrete distributions: readable names, panels, the table, values
for the ledger."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd
from matplotlib.patches import StepPatch

from igr_suite.plotting.histograms import draw_area, draw_outline, frequencies
from igr_suite.plotting.style import colour
from igr_suite.plotting.tables import mean_of_seeds, over_seeds, save_table
from igr_suite.studies.fits.config import DISTRIBUTION_NAMES

TARGET_NAMES = {
    "discrete": "discrete",
    "binomial": "binomial",
    "poisson": "Poisson",
    "negative_binomial": "negative binomial",
    "uniform": "uniform",
    "uniform_mix": "uniform mix",
    "geometric": "geometric",
}
# Column of the results -> quantity in published.csv.
QUANTITIES = {
    "first_loss": "first_loss",
    "final_loss": "final_loss",
    "n_required": "n_required",
    "fitted.mean": "sampled_mean",
    "fitted.var": "sampled_var",
    "fitted.total_variation": "total_variation",
    "parameter_means.loc": "mean_loc",
    "parameter_means.log_scale": "mean_log_scale",
}


GS_LINES = (":", "--", "-")  # Gumbel-Softmax, small to large
GREY = "#cccccc"  # the target
# Column of the results -> (heading, digits).
COLUMNS = {
    "final_loss": ("final loss", 4),
    "fitted.mean": ("mean", 2),
    "fitted.var": ("variance", 1),
    "fitted.total_variation": ("total variation", 3),
    "n_required": ("sticks kept", 0),
}
NOTE = (
    "Mean ± standard deviation over seeds. Loss: KL in nats for GS, squared differences for IGR, mean of the last ten "
    "iterations. Moments and total variation: argmax of fresh draws, against the whole target. Mean and variance of "
    "the targets: discrete 3.67, 6.39; binomial 3.6, 2.52; Poisson 50, 50; negative binomial 33.3, 55.6."
)


def named_fits(results) -> pd.DataFrame:
    """One row for each finished `FitDiscrete` run with the columns `distribution`, `of` (the target), `n_required`
    (sticks kept at the end, absent for distributions that keep all) and `setting`, such as
    'Poisson, IGR-SB, K=200, 100 iterations'."""
    runs, metrics = results.runs, results.metrics
    distribution, of = runs["model"].map(DISTRIBUTION_NAMES), runs["target"].map(TARGET_NAMES)
    sizes, iterations = runs["categories"].astype(str), runs["iterations"].astype(str)
    kept = metrics.groupby("run_id")["n_required"].last() if "n_required" in metrics else pd.Series(dtype=float)
    return runs.assign(
        distribution=distribution,
        of=of,
        n_required=runs["run_id"].map(kept),
        setting=of + ", " + distribution + ", K=" + sizes + ", " + iterations + " iterations",
    )


class PanelDistribution(NamedTuple):
    """A fit, and the colour and line style in which it is drawn."""

    run: pd.Series
    colour: str
    line: str


def distributions_of_panel(runs: pd.DataFrame) -> list[PanelDistribution]:
    """The fits to one target that a panel shows: every Gumbel-Softmax, and the stick-breaking distribution with most
    categories and iterations."""
    gs = runs[runs["model"] == "GS"].sort_values("categories")
    sticks = runs[runs["model"] != "GS"].sort_values(["categories", "iterations"]).tail(1)
    lines = [*GS_LINES[-len(gs) :], "-"]
    rows = [run for _, run in (*gs.iterrows(), *sticks.iterrows())]
    return [PanelDistribution(run, colour(run["distribution"]), line) for run, line in zip(rows, lines)]


def draw_histograms(axes, distributions: list[PanelDistribution], moment: str) -> pd.DataFrame:
    """Draws the target in grey and each distribution's argmax as an outline.

    Args:
      axes: where to draw.
      distributions: from `distributions_of_panel`.
      moment: "initial" or "fitted".
    Returns:
      The drawn values, with the columns setting, moment, value, share.
    """
    target = frequencies(distributions[0].run["drawn_target.counts"])
    draw_area(axes, target, GREY, "target")
    drawn = [
        pd.DataFrame(
            {"setting": distributions[0].run["of"], "moment": "target", "value": range(len(target)), "share": target}
        )
    ]
    for run, shade, line in distributions:
        shares = frequencies(run[f"{moment}.counts"])
        draw_outline(axes, shares, shade, f"{run['distribution']}, K = {run['categories']}", line)
        drawn.append(
            pd.DataFrame({"setting": run["setting"], "moment": moment, "value": range(len(shares)), "share": shares})
        )
    return pd.concat(drawn)


def say_cut_off(axes) -> None:
    """Writes the largest share of an outline that leaves the panel at the top beside the place where it does."""
    top = axes.get_ylim()[1]
    for outline in axes.patches:
        shares = outline.get_data().values if isinstance(outline, StepPatch) else ()
        if len(shares) and shares.max() > top:
            words = f"to {shares.max():.2f}"
            place = (float(shares.argmax()) + 1.5, 0.95 * top)
            axes.annotate(words, place, fontsize="small", color=outline.get_edgecolor(), ha="left", va="top")


def draw_losses(axes, distributions: list[PanelDistribution], metrics: pd.DataFrame) -> None:
    """Draws the loss without its first ten iterations: means of 10 iterations, of 100 when there are 500 or more."""
    for run, shade, line in distributions:
        rows = metrics[metrics["run_id"] == run["run_id"]]
        # A row is the mean of 10 iterations.
        smooth = rows["metrics.loss"].rolling(10 if run["iterations"] >= 500 else 1).mean()
        axes.plot(rows["step"][1:], smooth[1:], color=shade, linestyle=line)
    axes.set(xlabel="iteration", yscale="log")


def fits_table(runs: pd.DataFrame, folder: Path) -> list[Path]:
    """Writes one row for each fit: loss, moments and total variation of the argmax, sticks kept."""
    by = ["of", "distribution", "categories", "iterations"]
    cells = [over_seeds(runs, by, {name: heading}, digits) for name, (heading, digits) in COLUMNS.items()]
    first_texts, first_numbers = cells[0]
    texts = pd.concat(
        [first_texts[by], *(text[text.columns[len(by) : -1]] for text, _ in cells), first_texts["seeds"]], axis=1
    )
    numbers = pd.concat(
        [first_numbers[by], *(n.drop(columns=[*by, "seeds"]) for _, n in cells), first_numbers["seeds"]], axis=1
    )
    return save_table(folder, texts.rename(columns={"of": "target", "categories": "K"}), numbers, NOTE)


def measured(runs: pd.DataFrame) -> dict:
    """Maps (quantity, setting) to (mean, standard deviation over seeds, seeds), for the ledger."""
    values = {}
    for setting, group in runs.groupby("setting", sort=False):
        for column, quantity in QUANTITIES.items():
            if (value := mean_of_seeds(group, column)) is not None:
                values[quantity, setting] = value
    return values
