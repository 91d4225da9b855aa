"""Panels of a VAE's pictures (reconstructions, prior samples, latent traversals), of one run or of several side by
side."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib import rc_context

from igr_suite.lab.runs.picture_file import LEVELS, load
from igr_suite.plotting.images import draw_grid
from igr_suite.plotting.style import figure, save

Pictures = Mapping[str, np.ndarray]  # the pictures of one run, from `lab.runs.picture_file.load`

CODES = {"sampled": "relaxed", "one_hot": "one-hot"}
PRIORS = {"prior": "relaxed prior", "prior_one_hot": "uniform one-hot codes"}
TRAVERSALS = {"traversal_discrete": "categories", "traversal_continuous": "normal quantiles"}
# Sizes in inches, by which axes are placed: a constrained layout would cut the labels of images, whose shape is fixed.
LARGE, SMALL = 0.34, 0.24  # width of an image
LETTER, LINE, MARGIN = 0.071, 0.2, 0.12


class Panel(NamedTuple):
    """A grid of images [R, C, H, W, channels] with its title and the labels of rows and columns."""

    images: np.ndarray
    title: str = ""
    rows: list[str] | None = None
    columns: list[str] | None = None

    @property
    def left(self) -> float:
        """The width in inches of the row labels."""
        return LETTER * max(map(len, self.rows)) if self.rows else 0.0

    @property
    def above(self) -> float:
        """The height in inches of the title and the column labels."""
        return LINE * (bool(self.columns) + (self.title.count("\n") + 1 if self.title else 0))

    @property
    def title_width(self) -> float:
        """The width in inches of the title, from the left edge of the images."""
        return LETTER * 1.15 * max(map(len, self.title.split("\n")))

    def size(self, cell: float) -> tuple[float, float]:
        """Returns (width, height) of all images in inches when one image is `cell` wide."""
        rows, columns, height, width, _ = self.images.shape
        return columns * cell, rows * cell * height / width


def stored(folder: Path, labels: Mapping[str, str]) -> dict[str, Pictures]:
    """Reads the pictures of several runs.

    Args:
      folder: the scale's folder, which holds the run folders.
      labels: run_id -> label of the run; all different.
    Returns:
      label -> pictures.
    Raises:
      UserError: a run has none, or they are damaged.
    """
    return {label: load(folder / run_id) for run_id, label in labels.items()}


def reconstruction_errors(runs: Mapping[str, Pictures]) -> pd.DataFrame:
    """Returns the mean absolute difference between originals and reconstructions, pixels in [0, 1]: one row per run and
    kind of code."""
    rows = []
    for label, pictures in runs.items():
        for code in CODES:
            if code in pictures:
                error = np.abs(pictures["originals"].astype(float) - pictures[code]).mean() / 255
                rows.append(
                    {"run": label, "code": code, "images": len(pictures["indices"]), "mean_absolute_error": error}
                )
    return pd.DataFrame(rows)


def draw_run(pictures: Pictures, folder: Path) -> list[Path]:
    """Draws all panels of one run: reconstructions, prior_samples and traversals, as png and pdf."""
    return [
        *reconstructions({"": pictures}, folder, "reconstructions", columns=10),
        *prior_samples({"": pictures}, folder, "prior_samples"),
        *traversals({"": pictures}, folder, "traversals"),
    ]


def reconstructions(runs: Mapping[str, Pictures], folder: Path, name: str, columns: int = 20) -> list[Path]:
    """Draws originals and, below them, two rows per run: the decoder's mean at relaxed and at one-hot codes.

    Args:
      runs: label -> its pictures; runs with other originals (another data set or size) get a panel of their own.
      folder: folder for the files.
      name: name of the files.
      columns: images side by side; the rest goes into further panels below.
    """
    panels = []
    for group in _with_equal_originals(runs):
        labels, rows = ["original"], [next(iter(group.values()))["originals"]]
        for label, pictures in group.items():
            words = CODES if "one_hot" in pictures else {"sampled": "sampled"}
            labels += [f"{label} {word}".strip() for word in words.values()]
            rows += [pictures[code] for code in words]
        rows = np.stack(rows)
        panels += [[Panel(rows[:, begin : begin + columns], rows=labels)] for begin in range(0, rows.shape[1], columns)]
    return draw_panels(panels, LARGE, folder, name)


def prior_samples(runs: Mapping[str, Pictures], folder: Path, name: str, columns: int = 4) -> list[Path]:
    """Draws squares of prior samples: a column per run, with the relaxed prior above uniform one-hot codes; the squares
    of a single run lie side by side.

    Args:
      runs: label -> its pictures.
      folder: folder for the files.
      name: name of the files.
      columns: runs side by side.
    """
    squares = [
        [
            Panel(pictures[kind], f"{label}\n{word if 'prior_one_hot' in pictures else 'prior'}".strip())
            for kind, word in PRIORS.items()
            if kind in pictures
        ]
        for label, pictures in runs.items()
    ]
    if len(runs) == 1:
        return draw_panels(squares, LARGE, folder, name)
    blocks = [squares[i : i + columns] for i in range(0, len(squares), columns)]
    lines = [
        [square[j] for square in block if j < len(square)] for block in blocks for j in range(max(map(len, block)))
    ]
    return draw_panels(lines, SMALL, folder, name)


def traversals(runs: Mapping[str, Pictures], folder: Path, name: str, columns: int = 3) -> list[Path]:
    """Draws a panel per run and kind of latents: each row varies one latent over its categories or normal quantiles, with
    the others fixed.

    Args:
      runs: label -> its pictures.
      folder: folder for the files.
      name: name of the files.
      columns: panels side by side.
    """
    panels = [
        Panel(
            pictures[kind],
            f"{label}, {TRAVERSALS[kind]}".removeprefix(", "),
            [f"{letter}{i + 1}" for i in pictures[kind.replace("traversal", "latents")]],
            _column_labels(kind, pictures[kind].shape[1]),
        )
        for label, pictures in runs.items()
        for kind, letter in zip(TRAVERSALS, "cz")
        if kind in pictures
    ]
    panels.sort(key=lambda panel: -len(panel.images))  # puts panels of equal height side by side
    return draw_panels(
        [panels[i : i + columns] for i in range(0, len(panels), columns)],
        LARGE if len(runs) == 1 else SMALL,
        folder,
        name,
    )


def draw_panels(lines: list[list[Panel]], cell: float, folder: Path, name: str) -> list[Path]:
    """Places panels in lines and columns, with all images of one width, and saves the figure."""
    count = max(len(line) for line in lines)
    columns = [[line[i] for line in lines if i < len(line)] for i in range(count)]
    lefts = [max(panel.left for panel in column) for column in columns]
    widths = [max(max(panel.size(cell)[0], panel.title_width) for panel in column) for column in columns]
    aboves = [max(panel.above for panel in line) for line in lines]
    heights = [max(panel.size(cell)[1] for panel in line) for line in lines]
    width, height = (
        sum(first) + sum(second) + MARGIN * (len(first) + 1) for first, second in ((lefts, widths), (aboves, heights))
    )
    by_hand = rc_context({"figure.constrained_layout.use": False})  # otherwise saving would turn it on again
    with figure(width=width, height=height, layout="none") as (fig, first_axes), by_hand:
        first_axes.remove()
        for i, line in enumerate(lines):
            top = height - sum(aboves[: i + 1]) - sum(heights[:i]) - MARGIN * (i + 1)
            for j, panel in enumerate(line):
                left = sum(lefts[: j + 1]) + sum(widths[:j]) + MARGIN * (j + 1)
                wide, high = panel.size(cell)
                axis = fig.add_axes((left / width, (top - high) / height, wide / width, high / height))
                draw_grid(axis, panel.images, rows=panel.rows, columns=panel.columns)
                axis.set_title(panel.title, fontsize="small", loc="left")
        return save(fig, folder, name)


def _column_labels(kind: str, count: int) -> list[str]:
    if kind == "traversal_continuous":  # there is no room for every label
        return [f"{level:.2g}" if i in (0, count - 1) else "" for i, level in enumerate(LEVELS)]
    return [str(k) if count <= 12 or k % 5 == 0 else "" for k in range(1, count + 1)]


def _with_equal_originals(runs: Mapping[str, Pictures]) -> list[dict[str, Pictures]]:
    groups: list[dict[str, Pictures]] = []
    for label, pictures in runs.items():
        for group in groups:
            if np.array_equal(next(iter(group.values()))["originals"], pictures["originals"]):
                group[label] = pictures
                break
        else:
            groups.append({label: pictures})
    return groups
