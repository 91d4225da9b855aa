"""Figures as they are drawn: nothing is cut, lies on something else, looks like another entry or is too faint. A
handful of the suite's figures at every change, all of them in the sweep."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from igr_suite.estimators.names import KNOWN
from igr_suite.lab.analysis.results import Results
from igr_suite.lab.running import discovery
from igr_suite.plotting import equal_evaluations, style
from igr_suite.plotting.estimators import label
from igr_suite.plotting.labels import label_points
from igr_suite.plotting.looks import LOOKS, PALETTE
from igr_suite.plotting.rendering import alike, appearance_of, faults
from igr_suite.plotting.style import figure

RESULTS = Path(__file__).resolve().parents[2] / "results"
DRAWN = sorted({"/".join(path.parts[-4:-2]) for path in RESULTS.glob("*/*/quick/*.png")})
FEW = (
    "dni/table_1",
    "half_mnist/scheduled",
    "igr/figure_3_elbo_curves",
    "igr/figure_5_posterior_distance",
    "igr/table_1_vae_likelihood",
    "rebar/figure_2_log_variance",
    "suite/estimators",
)


@pytest.fixture
def watched(monkeypatch):
    """The faults of all figures that are saved from now on; nothing is written."""
    found, finish = Found(), style.finish

    def look_at(fig):
        finish(fig)
        found.extend(faults(fig))
        of_axes = (axes.get_legend() for axes in fig.axes)
        found.legends += [
            [text.get_text() for text in legend.get_texts()]
            for legend in (*fig.legends, *of_axes)
            if legend is not None
        ]

    monkeypatch.setattr(style, "finish", look_at)
    monkeypatch.setattr(style, "_is_grey", lambda fig: False)
    monkeypatch.setattr(Figure, "savefig", lambda fig, path, **options: Path(path).touch())
    return found


class Found(list):
    """Faults; `legends` has the entries of each legend."""

    def __init__(self):
        super().__init__()
        self.legends: list[list[str]] = []


@pytest.fixture
def drawn(watched):
    """Draws an item's figures from its committed runs; returns their faults and their legends' entries."""

    def draw(item: str, folder: Path) -> tuple[list[str], list[list[str]]]:
        discovery.plot_module(item).plot(Results(discovery.find(item), "quick", RESULTS), folder)
        return list(watched), watched.legends

    return draw


@pytest.mark.parametrize("item", FEW)
def test_figures_are_drawn_without_fault(item, drawn, tmp_path):
    assert drawn(item, tmp_path)[0] == []


@pytest.mark.sweep
@pytest.mark.parametrize("item", [item for item in DRAWN if item not in FEW])
def test_every_committed_figure_is_drawn_without_fault(item, drawn, tmp_path):
    assert drawn(item, tmp_path)[0] == []


@pytest.mark.sweep
@pytest.mark.parametrize("item", DRAWN)
def test_no_two_methods_of_a_committed_figure_have_one_look(item, drawn, tmp_path):
    """Same colour within the palette's distance, same marker and same line."""
    for entries in drawn(item, tmp_path)[1]:
        looks = {name: LOOKS[name] for name in entries if name in LOOKS}
        assert len(set(looks.values())) == len(looks), looks


def a_figure(**options):
    return figure(width=4, height=3, **options)


def test_texts_that_are_cut_or_lie_on_each_other_are_found():
    with a_figure(layout="none") as (fig, axes):
        axes.set_position((0.2, 0.2, 0.7, 0.7))
        fig.text(0.9, 0.5, "a text that is cut at the right")
        axes.text(0.3, 0.5, "one text")
        axes.text(0.32, 0.5, "another text")
        found = faults(fig)
    assert [fault for fault in found if "leaves the canvas by" in fault and "is cut at the right" in fault]
    assert "'one text' lies on 'another text'" in found


def test_turned_texts_are_compared_as_they_stand():
    """Slanted labels side by side do not overlap, though the upright boxes around them do."""
    with a_figure() as (fig, axes):
        axes.set_xticks(range(4), ["IGR-SB-Finite", "IGR-Planar", "IGR-SB-Log", "RELAX+IGR"], rotation=40, ha="right")
        axes.set_xlim(-1, 4)
        assert faults(fig) == []
        axes.set_xticks(range(4), ["IGR-SB-Finite", "IGR-Planar", "IGR-SB-Log", "RELAX+IGR"], rotation=0, ha="right")
        assert any("lies on" in fault for fault in faults(fig))


def test_labels_longer_than_their_axes_are_found():
    with a_figure() as (fig, axes):
        axes.set_ylabel("a label that is much longer than the axis beside which it stands, in nats per image")
        assert any("times as long as its axis" in fault for fault in faults(fig))
        axes.set_visible(False)
        assert faults(fig) == []


def test_entries_that_look_alike_are_found():
    with a_figure() as (fig, axes):
        axes.plot([0, 1], [0, 1], color=PALETTE["red"], label="one")
        axes.plot([0, 1], [1, 0], color="#d11718", label="other")
        axes.legend(loc="center left")
        assert faults(fig) == ["the entries 'one' and 'other' of a legend look alike"]
        axes.lines[1].set_marker("o")
        axes.legend(loc="center left")
        assert faults(fig) == []


def test_what_tells_entries_apart():
    def line(**options):
        return appearance_of(Line2D([], [], **{"color": "black", "marker": "o", **options}))

    assert alike(line(), line(color="#050505"))
    for other in (
        line(color=PALETTE["blue"]),
        line(marker="s"),
        line(linestyle="--"),
        line(linestyle=""),
        line(linewidth=4),
        line(fillstyle="none"),
        line(markerfacecolor="white"),
    ):
        assert not alike(line(), other)
    assert not alike(line(), appearance_of(Patch(color="black")))
    assert alike(appearance_of(Patch(color="black")), appearance_of(Patch(color="#050505")))
    assert not alike(appearance_of(Patch(color="black")), appearance_of(Patch(facecolor="black", hatch="//")))


def test_faint_texts_and_lines_are_found_and_seeds_are_not():
    with a_figure() as (fig, axes):
        axes.plot([0, 1], [0, 1], color="#dddd55", label="yellow")
        axes.plot([0, 1], [0, 1], color=PALETTE["blue"], alpha=0.3)  # a seed behind its mean
        axes.set_title("pale", color="0.8")
        assert faults(fig) == [
            "'pale' has a contrast of 1.6, below 3",
            "the line 'yellow' has a contrast of 1.4, below 3",
        ]


def some_rows(estimators: list[str]) -> pd.DataFrame:
    """Rows as `equal_evaluations.rows_of` gives them, of two models; the numbers are made up."""
    rows = [
        {
            "model": model,
            "estimator": name,
            "method": label(name),
            "seed": seed,
            "evaluations a step": f"{1 + place % 3}",
            "bound": -130 + place - 40 / step + seed,
            "samples": 100,
            "elbo": -135.0 + place,
            "evaluations": 0.1 * step * (1 + place % 3),
            "steps": 1.0 * step,
            "minutes": 0.5 * step,
            "clock": "processor",
        }
        for model in ("nonlinear", "2 linear")
        for place, name in enumerate(estimators)
        for seed in (0, 1)
        for step in range(1, 5)
    ]
    return pd.DataFrame(rows)


def test_comparisons_at_equal_evaluations_are_drawn_without_fault(watched, tmp_path):
    """Their items have no committed runs, so that these rows stand for them."""
    training = discovery.plot_module("suite/training")
    rows = some_rows([name for name, known in KNOWN.items() if known.target == "expectation"])
    paths = equal_evaluations.draw(rows, training.MODELS, tmp_path)
    assert {path.name for path in paths} >= {"figure.png", "ranking.png", "figure.csv"} and watched == []
    last = equal_evaluations.last_of(rows, training.MODELS).groupby(["model", "estimator", "method"], sort=False)
    predicted = last["bound"].mean().reset_index().assign(samples=100, biased=False, relative_bias=0.0)
    predicted["variance"] = [10.0 ** (place % 7 - 4) * (1 + 0.03 * place) for place in range(len(predicted))]
    training.draw_prediction(predicted, tmp_path)
    assert watched == []


def test_a_method_far_below_the_others_does_not_stretch_the_ranking(monkeypatch, tmp_path):
    rows = some_rows(["nvil", "disarm", "reinmax", "ars"])
    rows.loc[rows["method"] == "ARS", "bound"] -= 100
    seen = {}

    def look_at(fig, out, name="figure"):
        seen[name] = [(axes.get_xlim(), [text.get_text() for text in axes.texts]) for axes in fig.axes]
        return []

    monkeypatch.setattr(equal_evaluations, "save", look_at)
    equal_evaluations.draw(rows, {"nonlinear": "one", "2 linear": "two"}, tmp_path)
    for limits, words in seen["ranking"]:
        assert limits[0] > -145 and words == ["← −236"]


def test_names_lie_beside_their_points_and_not_on_each_other():
    with a_figure() as (fig, axes):
        places = np.random.default_rng(0).uniform(size=(18, 2))
        axes.plot(*places.T, "o")
        axes.margins(0.25)
        label_points(axes, *places.T, [f"estimator {i}" for i in range(18)])
        assert faults(fig) == []
        gaps = [np.hypot(*text.get_position()) for text in axes.texts if text.get_text()]
        assert len(gaps) == 18 and max(gaps) < 100
