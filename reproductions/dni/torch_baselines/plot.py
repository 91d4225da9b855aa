"""DNI, Torch baselines: test error against the epoch."""

from igr_suite.families.dni.plots import error_curves, error_table, error_values, evaluated

NAMES = {"tanh": "B-simple", "relu": "B-relu"}
PUBLISHED = (("mnist", "B-simple", 46, 2.0, "README"), ("mnist", "B-relu", 21, 2.0, "README"))


def rows_of(results):
    """Evaluations with the configuration's name."""
    rows = evaluated(results.metrics)
    return rows.assign(configuration=rows["model.activation"].map(NAMES))


def ours(results):
    """(quantity, setting) -> (mean, standard deviation over seeds, seeds); settings read 'B-relu, mnist, epoch 21'."""
    return error_values(rows_of(results), lambda row: f"{row['configuration']}, {row['data']}, epoch {row['epoch']:g}")


def plot(results, out):
    """Returns the paths of what was drawn."""
    rows = rows_of(results)
    paths = error_curves(rows, out, panels="data", label="configuration", published=PUBLISHED, top=10)
    ends = rows[rows["epoch"] == rows["schedule.epochs"]]
    note = "Test error at the end of training, mean ± standard deviation over seeds."
    return [*paths, *error_table(ends, out, ["data", "configuration", "epoch"], note)]
