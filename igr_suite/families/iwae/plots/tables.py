"""Tables and ledger values of K-sample objectives at the end of training, and paired differences of methods."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from igr_suite.families.iwae.plots.rows import FAMILIES, bound_column, ends, likelihood_column
from igr_suite.lab.analysis.paired import paired_by
from igr_suite.objectives.names import facts_of
from igr_suite.plotting.tables import mean_of_seeds, over_seeds, save_table

PAIRS = (
    ("DReG", "IWAE"),
    ("RWS-DReG", "RWS"),
    ("JVI-DReG", "JVI"),
    ("STL", "IWAE"),
    ("STL", "DReG"),
    ("RWS-DReG", "STL"),
    ("RWS-DReG", "DReG"),
    ("RWS", "IWAE"),
)
DOUBLY = PAIRS[:3]  # doubly reparameterised estimators and their originals
NOTE = (
    "Mean ± standard deviation over seeds; bounds in nats an image, the number of test images where not all. "
    "Objective: what the method reports itself, for JVI an estimate and no bound. Variance and squared "
    "signal-to-noise ratio of the inference network's gradient: moving averages (decay .99), mean over the last epoch; "
    "minibatch noise and drift are in them."
)
PAIR_NOTE = (
    "Differences of runs with equal seeds (weights, images, binarisation, noise), mean [95% interval, Student's t]. "
    "Variances are compared where both methods estimate, or stand for, the same gradient."
)


def headings(runs: pd.DataFrame) -> dict[str, str]:
    """Columns of `ends` -> headings of tables, with the numbers of samples and images."""
    bound, longest = bound_column(runs), likelihood_column(runs)
    texts = {"bound": f"test L_{bound.rsplit('_', 1)[1]}", "objective": "test objective"}
    if longest:
        images = longest.removeprefix("test").split("_")[0]
        samples, images = longest.rsplit("_", 1)[1], f", {images} images" if images else ""
        texts |= {"likelihood": f"L_{samples}{images}", "gap": f"L_{samples} - L_1"}
    return texts | {"ess": "ESS", "log_variance": "log10 variance", "snr2": "SNR²"}


def difference_rows(
    runs: pd.DataFrame, where: Sequence[str], columns: dict[str, str], pairs=PAIRS
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row per place and pair of methods: paired differences of every column, as texts and as numbers.

    Args:
      runs: of `ends`, or rows with "method", "seed" and the columns.
      where: columns that name a place; those with one value are left out of the texts.
      columns: column -> heading; "log_variance" is compared only where both methods have the same target.
      pairs: (method, other); the difference is method - other.
    """
    texts, numbers = [], []
    targets = {facts_of(name).title: facts_of(name).target for members in FAMILIES.values() for name in members}
    for keys, place in runs.groupby(list(where), sort=False):
        for method, other in pairs:
            if not {method, other} <= set(place["method"]):
                continue
            row = dict(zip(where, keys)) | {"pair": f"{method} - {other}"}
            text, number = dict(row), dict(row)
            for column, heading in columns.items():
                difference = paired_by(place, column, {"method": method}, {"method": other})
                text[heading] = "-"
                if column != "log_variance" or targets.get(method, method) == targets.get(other):
                    text[heading] = difference.text()
                    number |= {f"{column}_{key}": v for key, v in zip(("difference", "low", "high"), difference)}
                number["pairs"] = text["seeds"] = difference.pairs
            texts.append(text)
            numbers.append(number)
    single = [column for column in where if runs[column].nunique() == 1]
    texts = pd.DataFrame(texts).drop(columns=single, errors="ignore")
    if len(texts):
        texts["seeds"] = texts.pop("seeds")  # the last column
    return texts, pd.DataFrame(numbers)


def save_differences(
    out: Path, runs: pd.DataFrame, where: Sequence[str], columns: dict[str, str], pairs=PAIRS, note: str = PAIR_NOTE
):
    """Writes table_paired, unless no pair is complete; arguments as in `difference_rows`; returns the paths."""
    texts, numbers = difference_rows(runs, where, columns, pairs)
    return save_table(out, texts, numbers, note, "table_paired") if len(texts) else []


def tables(runs: pd.DataFrame, metrics: pd.DataFrame, out: Path, pairs=PAIRS) -> list[Path]:
    """Writes table (the ends of all runs, by method) and table_paired; runs and metrics as in `ends`; returns the
    paths."""
    rows, names = ends(runs, metrics), headings(runs)
    texts, numbers = over_seeds(rows.rename(columns={"samples": "K"}), ["data", "K", "method"], names, 3)
    compared = {
        column: heading for column, heading in names.items() if column in ("bound", "likelihood", "gap", "log_variance")
    }
    steps = ", ".join(f"{n:,}" for n in sorted(rows["steps"].unique()))
    note = f"After {steps} steps. {NOTE}"
    return [*save_table(out, texts, numbers, note), *save_differences(out, rows, ["data", "samples"], compared, pairs)]


def ledger(runs: pd.DataFrame, pairs=DOUBLY, place: str = "") -> dict[tuple[str, str], tuple[float, float, int]]:
    """Paired differences for `igr check`, which judges their signs.

    Args:
      runs: of `ends`, or rows with "method", "seed" and some of the columns.
      pairs: (method, other); the difference is method - other.
      place: text after the setting, ", K = 8".
    Returns:
      (quantity, "DReG - IWAE" + place) -> (mean, standard deviation over seeds, pairs).
    """
    values = {}
    for column, quantity in {"log_variance": "log10 variance", "bound": "test bound"}.items():
        for method, other in pairs if column in runs else ():
            sides = [runs[runs["method"] == name].groupby("seed")[column].mean() for name in (method, other)]
            if (value := mean_of_seeds((sides[0] - sides[1]).to_frame(), column)) is not None:
                values[f"difference of {quantity}", f"{method} - {other}{place}"] = value
    return values
