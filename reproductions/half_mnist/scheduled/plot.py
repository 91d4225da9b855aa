"""Half-and-half MNIST with a divided learning rate: loss by epoch and differences from REINFORCE at equal seeds."""

from igr_suite.families.half_mnist.plots.losses import (
    LOSS,
    LOSS_LABEL,
    curves_figure,
    evaluations,
    losses_table,
    paired_table,
)

EPOCHS = (1, 2, 5, 10, 15, 20, 25, 50, 100)


def plot(results, out):
    """Returns the paths of what was drawn."""
    rows = evaluations(results.metrics)
    rate = results.runs.iloc[0]
    note = (
        f"Test loss, nats per pixel; learning rate {rate['optimiser.learning_rate']:g}, divided by "
        f"{rate['optimiser.slash_rate']:g} "
        f"every {rate['optimiser.slash_every']} epochs."
    )
    return [
        *losses_table(rows, EPOCHS, out, note),
        *paired_table(rows, EPOCHS, out),
        *curves_figure(rows, [(LOSS, LOSS_LABEL)], out),
    ]
