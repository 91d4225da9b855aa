"""DNI, Theano: test error against the epoch, and how well true gradients are predicted."""

from igr_suite.families.dni.plots import agreement_figure, error_curves, error_table, error_values, evaluated

NAMES = {"cdni": "A-dni", "bp": "A-bp"}


def rows_of(results):
    """Evaluations with the configuration's name, and whether its pixels are in [0, 1]."""
    rows = evaluated(results.metrics)
    changed = rows["data.scaling"].map({"raw": "", "unit": ", x / 255, no L2"})
    return rows.assign(configuration=rows["model.method"].map(NAMES) + changed)


def ours(results):
    """(quantity, setting) -> (mean, standard deviation over seeds, seeds); settings read 'A-dni, mnist, epoch 1000'."""
    return error_values(rows_of(results), lambda row: f"{row['configuration']}, {row['data']}, epoch {row['epoch']:g}")


def plot(results, out):
    """Returns the paths of what was drawn."""
    rows = rows_of(results)
    paths = error_curves(rows, out, panels="data", label="configuration") + agreement_figure(
        rows, out, label="configuration"
    )
    ends = rows[rows["epoch"].isin((1, 2, 5, 10, 20, 50, 100, 200, 500, 1000))]
    note = "Test error, mean ± standard deviation over seeds."
    return [*paths, *error_table(ends, out, ["data", "configuration", "epoch"], note)]
