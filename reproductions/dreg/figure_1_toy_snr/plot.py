"""DReG, Figure 1: three panels against K, and a table of the rates at which signal and noise change."""

from igr_suite.studies.linear_gaussian.plots import draw, ledger, rate_table, rows_of


def ours(results):
    """(quantity, setting) -> (value, no spread, 1 perturbation)."""
    return ledger(rows_of(results.runs), results.runs["points"].iloc[0])


def plot(results, out):
    """Returns the paths of what was drawn."""
    rows, sizes = rows_of(results.runs), results.runs.iloc[0]
    title = f"linear-Gaussian model, D = {sizes['dimension']}, N = {sizes['points']:,}"
    return [*draw(rows, out, title), *rate_table(rows, out)]
