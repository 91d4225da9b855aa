"""Tables and curves say what the frames hold, without TensorFlow."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from igr_suite.plotting import style
from igr_suite.plotting.curves import draw_curves, seeds_caption
from igr_suite.plotting.style import COLOURS, colour, figure, save
from igr_suite.plotting.tables import latex, markdown, over_seeds, save_table

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
    assert r"$\pm$" in paths[1].read_text()
    assert r"test\_ELBO" in latex(texts)
    assert markdown(texts).count("\n") == 4
    assert pd.read_csv(paths[2])["elbo_mean"].tolist() == [-101.0, -90.25]


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


def test_one_colour_a_method():
    """Methods of one figure differ in colour, and no method has two: "GS" and "REINFORCE" of half-MNIST take those of the others."""
    palettes = (style.DISCRETE, style.IMPORTANCE_WEIGHTED, style.DECOUPLED, style.HALF_MNIST)
    assert sum(map(len, palettes)) == len(COLOURS)
    for palette in palettes:
        same = {"Bprop", "A-bp", "BPTT"}, {"cDNI", "A-dni"}, {"SDNI", "SDNI lin"}  # one method under the names of several papers
        found = [value for name, value in palette.items() if not any(name in group and name != min(group) for group in same)]
        assert len(set(found)) == len(found)
    assert colour("unheard of") not in COLOURS.values()


def test_plotting_never_imports_tensorflow():
    code = "import sys, igr_suite.plotting.vae, igr_suite.experiments.selection; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
