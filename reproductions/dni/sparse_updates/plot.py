"""DNI, sparse updates: test error against the probability of an update."""

from igr_suite.families.dni.plots import error_table, error_values, evaluated, sparse_figure


def ours(results):
    """(quantity, setting) -> (mean, standard deviation over seeds, seeds); settings read 'cDNI, p 0.05, mnist, step
    500000'."""
    rows = evaluated(results.metrics)
    return error_values(rows, lambda row: f"{row['method']}, p {row['p']:g}, {row['data']}, step {row['step']}")


def plot(results, out):
    """Returns the paths of what was drawn."""
    rows = evaluated(results.metrics)
    ends = rows[rows["epoch"] == rows.groupby("run_id")["epoch"].transform("max")]
    note = (
        "Test error, mean ± standard deviation over seeds; p: probability that a layer is updated after a forward pass."
    )
    return [*sparse_figure(rows, out), *error_table(ends, out, ["data", "method", "p", "step"], note)]
