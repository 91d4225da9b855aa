"""Names beside the points of a panel, placed so that none lies on another or on a point."""

from collections.abc import Sequence

import numpy as np

DISTANCES = (5, 9, 14, 20, 28, 38, 50)  # points, from a point to the nearest edge of its name
DIRECTIONS = 16  # in which names are tried
POINT = 3.5  # half of a point's side, in points
LEADER = 7  # a name farther than this has a line to its point


def label_points(
    axes,
    x: Sequence[float],
    y: Sequence[float],
    names: Sequence[str],
    colours: Sequence[str] | None = None,
    fontsize: str = "x-small",
) -> None:
    """Writes a name beside every point, with a thin line where it stands apart from it.

    Call it last: names are placed for the panel's size as it is when everything else has been drawn. Names are tried
    near their points first, in all directions; each takes the place that costs least, where lying on a name or a point or
    leaving the panel costs most.

    Args:
      axes: with its points, scales and limits.
      x, y: of the points, in the panel's units.
      names: of the points.
      colours: of the names; by default that of all texts.
      fontsize: of the names.
    """
    fig = axes.get_figure()
    fig.draw_without_rendering()  # settles the panel's place
    scale = fig.dpi / 72
    points = axes.transData.transform(np.column_stack([np.asarray(x, float), np.asarray(y, float)]))
    texts = [
        axes.annotate(
            name,
            place,
            (0, 0),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=fontsize,
            color=shade,
        )
        for name, place, shade in zip(names, zip(x, y), colours or [None] * len(names))
    ]
    for text in texts:
        text.set_in_layout(False)
    sizes = [_size(text) for text in texts]
    corner = POINT * scale
    taken = [np.concatenate([point - corner, point + corner]) for point in points]
    panel = axes.bbox.extents
    crowding = np.linalg.norm(points[:, None] - points[None], axis=-1)
    order = np.argsort(np.sort(crowding, 1)[:, : min(4, len(points))].sum(1), kind="stable")
    boxes: dict[int, np.ndarray] = {}
    for _ in range(3):  # the second and third time with all other names in their places
        for i in order:
            others = [*(box for j, box in boxes.items() if j != i), *taken]
            boxes[i] = min(_candidates(points[i], sizes[i], scale), key=lambda c: _cost(c, others, panel))[1]
    for i, text in enumerate(texts):
        centre = (boxes[i][:2] + boxes[i][2:]) / 2
        text.set_position(tuple((centre - points[i]) / scale))
        nearest = np.clip(points[i], boxes[i][:2], boxes[i][2:])
        if np.linalg.norm(nearest - points[i]) > LEADER * scale:
            end = tuple((nearest - points[i]) / scale)
            leader = {"arrowstyle": "-", "color": "0.5", "linewidth": 0.5, "shrinkA": 0, "shrinkB": 3}
            line = axes.annotate("", text.xy, end, textcoords="offset points", arrowprops=leader)
            line.set_in_layout(False)


def _size(text) -> np.ndarray:
    """Width and height of a text in pixels."""
    box = text.get_window_extent()
    return np.array([box.width, box.height])


def _candidates(point: np.ndarray, size: np.ndarray, scale: float) -> list[tuple[float, np.ndarray]]:
    """(distance, box [left, bottom, right, top]) of the places that are tried."""
    found = []
    for distance in DISTANCES:
        for angle in 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS:
            way = np.array([np.cos(angle), np.sin(angle)])
            centre = point + way * distance * scale + np.clip(2 * way, -1, 1) * size / 2
            found.append((float(distance), np.concatenate([centre - size / 2, centre + size / 2])))
    return found


def _cost(candidate: tuple[float, np.ndarray], others: Sequence[np.ndarray], panel: np.ndarray) -> float:
    distance, box = candidate
    reach = np.array(others)
    shared = np.minimum(box[2:], reach[:, 2:]) - np.maximum(box[:2], reach[:, :2])
    overlap = np.prod(np.maximum(shared, 0), axis=1).sum()
    outside = np.maximum(panel[:2] - box[:2], 0).sum() + np.maximum(box[2:] - panel[2:], 0).sum()
    return distance + 10 * overlap + 100 * outside
