"""One style for all figures, independent of the user's matplotlib settings: a colour for each method, plain axes,
readable sizes."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from igr_suite.plotting.appearance import current, finish

WIDTH = 1.8  # of the line of a method's mean

# A colour for each method, distinct among those that may share a figure. IGR: the paper's own
# (docs/papers/igr.md, section 5, Fig. 3); its other methods and the estimators of discrete variables take the rest of
# the same ColorBrewer set.
DISCRETE = {
    "IGR-Planar": "#e41a1c",
    "IGR-SB-Finite": "#377eb8",
    "IGR-SB": "#1f4e79",
    "IGR-SB-Log": "#17becf",
    "IGR-I": "#4daf4a",
    "IGSM": "#a6d854",
    "GSP": "#e78ac3",
    "GS": "#984ea3",
    "VAE": "#666666",
    "RELAX+GS": "#d95f02",
    "RELAX+IGR": "#1b9e77",
    "RELAX+Bernoulli": "#e6ab02",
    "DLGMM": "#a65628",
    "DLGMM-Var": "#ff7f00",
    "DLGMM-IGR": "#66a61e",
    "DLGMM-IGR-SB": "#1b9e9e",
    "REINFORCE": "#8c564b",
    "NVIL": "#f781bf",
    "SimpleMuProp": "#2ca02c",
    "MuProp": "#b8b000",
    "REBAR": "#1f77b4",
    "REBAR(0.1)": "#74b9e8",
    "DynamicREBAR": "#08306b",
    "RELAX": "#d62728",
    "ARM": "#fdae61",
    "DisARM": "#ff7f0e",
    "DisARM-SB": "#e6550d",
    "DisARM-Tree": "#7f3b08",
    "CARMS": "#31a354",
    "ARS": "#bdbdbd",
    "ARSM": "#737373",
    "RLOO": "#9467bd",
    "VIMCO": "#c51b7d",
    "OVIS": "#2b8cbe",
    "OVIS(1)": "#084081",
    "OVIS-MC": "#7bccc4",
    "TVO": "#525252",
    "Concrete": "#00a087",
    "Concrete(0.1)": "#5cc8b5",
    "exact": "#000000",
}
IMPORTANCE_WEIGHTED = {
    "IWAE": "#6baed6",
    "DReG": "#08519c",
    "STL": "#d94801",
    "RWS": "#74c476",
    "RWS-DReG": "#006d2c",
    "JVI": "#9e9ac8",
    "JVI-DReG": "#54278f",
    "DReG(alpha)": "#c51b8a",
}
STRAIGHT_THROUGH = {
    "ST": "#2ca02c",
    "ST-GS": "#7570b3",
    "ST-GS(0.1)": "#b3b0d9",
    "Gumbel-Rao": "#17becf",
    "GST": "#e6ab02",
    "GST-1.0": "#e6ab02",
    "ReinMax": "#b2182b",
    "ReinMax-Rao": "#f4a582",
}
COLOURS = DISCRETE | IMPORTANCE_WEIGHTED | STRAIGHT_THROUGH
LARGEST_SVG = 500_000  # bytes; above that a browser is faster with the png of the same figure
RC = {
    "figure.dpi": 120,
    "savefig.dpi": 160,
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "pdf.fonttype": 42,
    "svg.hashsalt": "igr_suite",
}


def register_colours(colours: Mapping[str, str]) -> None:
    """Gives methods their colours in all figures of this process; the plots of a family call it when they are imported.

    Args:
      colours: name in legends -> "#rrggbb".
    Raises:
      ValueError: a name has another colour already.
    """
    for name, value in colours.items():
        if COLOURS.setdefault(name, value) != value:
            raise ValueError(f"{name} has the colour {COLOURS[name]} already, not {value}")


def colour(method: str) -> str:
    """Returns the method's colour; grey for a method without one."""
    return current().colours.get(method) or COLOURS.get(method, "#888888")


def line_width(width: float) -> float:
    """Returns the width of a line, in proportion to that of a reader's style where it sets one."""
    own = current().style.get("lines.linewidth")
    return width if own is None else width / WIDTH * float(own)


@contextlib.contextmanager
def own_style() -> Iterator[None]:
    """Sets matplotlib's defaults with the suite's RC for the block, in place of a matplotlibrc and of this process's
    settings, which are restored."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(RC)
        matplotlib.rcParams.update(current().style)
        yield


@contextlib.contextmanager
def figure(
    width: float = 6.4, height: float = 4.0, columns: int = 1, rows: int = 1, layout: str | None = None, **options
):
    """Yields a figure in the suite's style: `with figure(columns=2) as (fig, axes): ...`; axes is an array when there
    are several.

    The figure belongs to no window and no backend, so neither pyplot nor a notebook shows it. Save it inside the block,
    because text and layout read the style when they are drawn.

    Args:
      width, height: inches, where no reader has asked for another size.
      columns, rows: numbers of axes.
      layout: as in matplotlib.figure.Figure; by default constrained, "none" leaves the axes where they are put.
      **options: options of Figure.subplots: sharey, squeeze ...
    """
    with own_style():
        fig = Figure(figsize=current().size or (width, height), layout=layout)
        FigureCanvasAgg(fig)
        yield fig, fig.subplots(rows, columns, **options)


def epoch_axis(axes) -> None:
    """Labels the x axis in whole epochs."""
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def step_axis(axes) -> None:
    """Labels the x axis in steps, with few enough ticks that five digits fit."""
    axes.set_xlabel("step")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))


def save(fig, folder: Path, name: str = "figure") -> list[Path]:
    """Writes <name>.png, .pdf and .svg without time stamps, so that equal results give equal files; an .svg larger than
    LARGEST_SVG is removed."""
    finish(fig)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.png", folder / f"{name}.pdf", folder / f"{name}.svg"]
    fig.savefig(paths[0], metadata={"Software": None})
    fig.savefig(paths[1], metadata={"CreationDate": None})
    fig.savefig(paths[2], metadata={"Date": None})
    if paths[2].stat().st_size > LARGEST_SVG:
        paths.pop().unlink()
    return paths
