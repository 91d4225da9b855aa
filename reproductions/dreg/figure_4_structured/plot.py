"""DReG, Figure 4: structured prediction; gradient variance, test bound and its gain on the original along training."""

from igr_suite.families.iwae.plots.panels import family_panels
from igr_suite.families.iwae.plots.rows import ends
from igr_suite.families.iwae.plots.tables import ledger, tables


def ours(results):
    """(quantity, setting) -> (mean, standard deviation over seeds, seeds); signs of differences, settings read 'DReG -
    IWAE'."""
    return ledger(ends(results.runs, results.metrics))


def plot(results, out):
    """Returns the paths of what was drawn."""
    halves = {"paper": "lower half given the upper", "legacy": "upper half given the lower"}
    title = halves[results.runs["model.struct_layout"].iloc[0]]
    return [*family_panels(results.metrics, out, f"MNIST, {title}"), *tables(results.runs, results.metrics, out)]
