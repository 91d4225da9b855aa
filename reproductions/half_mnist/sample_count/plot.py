"""Half-and-half MNIST: loss by epoch and number of codes an image."""

from igr_suite.families.half_mnist.plots.losses import losses_table, samples_figure, samples_rows

EPOCHS = (1, 2, 5, 10, 20, 50, 100)


def plot(results, out):
    """Returns the paths of what was drawn."""
    rows = samples_rows(results.metrics)
    note = "Test loss of one code an image, nats per pixel; R: codes an image and training step."
    return [*losses_table(rows, EPOCHS, out, note, by="run"), *samples_figure(rows, out)]
