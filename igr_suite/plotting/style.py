"""One look for all figures: a colour for each method across the whole suite, quiet axes, readable sizes."""

import contextlib
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402  the backend must be chosen first
from matplotlib.ticker import MaxNLocator  # noqa: E402

# The IGR paper's colours (spec/igr.md section 5, Fig. 3); the other methods take the rest of the same ColorBrewer set.
COLOURS = {
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
    "RLOO": "#9467bd",
    "VIMCO": "#c51b7d",
    "Concrete": "#00a087",
    "Concrete(0.1)": "#5cc8b5",
    "exact": "#000000",
}
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


def colour(method: str) -> str:
    """The method's colour; grey for one that has none yet."""
    return COLOURS.get(method, "#888888")


@contextlib.contextmanager
def figure(width: float = 6.4, height: float = 4.0, columns: int = 1, rows: int = 1, **options):
    """A figure in the suite's style: `with figure(columns=2) as (fig, axes): ...`; axes is an array when there are several."""
    with plt.rc_context(RC):
        fig, axes = plt.subplots(rows, columns, figsize=(width, height), **options)
        try:
            yield fig, axes
        finally:
            plt.close(fig)


def epoch_axis(axes) -> None:
    """Labels the x axis in whole epochs."""
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def step_axis(axes) -> None:
    """Labels the x axis in steps, with few enough ticks that five digits fit."""
    axes.set_xlabel("step")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))


def save(fig, folder: Path, name: str = "figure") -> list[Path]:
    """Writes <name>.png and <name>.pdf without time stamps, so that equal results give equal files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.png", folder / f"{name}.pdf"]
    fig.savefig(paths[0], metadata={"Software": None})
    fig.savefig(paths[1], metadata={"CreationDate": None})
    return paths
