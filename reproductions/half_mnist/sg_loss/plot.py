"""Half-and-half MNIST: loss of the synthetic gradient, size of its target and of its prediction, by epoch."""

from igr_suite.families.half_mnist.plots.gradients import regression_figure, regression_rows
from igr_suite.families.half_mnist.plots.losses import losses_table, samples_rows

EPOCHS = (1, 2, 5, 10, 20, 50, 100)


def plot(results, out):
    """Returns the paths of what was drawn."""
    note = "Test loss of one code an image, nats per pixel; max_grad: mean square that the targets are scaled to."
    return [
        *losses_table(samples_rows(results.metrics), EPOCHS, out, note, by="run"),
        *regression_figure(regression_rows(results.metrics), out),
    ]
