"""Papers, figures and tables in words, for headings and captions."""

TITLES = {
    "dni": "Decoupled neural interfaces",
    "dreg": "DReG: doubly reparameterised gradients",
    "half_mnist": "Half-MNIST",
    "igr": "IGR: invertible Gaussian reparameterisation",
    "rebar": "REBAR and RELAX",
    "reinmax": "ReinMax and other straight-through estimators",
    "suite": "Comparisons of the suite's own",
}
DRAWN = {  # file name without suffix -> what it shows beside the experiment's title
    "figure": "",
    "table": "",
    "agreement": "agreement of synthetic with true gradients",
    "choosing": "variance against processor time, every estimator by name",
    "ema_variance": "variance as a moving average along training",
    "figure_variance": "variance of the gradients",
    "historical": "the authors' own measure of gradient noise",
    "median": "median distance against temperature",
    "pictures": "completed digits",
    "reconstructions": "reconstructions and samples",
    "table_checks": "what must hold by construction",
    "table_comparison": "differences between methods at equal seeds",
    "table_importance": "importance-weighted bounds of test images",
    "table_paired": "differences at equal seeds",
    "table_search": "search for the settings",
    "temperatures": "temperatures by test bound",
    "variance": "bounds against the variance at frozen weights",
}


def paper_title(paper: str) -> str:
    """Returns the heading of a paper's experiments, by the name of its folder."""
    return TITLES.get(paper, paper)


def caption(title: str, stem: str) -> str:
    """Returns what a figure or table of an experiment shows.

    Args:
      title: the experiment's title.
      stem: name of the file without its suffix.
    """
    words = DRAWN.get(stem, stem.removeprefix("table").strip("_").replace("_", " "))
    return f"{title}; {words}" if words else title
