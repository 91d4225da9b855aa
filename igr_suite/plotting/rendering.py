"""What makes a drawn figure hard to read, found by measuring it: texts that are cut or lie on each other, legend
entries that look alike, faint colours."""

import itertools

import numpy as np
from matplotlib.collections import Collection
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

from igr_suite.plotting.looks import APART, CONTRAST
from igr_suite.plotting.sight import contrast, least_difference

EDGE = 1.0  # pixels by which a text may leave the canvas: its box is larger than its letters
OVERLAP = 1.5  # pixels by which boxes of texts may overlap
LONGER = 1.02  # an axis' label may be longer than the axis by this factor


def faults(fig: Figure) -> list[str]:
    """Returns what is wrong with a figure as sentences, after a drawing without output; none for a good one.

    Looked for: texts outside the canvas, texts over other texts, labels longer than their axes, entries of a legend
    that look alike, and texts and opaque lines whose contrast with their background is below `CONTRAST`.
    """
    fig.draw_without_rendering()
    texts = [(text, _corners(text)) for text in _texts(fig)]
    return [*_cut(fig, texts), *_over_each_other(texts), *_long_labels(fig), *_alike(fig), *_faint(fig, texts)]


def _texts(fig: Figure) -> list[Text]:
    """The visible texts, each once; tick labels outside their axis' limits are not drawn."""
    hidden = set()
    for axes in fig.axes:
        for axis in (axes.xaxis, axes.yaxis):
            drawn = set(axis._update_ticks()) if axes.get_visible() and axis.get_visible() else set()
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                if tick not in drawn:
                    hidden |= {id(tick.label1), id(tick.label2)}
        if not (axes.get_visible() and axes.axison):
            hidden |= {id(text) for text in axes.findobj(Text)}
    found = {id(text): text for text in fig.findobj(Text) if id(text) not in hidden}
    return [text for text in found.values() if text.get_visible() and text.get_text().strip()]


def _corners(text: Text) -> np.ndarray:
    """The corners of the text's box in pixels, float [4, 2], turned with the text."""
    angle, box = text.get_rotation(), text.get_window_extent()
    if angle % 90 == 0:
        return np.array([[box.x0, box.y0], [box.x1, box.y0], [box.x1, box.y1], [box.x0, box.y1]])
    text.set_rotation(0)
    flat = text.get_window_extent()
    text.set_rotation(angle)
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [flat.width / 2, flat.height / 2]
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return half @ np.array([[cos, sin], [-sin, cos]]) + [(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2]


def _words(text: Text) -> str:
    return "'" + " ".join(text.get_text().split()) + "'"


def _cut(fig: Figure, texts) -> list[str]:
    size = np.array([fig.bbox.width, fig.bbox.height])
    outside = ((text, max(-corners.min(), (corners - size).max())) for text, corners in texts)
    return [f"{_words(text)} leaves the canvas by {by:.0f} pixels" for text, by in outside if by > EDGE]


def _over_each_other(texts) -> list[str]:
    found = []
    for (one, corners), (other, others) in itertools.combinations(texts, 2):
        apart = (corners.max(0) < others.min(0) + OVERLAP) | (others.max(0) < corners.min(0) + OVERLAP)
        if not apart.any() and _depth(corners, others) > OVERLAP:
            found.append(f"{_words(one)} lies on {_words(other)}")
    return found


def _depth(corners: np.ndarray, others: np.ndarray) -> float:
    """How far two rectangles reach into each other: the least overlap of their shadows on their sides' directions."""
    sides = np.concatenate([np.diff(rectangle[:3], axis=0) for rectangle in (corners, others)])
    sides /= np.linalg.norm(sides, axis=1, keepdims=True)
    one, two = corners @ sides.T, others @ sides.T
    return float((np.minimum(one.max(0), two.max(0)) - np.maximum(one.min(0), two.min(0))).min())


def _long_labels(fig: Figure) -> list[str]:
    found = []
    for axes in (axes for axes in fig.axes if axes.get_visible() and axes.axison):
        for label, length in ((axes.xaxis.label, "width"), (axes.yaxis.label, "height")):
            if label.get_visible() and label.get_text().strip():
                ratio = getattr(label.get_window_extent(), length) / getattr(axes.bbox, length)
                if ratio > LONGER:
                    found.append(f"the label {_words(label)} is {ratio:.2f} times as long as its axis")
    return found


def _alike(fig: Figure) -> list[str]:
    found = []
    for legend in (*fig.legends, *(axes.get_legend() for axes in fig.axes if axes.get_legend() is not None)):
        entries = [(text, appearance_of(handle)) for text, handle in zip(legend.get_texts(), legend.legend_handles)]
        found += [
            f"the entries {_words(one)} and {_words(other)} of a legend look alike"
            for (one, look), (other, same) in itertools.combinations(entries, 2)
            if alike(look, same)
        ]
    return found


def appearance_of(handle) -> tuple:
    """Returns (colours, everything else) of a legend's handle, in values that can be compared."""
    if isinstance(handle, Line2D):
        line = handle.get_linestyle() if handle.get_linewidth() > 0 else "None"
        marker = handle.get_marker() if handle.get_marker() not in (None, "", " ") else "None"
        hollow = marker != "None" and to_rgba(handle.get_markerfacecolor())[3] == 0
        hollow = hollow or handle.get_fillstyle() == "none" or to_hex(handle.get_markerfacecolor()) == "#ffffff"
        dashes = str(handle._dash_pattern) if line not in ("None", "-") else ""
        width = round(handle.get_linewidth()) if line != "None" else 0
        size = round(handle.get_markersize()) if marker != "None" else 0
        return (handle.get_color(),), ("line", line, dashes, marker, hollow and marker != "None", width, size)
    if isinstance(handle, Patch):
        filled = handle.get_fill() and handle.get_facecolor()[3] > 0
        colours = (handle.get_facecolor() if filled else handle.get_edgecolor(),)
        return colours, ("patch", filled, handle.get_hatch(), str(handle.get_linestyle()))
    if isinstance(handle, Collection):
        shades = handle.get_facecolor() if len(handle.get_facecolor()) else handle.get_edgecolor()
        return (tuple(shades[0]),), ("collection", len(handle.get_facecolor()) > 0)
    return (), (type(handle).__name__, id(handle))


def alike(one: tuple, other: tuple) -> bool:
    """Whether two of `appearance_of` cannot be told apart: equal in all but colour, and the colours less than APART
    apart under one of the sights."""
    if one[1] != other[1]:
        return False
    return all(least_difference(_on_white(a), _on_white(b)) < APART for a, b in zip(one[0], other[0]))


def _on_white(colour) -> tuple[float, ...]:
    *shade, alpha = to_rgba(colour)
    return tuple(alpha * value + 1 - alpha for value in shade)


def _faint(fig: Figure, texts) -> list[str]:
    found = []
    for text, _ in texts:
        box = text.get_bbox_patch()
        ground = _on_white(box.get_facecolor()) if box is not None else "white"
        ratio = contrast(_on_white(to_rgba(text.get_color(), text.get_alpha())), ground)
        if ratio < CONTRAST:
            found.append(f"{_words(text)} has a contrast of {ratio:.1f}, below {CONTRAST:g}")
    grids = {id(line) for axes in fig.axes for line in (*axes.get_xgridlines(), *axes.get_ygridlines())}
    for line in (line for line in fig.findobj(Line2D) if id(line) not in grids and line.get_visible()):
        shade = to_rgba(line.get_color(), line.get_alpha())
        seen = line.get_linestyle() != "None" or line.get_marker() not in (None, "None", "", " ")
        if seen and shade[3] == 1 and contrast(shade) < CONTRAST:
            words = f"the line '{line.get_label()}'"
            found.append(f"{words} has a contrast of {contrast(shade):.1f}, below {CONTRAST:g}")
    return list(dict.fromkeys(found))
