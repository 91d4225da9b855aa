"""Half-and-half MNIST: quality of the encoder's gradients by epoch."""

from igr_suite.families.half_mnist.plots.gradients import quality_figure, quality_rows, quality_table


def plot(results, out):
    """Returns the paths of what was drawn."""
    rows, run = quality_rows(results.metrics), results.runs.iloc[0]
    note = (
        f"{run['evaluation.gradient_images']:.0f} images. T: mean of {run['evaluation.gradient_samples']} REINFORCE "
        f"gradients an image; "
        "as many others, independent of them, for each estimator. Squares, in 1e-6, are corrected for noise and "
        "may fall below 0; cosines are corrected too, may pass 1, and are left out where the squared norm of T's noise is "
        "above T squared; agreement: share of gradients with a positive product with T; SNR: root of (squared mean / "
        "variance). "
        "The runs follow one path; what several runs of a seed measured is one number, their mean."
    )
    return [*quality_table(rows, out, note), *quality_figure(rows, out)]
