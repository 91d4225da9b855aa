"""Test bounds against evaluations, steps and time, and a table of the last ones."""

from igr_suite.plotting.equal_evaluations import about_minutes, draw, rows_of, table
from igr_suite.plotting.estimators import label
from igr_suite.plotting.looks import register_looks
from igr_suite.plotting.tables import save_table
from igr_suite.studies.comparison.rows import step_seconds

TITLES = {"codes": "VAE of categorical codes"}
FURTHER = {"elbo": "training ELBO"}
NOTE = (
    "Test images' bound of K samples, L_K, at the end and the training images' ELBO in the last epoch, nats per image, "
    "mean and standard deviation over seeds. Every method has the same number of evaluations of the bound in training; "
    "`evaluations a step` are those of one image. Numbers in brackets are samples."
)
register_looks("purple", ["RLOO (4)"])
register_looks("purple", ["RLOO (2)"], "--")
register_looks("green", ["CARMS (4)"])
register_looks("green", ["CARMS (2)"], "--")


def method_of(row) -> str:
    """The row's method with its number of samples: "CARMS (4)"."""
    name = label(row["model.estimator"])
    given = dict(option.split("=") for option in row["model.estimator_options"])
    return f"{name} ({given['samples']})" if "samples" in given else name


def plot(results, out):
    """Returns the paths of what was drawn."""
    rows = rows_of(results, lambda row: "codes", method_of, step_seconds(results))
    return [
        *draw(rows, TITLES, out),
        *save_table(out, *table(rows, TITLES, FURTHER), f"{NOTE} {about_minutes(rows)}"),
    ]
