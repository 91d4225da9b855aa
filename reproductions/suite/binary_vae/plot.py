"""Test bounds against evaluations, steps and time for both models and data sets, and a table of the last ones."""

from igr_suite.plotting.equal_evaluations import about_minutes, draw, last_of, rows_of, table
from igr_suite.plotting.estimators import label
from igr_suite.plotting.looks import register_looks
from igr_suite.plotting.names import DATA_NAMES
from igr_suite.plotting.tables import mean_of_seeds, save_table
from igr_suite.studies.comparison.rows import step_seconds

STEPS = 1_000_000  # of the published runs
FURTHER = {"elbo": "training ELBO"}
NOTE = (
    "Test images' bound of K samples, L_K, at the end and the training images' ELBO in the last epoch, nats per image, "
    "mean and standard deviation over seeds. Every method takes the same number of steps; numbers in brackets are "
    "samples."
)
register_looks("purple", ["RLOO (2)"], "--")
register_looks("teal", ["Double CV (3)"])
register_looks("teal", ["Double CV (2)"], "--")
register_looks("navy", ["RODEO (3)"])
register_looks("navy", ["RODEO (2)"], "--")
register_looks("blue", ["ARMS (3)"])


def model_of(row) -> str:
    """The row's model and data: "nonlinear, MNIST"."""
    name = "linear" if row["model.architecture"] == "linear" else "nonlinear"
    return f"{name}, {DATA_NAMES.get(row['data.name'], row['data.name'])}"


def method_of(row) -> str:
    """The row's method with its number of samples: "RODEO (3)"."""
    name = label(row["model.estimator"])
    given = dict(option.split("=") for option in row["model.estimator_options"])
    return f"{name} ({given['samples']})" if "samples" in given else name


def titles_of(rows) -> dict[str, str]:
    """Model -> title, in the order of the runs."""
    return {model: f"{model}, 200 Bernoulli variables" for model in dict.fromkeys(rows["model"])}


def ours(results):
    """(quantity, setting) -> (mean, standard deviation over seeds, seeds), of runs as long as the published ones."""
    rows = rows_of(results, model_of, method_of, step_seconds(results))
    last = last_of(rows, titles_of(rows))
    last = last[last["steps"] == STEPS / 1e3]
    return {
        ("train ELBO", f"{model}, {method}"): mean_of_seeds(group, "elbo")
        for (model, method), group in last.groupby(["model", "method"], sort=False)
    }


def plot(results, out):
    """Returns the paths of what was drawn."""
    rows = rows_of(results, model_of, method_of, step_seconds(results))
    titles = titles_of(rows)
    return [
        *draw(rows, titles, out),
        *save_table(out, *table(rows, titles, FURTHER), f"{NOTE} {about_minutes(rows)}"),
    ]
