"""DReG, appendix: inference networks trained at a fixed model; variance, test bound and how near q comes to the
posterior."""

from igr_suite.errors import UserError
from igr_suite.families.iwae.plots.panels import family_panels
from igr_suite.families.iwae.plots.rows import bound_column, ends
from igr_suite.families.iwae.plots.tables import ledger, tables


def inference(frame):
    """Rows of the runs that train the inference network alone."""
    return frame[frame["start.train"] == "inference"]


def ours(results):
    """(quantity, setting) -> (mean, standard deviation over seeds, seeds); signs of differences, settings read 'DReG -
    IWAE'."""
    return ledger(ends(inference(results.runs), inference(results.metrics)))


def plot(results, out):
    """Returns the paths of what was drawn.

    Raises:
      UserError: only the model itself is trained so far.
    """
    if inference(results.runs).empty:
        raise UserError(
            "no inference network is trained yet at the fixed model; `igr run dreg/appendix_fixed_model` goes on"
        )
    model = results.runs[results.runs["start.train"] == "all"]
    runs, metrics = inference(results.runs), inference(results.metrics)
    start = model[bound_column(model)].iloc[0]
    return [
        *family_panels(metrics, out, "MNIST, model of an IWAE run, q alone is trained", start),
        *tables(runs, metrics, out),
    ]
