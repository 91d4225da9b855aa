"""One style for all figures, independent of the user's matplotlib settings: a colour for each method, plain axes,
readable sizes."""

import contextlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image, ImageChops

from igr_suite.plotting.appearance import current, finish
from igr_suite.plotting.looks import Look, look_of

WIDTH = 1.8  # of the line of a method's mean

LARGEST_SVG = 500_000  # bytes; above that a browser is faster with the png of the same figure
COORDINATES = re.compile(r'( (?:d|x|y)=")([^"]*)')  # of an .svg's paths and markers
FURTHER_DIGITS = re.compile(r"(\.\d\d)\d+")
STYLE = Path(__file__).with_name("igr_suite.mplstyle")  # the suite's own


def look(method: str) -> Look:
    """Returns the method's look, in the colour that a reader gives it."""
    found = look_of(method)
    own = current().colours.get(method)
    return found._replace(colour=own) if own else found


def colour(method: str) -> str:
    """Returns the method's colour."""
    return look(method).colour


@cache
def suite_style() -> dict[str, Any]:
    """Returns the settings of STYLE."""
    return dict(matplotlib.rc_params_from_file(STYLE, fail_on_error=True, use_default_template=False))


def line_width(width: float) -> float:
    """Returns the width of a line, in proportion to that of a reader's style where it sets one."""
    own = current().style.get("lines.linewidth")
    return width if own is None else width / WIDTH * float(own)


@contextlib.contextmanager
def own_style() -> Iterator[None]:
    """Sets matplotlib's defaults with the suite's STYLE for the block, in place of a matplotlibrc and of this process's
    settings, which are restored."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(suite_style())
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


def draw_published(axes, x, y, method: str | None = None, label: str | None = None) -> None:
    """Draws values from elsewhere as hollow diamonds in their method's colour; grey ones without a method, for legends.

    Args:
      axes: where to draw.
      x, y: numbers or sequences of them.
      method: whose values they are.
      label: words for the legend.
    """
    shade = colour(method) if method else "0.3"
    axes.plot(x, y, "D", color=shade, markersize=7, fillstyle="none", zorder=4, label=label)


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
    if _is_grey(fig):
        _store_as_grey(paths[0])
    _shorten(paths[2])
    if paths[2].stat().st_size > LARGEST_SVG:
        paths.pop().unlink()
    return paths


def _is_grey(fig) -> bool:
    """Whether every panel of a figure is a picture without colours."""
    pictures = [axes.images for axes in fig.axes]
    if not pictures or not all(pictures):
        return False
    arrays = [np.asarray(image.get_array()) for images in pictures for image in images]
    return all(a.ndim == 2 or (np.ptp(a[..., :3], axis=-1) == 0).all() for a in arrays)


def _store_as_grey(path: Path) -> None:
    """Stores a picture in one channel, which takes less than half the bytes, if it loses nothing by that."""
    with Image.open(path) as image:
        dpi, colours = image.info["dpi"], image.convert("RGB")
    grey = colours.convert("L")
    if ImageChops.difference(colours, grey.convert("RGB")).getbbox() is None:
        grey.save(path, dpi=dpi)


def _shorten(path: Path) -> None:
    """Cuts coordinates of an .svg after the second digit, a hundredth of a point."""
    text = path.read_text(encoding="utf-8")
    text = COORDINATES.sub(lambda found: found[1] + FURTHER_DIGITS.sub(lambda digits: digits[1], found[2]), text)
    path.write_text(text, encoding="utf-8", newline="\n")
