"""DReG, appendix: Omniglot; gradient variance, test bound and its gain on the original along training."""

from igr_suite.families.iwae.plots.panels import family_panels
from igr_suite.families.iwae.plots.rows import ends
from igr_suite.families.iwae.plots.tables import ledger, tables
from igr_suite.plotting.names import data_names


def ours(results):
    """(quantity, setting) -> (mean, standard deviation over seeds, seeds); only the papers' data are compared."""
    runs = ends(results.runs, results.metrics)
    return ledger(runs[runs["data"] == "omniglot"])


def plot(results, out):
    """Returns the paths of what was drawn; the figure shows the first data set, the tables all."""
    data = results.runs["data.name"].iloc[0]
    first = results.metrics[results.metrics["data.name"] == data]
    return [*family_panels(first, out, data_names([data])), *tables(results.runs, results.metrics, out)]
