"""DNI, Table 1: final test error by network and method, and error against depth."""

from igr_suite.families.dni.plots import depth_figure, depth_table, error_values, named


def ours(results):
    """(quantity, setting) -> (mean, standard deviation over seeds, seeds); settings read 'FCN 3, cDNI, mnist'."""
    runs = named(results.runs)
    longest = runs["steps"] == runs.groupby(["network", "method", "data"])["steps"].transform("max")
    return error_values(runs[longest], lambda row: f"{row['network']}, {row['method']}, {row['data']}")


def plot(results, out):
    """Returns the paths of what was drawn."""
    runs = named(results.runs)
    return [*depth_figure(runs, out), *depth_table(runs, out)]
