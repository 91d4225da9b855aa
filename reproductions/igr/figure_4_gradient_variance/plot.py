"""IGR, Figure 4: vanished gradients and gradient noise over epochs, the authors' own metric, and IGR against GS."""

from igr_suite.families.vae.plots.gradients import gradient_figure, gradient_tables, historical_figure, monitored


def plot(results, out):
    """Returns the paths of what was drawn."""
    frame = monitored(results)
    return [*gradient_figure(frame, out), *historical_figure(frame, out), *gradient_tables(frame, out)]
