"""Half-and-half MNIST: loss by epoch of all estimators, differences from REINFORCE at equal seeds, completions."""

from igr_suite.families.half_mnist.plots.losses import (
    LOSS,
    LOSS_LABEL,
    by_epoch,
    evaluations,
    grouped_figure,
    losses_table,
    of_one_budget,
    paired_table,
    pictures_figure,
)

EPOCHS = (1, 2, 5, 10, 20, 50, 75, 100)


def ours(results):
    """(quantity, setting) -> (mean, standard deviation over seeds, seeds); quantities read 'test_bce epoch 5', settings
    are methods."""
    rows = of_one_budget(evaluations(results.metrics))
    return by_epoch(rows[(rows["data.name"] == "mnist") & rows["data.train_limit"].isna()], EPOCHS)


def plot(results, out):
    """Returns the paths of what was drawn."""
    rows = of_one_budget(evaluations(results.metrics))
    note = (
        "Test loss of one code an image, nats per pixel, mean ± standard deviation over seeds; 392 pixels make the "
        "nats per image."
    )
    return [
        *losses_table(rows, EPOCHS, out, note),
        *paired_table(rows, EPOCHS, out),
        *grouped_figure(rows, LOSS, LOSS_LABEL, out),
        *pictures_figure(results.runs, results.folder, out),
    ]
