"""Test bounds against evaluations, steps and time, and a table of the last ones."""

from igr_suite.plotting.equal_evaluations import draw, rows_of, table
from igr_suite.plotting.estimators import label
from igr_suite.plotting.tables import save_table

MODELS = {
    "nonlinear": "belief network, one nonlinear layer",
    "2 linear": "belief network, two linear layers",
    "categorical": "VAE, categorical codes",
}
NOTE = (
    "Test images' L_K at the end, nats per image, mean and standard deviation over seeds; K = 100 (5 at the smoke "
    "scale). Every estimator has the same number of evaluations of the bound in training; `evaluations a step` are those "
    "of one image. VIMCO and local DisARM train a bound of four samples, all others the ELBO. Times are those of the "
    "machine that made the runs."
)


def model_of(row) -> str:
    """The row's model, a key of `MODELS`."""
    if row["kind"] == "TrainHardVAE":
        return "categorical"
    return "nonlinear" if row["model.nonlinear"] else f"{row['model.layers']:g} linear"


def plot(results, out):
    """Returns the paths of what was drawn."""
    rows = rows_of(results, model_of, lambda row: label(row["model.estimator"]))
    return [*draw(rows, MODELS, out), *save_table(out, *table(rows, MODELS), NOTE)]
