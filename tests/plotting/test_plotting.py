"""Tables and curves say what the frames hold, without TensorFlow."""

import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from igr_suite.plotting import style
from igr_suite.plotting.curves import draw_curves, number_of_seeds, seeds_along, seeds_caption
from igr_suite.plotting.style import colour, figure, save
from igr_suite.plotting.tables import cells_of, markdown, mean_of_seeds, over_seeds, save_table

FRAME = pd.DataFrame(
    {
        "model": ["GS", "GS", "IGR-I", "IGR-I"],
        "seed": [1, 2, 1, 2],
        "elbo": [-100.0, -102.0, -90.0, -90.5],
        "extra": [np.nan, np.nan, 1.0, 2.0],
    }
)


def test_over_seeds_gives_mean_and_sample_deviation():
    texts, numbers = over_seeds(FRAME, ["model"], {"elbo": "ELBO", "extra": "Extra", "absent": "Absent"})
    assert list(texts["ELBO"]) == ["-101.00 ± 1.41", "-90.25 ± 0.35"]
    assert list(texts["Extra"]) == ["-", "1.50 ± 0.71"]
    assert list(texts["Absent"]) == ["-", "-"]
    assert list(numbers["seeds"]) == [2, 2]
    assert numbers["elbo_sd"][0] == pytest.approx(np.sqrt(2))


def test_one_seed_has_no_spread():
    texts, numbers = over_seeds(FRAME[:1], ["model"], {"elbo": "ELBO"})
    assert texts["ELBO"][0] == "-100.00"
    assert np.isnan(numbers["elbo_sd"][0])


def test_tables_in_three_formats(tmp_path):
    texts, numbers = over_seeds(FRAME, ["model"], {"elbo": "test_ELBO"})
    paths = save_table(tmp_path, texts, numbers, "A note.")
    assert [p.name for p in paths] == ["table.md", "table.tex", "table.csv"]
    lines = paths[0].read_text().splitlines()
    assert len({len(line) for line in lines[:4]}) == 1, "columns are aligned"
    assert lines[-1] == "A note."
    assert r" \pm " in paths[1].read_text() and r"test\_ELBO" in paths[1].read_text()
    assert markdown(texts).count("\n") == 4
    assert pd.read_csv(paths[2])["elbo_mean"].tolist() == [-101.0, -90.25]


def test_a_bar_in_a_cell_ends_no_cell():
    table = pd.DataFrame({"|t| of the bias": ["KL(p || q)"], "seeds": [3]})
    head, line, row = markdown(table).splitlines()
    assert (head, row) == (r"| \|t\| of the bias | seeds |", r"| KL(p \|\| q)      | 3     |")
    assert cells_of(head) == list(table.columns) and cells_of(row) == ["KL(p || q)", "3"]
    assert len(head) == len(line) == len(row)


def test_curves_are_means_over_seeds_and_every_seed_is_drawn():
    frame = pd.DataFrame({"model": "GS", "seed": [1, 1, 2, 2], "epoch": [1, 2, 1, 2], "elbo": [-4.0, -2.0, -6.0, -3.0]})
    with figure() as (_, axes):
        drawn = draw_curves(axes, frame, "epoch", "elbo", method="model", seed="seed")
        lines = [line.get_ydata().tolist() for line in axes.get_lines()]
    assert drawn["mean"].tolist() == [-5.0, -2.5]
    assert drawn["lowest"].tolist() == [-6.0, -3.0]
    assert lines == [[-4.0, -2.0], [-6.0, -3.0], [-5.0, -2.5]]
    assert seeds_caption(frame, "seed", ["model"]) == "mean and each of 2 seeds"
    assert seeds_caption(frame[frame["seed"] == 1], "seed", ["model"]) == "1 seed"


def test_equal_data_give_equal_files(tmp_path):
    def draw(folder):
        with figure() as (fig, axes):
            axes.plot([1, 2], [3, 4], color=colour("GS"))
            return [path.read_bytes() for path in save(fig, folder)]

    assert draw(tmp_path / "a") == draw(tmp_path / "b")


def test_plotting_never_imports_tensorflow():
    code = (
        "import sys, igr_suite.families.vae.plots.curves, igr_suite.families.vae.selection; sys.exit('tensorflow' "
        "in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def falling(model: str = "GS", seeds=(1, 2, 3), long=(1,), to: int = 20, end: int = 30) -> pd.DataFrame:
    """One row an epoch of every seed, to epoch `to`, of the `long` ones to `end`; the loss is seed + epoch."""
    places = [(seed, epoch) for seed in seeds for epoch in range(1, 1 + (end if seed in long else to))]
    return pd.DataFrame(
        [{"model": model, "seed": seed, "epoch": epoch, "loss": float(seed + epoch)} for seed, epoch in places]
    )


def lines_of(frame: pd.DataFrame, **options) -> tuple[pd.DataFrame, list]:
    with figure() as (_, axes):
        drawn = draw_curves(axes, frame, "epoch", "loss", method="model", seed="seed", **options)
        return drawn, [(line.get_xdata(), line.get_linewidth(), line.get_label()) for line in axes.get_lines()]


def test_the_line_of_the_mean_ends_where_a_seed_ends():
    drawn, lines = lines_of(falling())
    assert drawn["seeds"].tolist() == [3] * 20 + [1] * 10
    assert drawn["mean"].tolist() == [epoch + 2.0 for epoch in range(1, 21)] + [epoch + 1.0 for epoch in range(21, 31)]
    (thick, width, label), (rest, thinner, nothing) = lines[3:]
    assert (list(thick), list(rest)) == (list(range(1, 21)), list(range(21, 31)))
    assert label == "GS" and nothing.startswith("_") and thinner < width / 2
    assert len(lines_of(falling(long=(1, 2, 3)))[1]) == 4, "three seeds and one line of their mean"


def test_a_seed_without_a_value_does_not_count_and_two_rows_of_a_seed_are_one():
    frame = falling(long=())
    frame.loc[(frame["seed"] == 2) & (frame["epoch"] == 5), "loss"] = np.nan
    drawn, lines = lines_of(pd.concat([frame, frame[frame["seed"] == 1].assign(loss=lambda rows: rows["loss"] + 3.0)]))
    assert drawn.set_index("epoch")["seeds"].to_dict() == {epoch: 2 if epoch == 5 else 3 for epoch in range(1, 21)}
    assert drawn.set_index("epoch").loc[6, "mean"] == pytest.approx(np.mean([7 + 1.5, 8, 9])), (
        "a seed counts once in the mean"
    )
    assert [list(x) for x, _, _ in lines[3:]] == [[1, 2, 3, 4], [5], list(range(6, 21))]
    assert [label for _, _, label in lines[3:] if not label.startswith("_")] == ["GS"]
    drawn, lines = lines_of(falling(seeds=range(8), long=(0,)))
    assert drawn["seeds"].tolist() == [8] * 20 + [1] * 10 and [len(x) for x, _, _ in lines] == [20, 10]


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([falling()], "mean and each of 3 seeds to epoch 20, then 1"),
        ([falling(), falling("REBAR", long=())], "mean and each of 3 seeds to epoch 20, then 1"),
        ([falling(), falling("REBAR", long=(1, 2, 3))], "mean and each of 3 seeds;\nGS: 3 to epoch 20, then 1"),
        ([falling(), falling("REBAR", seeds=(1,))], "mean and each of 1-3 seeds;\nGS: 3 to epoch 20, then 1"),
        (
            [falling(), falling("REBAR"), falling("NVIL", seeds=(1,))],
            "mean and each of 1-3 seeds;\n2 curves: 3 to epoch 20, then 1",
        ),
        ([falling(seeds=range(8), long=(1, 2))], "mean and range of 8 seeds to epoch 20, then 2"),
        ([falling(seeds=(1,)), falling("REBAR", seeds=(1,), end=9)], "1 seed"),
        ([falling(seeds=(1, 2)), falling("REBAR", long=())], "mean and each of 2-3 seeds;\nGS: 2 to epoch 20, then 1"),
    ],
)
def test_captions_count_seeds_along_the_curve(frames, words):
    assert seeds_caption(pd.concat(frames), "seed", ["model"], "epoch", "loss") == words


def test_seeds_along_a_curve_in_words():
    def words(*counts):
        return seeds_along(pd.Series(counts, index=range(1, len(counts) + 1)), "epoch")

    assert words(3, 3, 3) == "3"
    assert words(3, 3, 2, 1, 1) == "3 to epoch 2, then 2 to epoch 3, then 1"
    assert words(1, 0, 3) == "1 to epoch 1, then 3"
    assert words(3, 1, 3, 1, 3, 1) == "1 to 3"


def test_tables_count_seeds_and_not_rows():
    """Two paths of one seed, as half_mnist/gradient_quality has them: no deviation, and one seed."""
    paths = pd.DataFrame({"model": "GS", "seed": 1, "elbo": [-100.0, -102.0]})
    texts, numbers = over_seeds(paths, ["model"], {"elbo": "ELBO"})
    assert texts.to_dict("records") == [{"model": "GS", "ELBO": "-101.00", "seeds": 1}]
    assert numbers["seeds"].tolist() == [1] and np.isnan(numbers["elbo_sd"][0])
    assert mean_of_seeds(paths, "elbo") == (-101.0, 0.0, 1)
    mixed = pd.concat([paths, paths.assign(seed=2, elbo=[-97.0, np.nan])])
    assert mean_of_seeds(mixed, "elbo") == (-99.0, pytest.approx(np.std([-101, -97], ddof=1)), 2)
    assert mean_of_seeds(mixed, "absent") is None
    texts, _ = over_seeds(mixed.assign(extra=[np.nan, np.nan, 1.0, 3.0]), ["model"], {"elbo": "ELBO", "extra": "Extra"})
    assert texts["Extra"][0] == "2.00 (1 seed)" and texts["seeds"][0] == 2, "a cell of fewer seeds than its row says so"
    assert over_seeds(paths.drop(columns="seed"), ["model"], {"elbo": "ELBO"})[1]["seeds"].tolist() == [2]


def test_captions_of_dots_and_boxes_count_seeds_and_not_rows():
    frame = pd.concat([falling(long=()), falling("REBAR", seeds=(1,))])
    assert number_of_seeds(frame, ["model"]) == "1 to 3 seeds"
    assert (
        number_of_seeds(falling(), ["model"]) == "3 seeds"
        and number_of_seeds(falling(seeds=(1,)), ["model"]) == "1 seed"
    )


def test_files_are_small_without_losing_anything(tmp_path, monkeypatch):
    """A picture without colours has one channel, with the same pixels; an .svg has two digits, and its transforms all."""

    def picture(name: str):
        with figure(width=3, height=3) as (fig, axes):
            axes.imshow(np.arange(9.0).reshape(3, 3), cmap="gray")
            return save(fig, tmp_path / name)[0]

    small = picture("small")
    monkeypatch.setattr(style, "_store_as_grey", lambda path: None)
    with Image.open(small) as grey, Image.open(picture("whole")) as whole:
        assert grey.mode == "L" and whole.mode == "RGBA" and grey.info["dpi"] == pytest.approx(whole.info["dpi"])
        np.testing.assert_array_equal(np.asarray(grey.convert("RGB")), np.asarray(whole.convert("RGB")))
    monkeypatch.undo()
    with figure(width=3, height=3) as (fig, axes):
        axes.plot([0, 1, 2], [0.1234567, 0.7654321, 0.2])
        png, _, svg = save(fig, tmp_path / "colour")
    text = svg.read_text()
    assert not re.search(r' d="[^"]*\.\d{3}', text) and re.search(r' d="M \d+\.\d\d', text)
    assert "scale(0.015625)" in text or re.search(r'transform="[^"]*\.\d{3}', text)
    with Image.open(png) as image:
        assert image.mode == "RGBA"
