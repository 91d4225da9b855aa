"""REBAR, Figure 2: log variance of the gradient against the step, of the unbiased methods."""

from pathlib import Path

from igr_suite.families.sbn.plots import at_steps, differences, epoch_rows, place, read_steps, traces_figure
from igr_suite.plotting.tables import over_seeds, save_table

SETTING = r"(?P<method>[^,]+), (?P<depth>[^,]+), (?P<data>[^,]+), step (?P<step>\d+)"
PAIRS = tuple(
    (method, other) for method in ("DynamicREBAR", "REBAR(0.1)") for other in ("NVIL", "SimpleMuProp", "MuProp")
)


def unbiased(results):
    """Rows of the methods whose variances can be compared."""
    rows = epoch_rows(results.metrics)
    return rows[~rows["method"].str.startswith("Concrete")]


def ours(results):
    """(quantity, setting) -> (mean, standard deviation over seeds, seeds); settings read 'REBAR, nonlinear,
    binarized_mnist, step 2084'."""
    rows = unbiased(results)
    values = at_steps(rows, ["log_variance"], lambda row: f"{row['method']}, {place(row)}")
    return values | differences(rows, "log_variance", PAIRS)


def plot(results, out):
    """Returns the paths of what was drawn."""
    rows = unbiased(results)
    paths = traces_figure(
        rows,
        read_steps(Path(__file__).parent / "published.csv", SETTING),
        "log_variance",
        "log variance of the gradient",
        out,
    )
    ends = rows[rows["step"].isin((rows["step"].min(), rows["step"].max()))]
    tables = over_seeds(ends, ["depth", "step", "method"], {"log_variance": "log variance"}, 3)
    note = (
        "Natural log of the mean over the epoch that ends at the step; moving averages (decay .999) of all "
        "gradients, not debiased."
    )
    return [*paths, *save_table(out, *tables, note)]
