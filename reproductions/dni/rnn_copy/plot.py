"""DNI, copy task: length mastered by window, and along training."""

from igr_suite.families.dni.plots import copy_figure, copy_named
from igr_suite.plotting.tables import over_seeds, save_table


def ours(results):
    """(quantity, setting) -> (mean, standard deviation over seeds, seeds); settings read 'DNI, T 3'."""
    groups = copy_named(results.runs).groupby(["method", "T"])["mastered"]
    return {
        ("length", f"{method}, T {window}"): (v.mean(), v.std() if len(v) > 1 else 0.0, len(v))
        for (method, window), v in groups
    }


def plot(results, out):
    """Returns the paths of what was drawn."""
    tables = over_seeds(copy_named(results.runs), ["method", "T"], {"mastered": "length mastered"}, 1)
    note = (
        "Longest sequence repeated with less than .15 bits of cross-entropy a bit, mean ± standard deviation over "
        "seeds."
    )
    return [*copy_figure(copy_named(results.metrics), out), *save_table(out, *tables, note)]
