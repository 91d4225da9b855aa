"""IGR, Figure 5: box plots over test images of the posterior's distance to the nearest vertex, statistics, and IGR
against GS."""

from igr_suite.families.vae.plots.distances import distance_boxes, distance_tables, measured


def plot(results, out):
    """Returns the paths of what was drawn; nothing before the first run has been measured."""
    if "PosteriorDistance" not in set(results.runs["kind"]):
        return []
    frame = measured(results)
    return [*distance_boxes(frame, out), *distance_tables(frame, out)]
