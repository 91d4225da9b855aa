"""REBAR, Figure 3: single-sample training bound against the step."""

from pathlib import Path

from igr_suite.families.sbn.plots import at_steps, differences, epoch_rows, named, place, read_steps, traces_figure
from igr_suite.plotting.tables import over_seeds, save_table

SETTING = r"(?P<method>[^,]+), (?P<depth>[^,]+), (?P<data>[^,]+), step (?P<step>\d+)"
PAIRS = (
    ("DynamicREBAR", "NVIL"),
    ("DynamicREBAR", "MuProp"),
    ("MuProp", "NVIL"),
    ("Concrete(0.1)", "NVIL"),
    ("DynamicREBAR", "Concrete(0.1)"),
)
LOWEST = -200  # the first epochs lie below
BOUNDS = {
    "train_elbo": "F, last epoch",
    "validation_iw_bound_100": "validation L_100",
    "test_iw_bound_100": "test L_100",
}


def ours(results):
    """(quantity, setting) -> (mean, standard deviation over seeds, seeds); settings read 'REBAR, nonlinear,
    binarized_mnist, step 2084'."""
    rows = epoch_rows(results.metrics)
    values = at_steps(rows, ["train_elbo"], lambda row: f"{row['method']}, {place(row)}")
    return values | differences(rows, "train_elbo", PAIRS)


def plot(results, out):
    """Returns the paths of what was drawn."""
    rows = epoch_rows(results.metrics)
    references = read_steps(Path(__file__).parent / "published.csv", SETTING)
    paths = traces_figure(rows, references, "train_elbo", "training bound F, nats per image", out, LOWEST)
    tables = over_seeds(named(results.runs), ["depth", "method"], BOUNDS)
    note = (
        "Nats per image, mean ± standard deviation over seeds; L_100: importance-weighted bound of 100 samples at "
        "the end."
    )
    return [*paths, *save_table(out, *tables, note)]
