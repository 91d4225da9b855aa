"""DNI, Torch: test error against the epoch, and how well true gradients are predicted."""

from igr_suite.families.dni.plots import agreement_figure, error_curves, error_table, error_values, evaluated

NAMES = {"dni": "B-dni", "cdni": "B-cdni"}
PUBLISHED = (("mnist", "B-cdni, per batch", 80, 2.0, "README"), ("mnist", "B-dni, per batch", 249, 2.8, "README"))


def rows_of(results):
    """Evaluations with the configuration's name and what its synthesisers predict."""
    rows = evaluated(results.metrics)
    return rows.assign(configuration=rows["model.method"].map(NAMES) + ", per " + rows["scale"])


def ours(results):
    """(quantity, setting) -> (mean, standard deviation over seeds, seeds); settings read 'B-dni, per batch, mnist,
    epoch 5'."""
    return error_values(rows_of(results), lambda row: f"{row['configuration']}, {row['data']}, epoch {row['epoch']:g}")


def plot(results, out):
    """Returns the paths of what was drawn."""
    rows = rows_of(results)
    shown = tuple(point for point in PUBLISHED if point[2] <= rows["epoch"].max())
    paths = error_curves(rows, out, panels="data", label="configuration", published=shown, top=12)
    paths += agreement_figure(rows, out, label="configuration")
    ends = rows[rows["epoch"].isin((1, 5, 10, 20, 30, 40, 60, 80, 249))]
    note = (
        "Test error, mean ± standard deviation over seeds; per batch: M predicts the gradient of the batch mean, as "
        "the Torch code."
    )
    return [*paths, *error_table(ends, out, ["data", "configuration", "epoch"], note)]
