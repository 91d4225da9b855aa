"""DNI, training curves: one panel a depth, and how well true gradients are predicted at each interface of the deepest
network."""

from igr_suite.families.dni.plots import agreement_figure, error_curves, error_table, error_values, evaluated


def ours(results):
    """(quantity, setting) -> (mean, standard deviation over seeds, seeds); settings read 'FCN 3, cDNI, mnist, step
    195'."""
    rows = evaluated(results.metrics)
    return error_values(rows, lambda row: f"{row['network']}, {row['method']}, {row['data']}, step {row['step']}")


def plot(results, out):
    """Returns the paths of what was drawn."""
    rows = evaluated(results.metrics)
    paths = error_curves(rows, out, panels="network", x="step")
    paths += agreement_figure(rows[rows["depth"] == rows["depth"].max()], out, x="step")
    note = "Test error, mean ± standard deviation over seeds."
    return [
        *paths,
        *error_table(rows[rows["step"] == rows["step"].max()], out, ["data", "network", "step", "method"], note),
    ]
