"""F, temperature and log variance beside the authors' README and code, and the corrected control variate beside
theirs."""

from pathlib import Path

import pandas as pd

from igr_suite.families.sbn.plots import QUANTITIES, at_steps, draw_references, epoch_rows, read_steps
from igr_suite.lab.analysis.paired import paired_by
from igr_suite.plotting.curves import draw_curves, seeds_caption
from igr_suite.plotting.names import data_names
from igr_suite.plotting.style import figure, save, step_axis
from igr_suite.plotting.tables import over_seeds, save_table

STYLES = {"historical": "-", "corrected": "--"}
SOURCES = {"authors_readme": "s", "authors_code": "D"}
AT_END = {"test_iw_bound_100": "test L_100", "validation_iw_bound_100": "validation L_100"}


def ours(results):
    """(quantity, setting) -> (mean, standard deviation over seeds, seeds); settings read 'historical, binarized_mnist,
    step 2084'."""
    return at_steps(
        epoch_rows(results.metrics), list(QUANTITIES), lambda r: f"{r['control']}, {r['data']}, step {r['step']}"
    )


def comparison(epochs, runs):
    """Corrected minus historical, paired by seed: one row a quantity and step."""
    ends = runs.rename(columns={"model.multilayer_cv": "control"})
    entries = [("train_elbo", "training F"), ("log_variance", "log variance"), ("temperature", "temperature")]
    cases = [
        (rows, column, f"{name}, step {step}")
        for column, name in entries
        for step, rows in epochs.groupby("step")
        if column in epochs
    ]
    cases += [(ends, column, f"{name} at the end") for column, name in AT_END.items() if column in ends]
    texts, numbers = [], []
    for rows, column, name in cases:
        pair = paired_by(rows, column, {"control": "corrected"}, {"control": "historical"})
        texts.append(
            {
                "quantity": name,
                "corrected - historical": pair.text(),
                "corrected is": pair.verdict,
                "pairs": pair.pairs,
            }
        )
        numbers.append({"quantity": name, "verdict": pair.verdict, **pair._asdict()})
    return pd.DataFrame(texts), pd.DataFrame(numbers)


def plot(results, out):
    """Returns the paths of what was drawn."""
    epochs = epoch_rows(results.metrics)
    epochs = epochs.assign(style=epochs["control"].map(STYLES))
    references = read_steps(Path(__file__).parent / "published.csv", r"historical, (?P<data>.+), step (?P<step>\d+)")
    references = references[references["data"] == epochs["data"].iloc[0]].assign(method="DynamicREBAR")
    with figure(width=11.0, height=3.9, columns=3) as (fig, axes):
        drawn = []
        for axis, (quantity, title) in zip(axes, QUANTITIES.items()):
            curves = draw_curves(
                axis, epochs, "step", quantity, method="method", seed="seed", style="style", label="{control}"
            )
            drawn.append(curves.assign(quantity=quantity))
            draw_references(axis, references, SOURCES, quantity, lambda method: "#d11717")
            step_axis(axis)
            axis.set_title(title, fontsize="medium")
        axes[2].legend(fontsize="small")
        fig.suptitle(
            f"DynamicREBAR, {data_names(epochs['data'])}, two linear layers; "
            f"{seeds_caption(epochs, 'seed', ['control'], 'step')}; "
            "control variate of layer 2: solid: the authors' (historical), dashed: corrected",
            fontsize="medium",
        )
        paths = save(fig, out)
    pd.concat(drawn).to_csv(out / "figure.csv", index=False, float_format="%.6g")
    texts, numbers = over_seeds(
        epochs,
        ["control", "step"],
        {"train_elbo": "F", "temperature": "temperature", "log_variance": "log variance"},
        3,
    )
    note = (
        "Means over each epoch's steps, mean ± standard deviation over seeds; F in nats per image; moving averages "
        "not debiased."
    )
    pair_note = (
        "Differences of runs with equal seeds, 95% interval by Student's t; 'undecided' where it holds 0. Nats "
        "per image for F and L_100."
    )
    return [
        *paths,
        out / "figure.csv",
        *save_table(out, texts, numbers, note),
        *save_table(out, *comparison(epochs, results.runs), pair_note, name="table_paired"),
    ]
