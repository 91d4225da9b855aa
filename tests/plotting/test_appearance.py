"""What readers change about a figure: style, size, colours, names, headings, and curves of their own."""

import matplotlib
import pandas as pd
import pytest

from igr_suite.errors import UserError
from igr_suite.plotting.appearance import Appearance, applied, check_colour, read_style
from igr_suite.plotting.curves import draw_curves
from igr_suite.plotting.looks import PALETTE
from igr_suite.plotting.overlay import read
from igr_suite.plotting.rendering import faults
from igr_suite.plotting.style import colour, figure, save

ROWS = pd.DataFrame(
    [
        {"model": model, "epoch": epoch, "seed": seed, "elbo": -100.0 + epoch + seed, "data": "MNIST"}
        for model in ("GS", "IGR-I")
        for epoch in (1, 2, 3)
        for seed in (0, 1)
    ]
)
MINE = pd.DataFrame({"method": ["mine"] * 3, "epoch": [1, 2, 3], "elbo": [-99.0, -97.0, -95.0]})


def drawn(tmp_path, columns=1, words="long words", **changes):
    """Draws ROWS with a heading and a wide legend below; returns the figure, what was drawn, and the appearance."""
    with (
        applied(Appearance(**changes)) as look,
        figure(width=6, height=4, columns=columns, squeeze=False) as (fig, axes),
    ):
        for panel in axes[0]:
            values = draw_curves(
                panel, ROWS, "epoch", "elbo", method="model", seed="seed", label=f"{{method}}, {words}"
            )
            panel.set_title("panel" if columns > 1 else "heading", fontsize=10)
            panel.set_ylabel("evidence lower bound (nats per image)")
        if columns > 1:
            fig.suptitle("heading")
        handles = axes[0][0].get_legend_handles_labels()
        fig.legend(*handles, loc="outside lower center", ncols=4, fontsize=8)
        save(fig, tmp_path)
    return fig, values, look


def test_a_figure_without_changes_is_the_suites_own(tmp_path):
    fig, _, _ = drawn(tmp_path)
    assert list(fig.get_size_inches()) == [6, 4] and fig.axes[0].get_title() == "heading"
    assert fig.legends[0]._ncols == 4 and {line.get_linewidth() for line in fig.axes[0].lines} == {0.6, 1.8}
    assert colour("GS") == PALETTE["purple"]


def test_style_and_size_hold_where_a_plot_asks_for_others(tmp_path):
    (tmp_path / "own.mplstyle").write_text("font.size: 7\nlines.linewidth: 0.9\naxes.facecolor: eeeeee  # grey\n")
    style = read_style(str(tmp_path / "own.mplstyle"))
    fig, _, look = drawn(tmp_path, style=style, size=(2.5, 2.0), words="more words than fit")
    assert list(fig.get_size_inches()) == [2.5, 2.0]
    assert {round(line.get_linewidth(), 3) for line in fig.axes[0].lines} == {0.3, 0.9}
    assert fig.axes[0].title.get_fontsize() == pytest.approx(1.2 * 7) and fig.axes[0].yaxis.label.get_fontsize() == 7
    (legend,) = fig.legends
    assert legend.get_texts()[0].get_fontsize() == pytest.approx(0.8 * 7)
    fig.draw_without_rendering()
    assert legend._ncols == 1 and legend.get_window_extent().width <= fig.bbox.width
    assert fig.axes[0].get_ylabel() == "evidence lower bound\n(nats per image)"
    assert b"/Type3" not in (tmp_path / "figure.pdf").read_bytes()
    look.check_used()


def test_a_further_curve_is_drawn_and_written(tmp_path):
    fig, values, look = drawn(tmp_path, overlay=MINE, colours={"mine": "black", "GS": "red"})
    look.check_used()
    assert list(values[values["method"] == "mine"]["mean"]) == [-99, -97, -95]
    line = fig.axes[0].lines[-1]
    assert line.get_color() == "black" and line.get_label() == "mine" and fig.axes[0].lines[0].get_color() == "red"
    of_other_data = MINE.assign(data=["MNIST", "MNIST", "Omniglot"])
    assert len(drawn(tmp_path, overlay=of_other_data)[1].query("method == 'mine'")) == 2
    with_seeds = pd.concat([MINE.assign(seed=seed) for seed in (0, 1)])
    assert set(drawn(tmp_path, overlay=with_seeds)[1].query("method == 'mine'")["seeds"]) == {2}


def test_names_are_replaced_as_whole_words(tmp_path):
    fig, _, look = drawn(tmp_path, labels={"IGR-I": "ours"})
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["GS, long words", "ours, long words"]
    look.check_used()
    fig, _, look = drawn(tmp_path, labels={"IGR": "ours"})
    assert "IGR-I, long words" in [text.get_text() for text in fig.legends[0].get_texts()]
    with pytest.raises(UserError, match="no text of the figure is 'IGR'"):
        look.check_used()


def test_names_at_ticks_are_replaced_too(tmp_path):
    with applied(Appearance(labels={"GS": "Gumbel"})), figure() as (fig, axes):
        axes.set_xticks([1, 2], ["GS", "IGR-I"])
        axes.plot([1, 2], [1, 2])
        save(fig, tmp_path)
        assert [text.get_text() for text in axes.get_xticklabels()] == ["Gumbel", "IGR-I"]


def test_headings_go_and_names_of_panels_stay(tmp_path):
    assert drawn(tmp_path, titles=False)[0].axes[0].get_title() == ""
    fig, _, _ = drawn(tmp_path, columns=2, titles=False)
    assert fig.get_suptitle() == "" and [axes.get_title() for axes in fig.axes] == ["panel", "panel"]


def test_what_cannot_be_drawn_is_a_sentence(tmp_path):
    _, _, look = drawn(tmp_path, overlay=MINE.rename(columns={"elbo": "loss"}))
    with pytest.raises(UserError, match=r"has the columns method, epoch, loss, and needs method .* \(epoch and elbo\)"):
        look.check_used()
    for name, text, sentence in (
        ("absent.csv", None, "cannot read --overlay .*No such file"),
        ("a.csv", "epoch,elbo\n1,2\n", "needs a column method .* has the columns epoch, elbo"),
        ("a.csv", "method,epoch\n", "has no rows"),
        ("a.csv", 'a,b\n"1', "is not CSV"),
    ):
        if text is not None:
            (tmp_path / name).write_text(text)
        with pytest.raises(UserError, match=sentence):
            read(tmp_path / name)
    for text, sentence in (
        ("font.sise: 8\n", "font.sise"),
        ("font.size: big\n", "font.size"),
        ("font.size\n", "colon"),
    ):
        (tmp_path / "wrong.mplstyle").write_text(text)
        with pytest.raises(UserError, match=sentence):
            read_style(str(tmp_path / "wrong.mplstyle"))
    with pytest.raises(UserError, match="is neither: did you mean 'ggplot'"):
        read_style("ggplott")
    assert read_style("ggplot")["axes.facecolor"] == "#E5E5E5" and matplotlib.rcParams["axes.facecolor"] != "#E5E5E5"
    with pytest.raises(UserError, match="the colour of GS must be a name or '#rrggbb', got 'blak'"):
        check_colour("GS", "blak")


def test_what_is_too_wide_is_broken_into_lines_that_fit(tmp_path):
    """Headings of the whole figure in every size, those of panels where a reader has asked for another size."""
    words = "mean and each of 3 seeds; solid: cross-validated temperature, dashed: near-vertex temperature"
    with applied(Appearance(size=(4.0, 2.5))), figure(columns=2) as (fig, axes):
        axes[0].set_title("corrected control variate, averages debiased")
        axes[1].set_title("short")
        fig.suptitle(words)
        save(fig, tmp_path)
        assert fig.get_suptitle().replace("\n", " ") == words and "seeds;\n" in fig.get_suptitle()
        assert axes[0].get_title().replace("\n", " ") == "corrected control variate, averages debiased"
        assert axes[1].get_title() == "short" and faults(fig) == []
    with figure(width=4.0) as (fig, axes):
        fig.suptitle(words)
        save(fig, tmp_path)
        assert "seeds;\n" in fig.get_suptitle() and faults(fig) == []
    with figure(width=12.0) as (fig, axes):
        fig.suptitle(words)
        save(fig, tmp_path)
        assert fig.get_suptitle() == words
