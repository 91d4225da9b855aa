"""Temperature search: the choices beside the authors', every candidate's statistics, and both against the
temperature."""

from igr_suite.families.vae.plots.temperatures import search_figure, search_tables


def plot(results, out):
    """Returns the paths of what was drawn."""
    return [*search_tables(results, out), *search_figure(results, out)]
