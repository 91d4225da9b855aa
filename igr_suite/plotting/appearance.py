"""What readers change about a figure without editing its plot.py: style, size, colours, names, titles, and curves of
their own."""

import contextlib
import itertools
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.style
import pandas as pd
from matplotlib import colors
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator

from igr_suite.errors import UserError, nearest
from igr_suite.plotting.latex import escaped


@dataclass(frozen=True)
class Appearance:
    """The changes to the figures that are drawn in a block of `applied`.

    Attributes:
      style: matplotlib's settings by name, which come after the suite's.
      size: width and height of every figure in inches.
      colours: method -> colour.
      labels: name in the figure -> name to show.
      titles: whether figures have their heading.
      overlay: rows of further curves: a column "method", the columns of a figure's axes, and "seed" if there are
        several; rows are drawn where the other columns that they share with the figure's rows have values of these.
      used: what has been found in the figures so far: ("label", name) and ("axes", x, y).
    """

    style: Mapping[str, Any] = field(default_factory=dict)
    size: tuple[float, float] | None = None
    colours: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    titles: bool = True
    overlay: pd.DataFrame | None = None
    used: set[tuple[str, ...]] = field(default_factory=set)

    @property
    def changes_text(self) -> bool:
        """Whether the style sets sizes of letters, which then also hold where a plot asks for another size."""
        return any(
            name in self.style for name in ("font.size", "legend.fontsize", "axes.titlesize", "figure.titlesize")
        )

    def further_curves(self, rows: pd.DataFrame, x: str, y: str) -> pd.DataFrame | None:
        """Returns the rows of the overlay for axes of x and y that show `rows`; None without any."""
        self.used.add(("axes", x, y))
        if self.overlay is None or not {"method", x, y} <= set(self.overlay.columns):
            return None
        own = self.overlay.dropna(subset=[x, y])
        for column in set(own.columns) & set(rows.columns) - {"method", "seed", x, y}:
            own = own[own[column].isin(rows[column])]
        return None if own.empty else own.assign(seed=own.get("seed", 0))

    def check_used(self) -> None:
        """Raises UserError for labels that no figure has, and for an overlay of which nothing could be drawn."""
        for name in self.labels:
            if ("label", name) not in self.used:
                raise UserError(f"no text of the figure is '{name}', which --label renames")
        pairs = sorted({use[1:] for use in self.used if use[0] == "axes"})
        if self.overlay is not None and not any({"method", *pair} <= set(self.overlay.columns) for pair in pairs):
            shown = "; ".join(f"{x} and {y}" for x, y in pairs) or "none, because it has no curves"
            raise UserError(
                f"nothing of --overlay could be drawn: it has the columns {', '.join(self.overlay.columns)}, and needs "
                f"method and those of a panel of this figure ({shown})"
            )


PLAIN = Appearance()
_current: ContextVar[Appearance | None] = ContextVar("appearance", default=None)


def current() -> Appearance:
    """Returns the appearance of the figures that are drawn now."""
    return _current.get() or PLAIN


@contextlib.contextmanager
def applied(appearance: Appearance) -> Iterator[Appearance]:
    """Gives the figures that are drawn in the block an appearance."""
    token = _current.set(appearance)
    try:
        yield appearance
    finally:
        _current.reset(token)


def read_style(name: str) -> dict[str, Any]:
    """Returns the settings of a .mplstyle file, or of one of matplotlib's styles.

    Raises:
      UserError: there is no such file or style, or it holds a wrong setting.
    """
    path = Path(name).expanduser()
    if not path.is_file():
        if name in matplotlib.style.library:
            return dict(matplotlib.style.library[name])
        known = nearest(name, matplotlib.style.available)
        raise UserError(f"--style takes a file or the name of a style of matplotlib, and '{name}' is neither: {known}")
    complaints = _Complaints()
    logger = logging.getLogger("matplotlib")
    logger.addHandler(complaints)
    try:
        settings = matplotlib.rc_params_from_file(path, fail_on_error=True, use_default_template=False)
    except (OSError, ValueError) as error:
        raise UserError(f"--style {path}: {' '.join(str(error).split())}") from error
    finally:
        logger.removeHandler(complaints)
    if complaints.sentences:
        raise UserError(f"--style {path}: {complaints.sentences[0]}")
    return dict(settings)


class _Complaints(logging.Handler):
    """Gathers what matplotlib logs about a file, such as unknown settings, which it would pass over."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.sentences: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.sentences.append(" ".join(record.getMessage().split()))


def check_colour(method: str, value: str) -> str:
    """Returns a colour.

    Raises:
      UserError: matplotlib knows no such colour.
    """
    if not colors.is_color_like(value):
        raise UserError(f"the colour of {method} must be a name or '#rrggbb', got '{value}'")
    return value


def finish(fig) -> None:
    """Changes a drawn figure: what a reader asks for (headings, names, sizes of letters), then whatever is too wide for
    the figure: headings, legends below it and labels of axes; at last, what LaTeX could not take where it sets the
    texts."""
    look = current()
    if not look.titles:
        _remove_headings(fig)
    legends = [*fig.legends, *(axes.get_legend() for axes in fig.axes if axes.get_legend() is not None)]
    if look.changes_text:
        for axes, place in itertools.product(fig.axes, ("left", "center", "right")):
            if title := axes.get_title(loc=place):
                axes.set_title(title, loc=place, fontsize=matplotlib.rcParams["axes.titlesize"])
        if fig.get_suptitle():
            fig.suptitle(fig.get_suptitle(), fontsize=matplotlib.rcParams["figure.titlesize"])
        # the suite's legends have letters of 8 points where its texts have 10
        small = 0.8 * matplotlib.rcParams["font.size"]
        for text in (text for legend in legends for text in legend.get_texts()):
            text.set_fontsize(matplotlib.rcParams["legend.fontsize"] if "legend.fontsize" in look.style else small)
    for name, shown in look.labels.items():
        _rename(fig, name, shown, look.used)
    if matplotlib.rcParams["text.usetex"]:
        _escape(fig)
    for text in (fig._suptitle, fig._supxlabel):  # matplotlib has no public way to get the texts themselves
        if text is not None and text.get_text():
            _wrap(text, fig.bbox.width)
    for legend in fig.legends:
        _narrow(fig, legend)
    if look.size is not None:
        for axes in fig.axes:
            _wrap_label(fig, axes)
            _wrap(axes.title, axes.bbox.width)


def _escape(fig) -> None:
    """Escapes what LaTeX would take for commands, outside formulas; texts at ticks that a locator makes are its own."""
    for text in fig.findobj(Text):
        text.set_text(escaped(text.get_text()))
    for axis in (axis for axes in fig.axes for axis in (axes.xaxis, axes.yaxis)):
        if isinstance(axis.get_major_locator(), FixedLocator):
            texts = [escaped(label.get_text()) for label in axis.get_ticklabels()]
            axis.set_ticks(axis.get_majorticklocs(), texts)


def _wrap(text, width: float) -> None:
    """Breaks a text that is wider than `width` pixels into lines, after a semicolon or a comma where that is enough."""

    def fits(words: str) -> bool:
        text.set_text(words)
        return text.get_window_extent().width <= width

    lines = text.get_text().split("\n")
    for separator in ("; ", ", ", " "):
        if not all(map(fits, lines)):
            lines = [part for line in lines for part in _broken(line, separator, fits)]
    text.set_text("\n".join(lines))


def _broken(line: str, separator: str, fits: Callable[[str], bool]) -> list[str]:
    first, *words = line.split(separator)
    lines = [first]
    for word in words:
        if fits(longer := f"{lines[-1]}{separator}{word}"):
            lines[-1] = longer
        else:
            lines[-1] += separator.rstrip()
            lines.append(word)
    return lines


def _remove_headings(fig) -> None:
    """Removes a figure's title; one axes' title is a heading, those of several axes say what each shows."""
    if fig.get_suptitle():
        fig.suptitle("")
    if len(fig.axes) == 1:
        for place in ("left", "center", "right"):
            fig.axes[0].set_title("", loc=place)


def _rename(fig, name: str, shown: str, used: set[tuple[str, ...]]) -> None:
    whole = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
    for text in fig.findobj(Text):
        if whole.search(text.get_text()):
            text.set_text(whole.sub(lambda match: shown, text.get_text()))
            used.add(("label", name))
    for axis in (axis for axes in fig.axes for axis in (axes.xaxis, axes.yaxis)):
        texts = [label.get_text() for label in axis.get_ticklabels()]  # made anew whenever the figure is drawn
        if any(whole.search(text) for text in texts):
            axis.set_ticks(axis.get_majorticklocs(), [whole.sub(lambda match: shown, text) for text in texts])
            used.add(("label", name))


def _narrow(fig, legend) -> None:
    """Puts the entries of the legend below a figure into fewer columns until it is as wide as the figure."""
    handles, texts = legend.legend_handles, legend.get_texts()
    labels, size = [text.get_text() for text in texts], texts[0].get_fontsize()
    for columns in range(legend._ncols - 1, 0, -1):  # matplotlib has no public way to read the number of columns
        fig.draw_without_rendering()
        if legend.get_window_extent().width <= fig.bbox.width:
            return
        legend.remove()
        legend = fig.legend(handles=handles, labels=labels, loc="outside lower center", ncols=columns, fontsize=size)


def _wrap_label(fig, axes) -> None:
    """Puts the unit of a y axis that is shorter than its label on a line of its own."""
    fig.draw_without_rendering()
    label = axes.yaxis.label
    if label.get_window_extent().height > axes.bbox.height:
        label.set_text(label.get_text().replace(" (", "\n(", 1))
