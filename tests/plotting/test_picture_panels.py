"""Panels of pictures: where every image lands, and that stored pictures are drawn without TensorFlow."""

import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest

from igr_suite.cli.main import main
from igr_suite.errors import UserError
from igr_suite.lab.runs import picture_file
from igr_suite.plotting import pictures as panels


def some(count=12, side=4, joint=False):
    rng = np.random.default_rng(side)

    def images(*shape):
        return rng.integers(0, 256, (*shape, side, side, 1), dtype=np.uint8)

    result = {
        "indices": np.arange(count, dtype=np.int32),
        "originals": images(count),
        "sampled": images(count),
        "one_hot": images(count),
    }
    result |= {
        "prior": images(10, 10),
        "prior_one_hot": images(10, 10),
        "traversal_discrete": images(1 if joint else 3, 5),
    }
    result["latents_discrete"] = np.arange(7, 7 + len(result["traversal_discrete"]), dtype=np.int32)
    return result | ({"traversal_continuous": images(2, 12), "latents_continuous": np.arange(2)} if joint else {})


@pytest.fixture
def drawn(monkeypatch):
    """Axes of each figure at the moment it is saved: (labels of rows, canvas, extent in the figure)."""
    seen = []

    def save(fig, folder, name):
        fig.canvas.draw()
        inside = [axis.get_tightbbox().transformed(fig.transFigure.inverted()) for axis in fig.axes]
        seen.append(
            (
                name,
                [a.images[0].get_array() for a in fig.axes],
                [[t.get_text() for t in a.get_yticklabels()] for a in fig.axes],
                inside,
            )
        )
        return []

    monkeypatch.setattr(panels, "save", save)
    return seen


def test_reconstructions_lie_in_the_rows_that_name_them(drawn, tmp_path):
    one, other, large = some(), some(), some(side=6, joint=True)
    other["sampled"] = 255 - one["sampled"]
    panels.reconstructions({"A": one, "B": other, "C": large}, tmp_path, "figure")
    ((_, canvases, labels, _),) = drawn
    assert labels == [
        ["original", "A relaxed", "A one-hot", "B relaxed", "B one-hot"],
        ["original", "C relaxed", "C one-hot"],  # it saw larger images
    ]
    # rows are 4 + 2 pixels apart
    np.testing.assert_allclose(canvases[0][18:22, 6:10, 0], 1 - other["sampled"][1, ..., 0] / 255)
    np.testing.assert_allclose(canvases[1][8:14, :6, 0], 1 - large["sampled"][0, ..., 0] / 255)


def test_one_run_s_reconstructions_go_into_blocks_of_ten(drawn, tmp_path):
    panels.reconstructions({"": some()}, tmp_path, "figure", columns=10)
    ((_, canvases, labels, _),) = drawn
    assert labels == [["original", "relaxed", "one-hot"]] * 2
    assert [canvas.shape[1] for canvas in canvases] == [10 * 6 - 2, 2 * 6 - 2]


def test_traversals_name_the_latents(drawn, tmp_path):
    pictures = some(joint=True)
    panels.traversals({"A": pictures}, tmp_path, "traversals")
    ((_, canvases, labels, _),) = drawn
    assert labels == [["z1", "z2"], ["c8"]]
    np.testing.assert_allclose(canvases[1][:, 12:16, 0], 1 - pictures["traversal_discrete"][0, 2, ..., 0] / 255)


def test_nothing_is_cut_or_overlaps(drawn, tmp_path):
    long = {f"IGR-SB-Finite at 0.{i}5": some(20, joint=i == 2) for i in range(6)}
    for runs in (long, {"": some(20, joint=True)}):
        panels.reconstructions(runs, tmp_path, "reconstructions")
        panels.prior_samples(runs, tmp_path, "prior_samples")
        panels.traversals(runs, tmp_path, "traversals")
    for name, _, _, boxes in drawn:
        for i, box in enumerate(boxes):
            assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= 1 and box.y1 <= 1, (name, box)
            for other in boxes[:i]:
                assert not box.overlaps(other), (name, box, other)
    assert not plt.get_fignums()


def test_reconstruction_errors_are_mean_absolute_differences():
    pictures = some(2)
    pictures["originals"][:], pictures["sampled"][:], pictures["one_hot"][:] = 255, 204, 0
    frame = panels.reconstruction_errors({"A": pictures})
    assert frame["code"].tolist() == ["sampled", "one_hot"] and frame["mean_absolute_error"].tolist() == pytest.approx(
        [0.2, 1.0]
    )


def test_stored_pictures_come_back_whole_and_are_drawn_without_tensorflow(tmp_path):
    pictures = some(joint=True)
    path = picture_file.save(tmp_path, pictures)
    content = path.read_bytes()
    loaded = picture_file.load(tmp_path)
    assert list(loaded) == list(pictures) and all(np.array_equal(loaded[name], pictures[name]) for name in pictures)
    assert picture_file.save(tmp_path, loaded).read_bytes() == content
    code = "import sys; from igr_suite.cli.main import main; assert main() == 0; assert 'tensorflow' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", code, "pictures", str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(file.name for file in tmp_path.glob("*.png")) == [
        "prior_samples.png",
        "reconstructions.png",
        "traversals.png",
    ]


def test_what_cannot_be_drawn_is_a_sentence(tmp_path, capsys):
    assert main(["pictures", str(tmp_path)]) == 2
    assert "is not a run's folder" in capsys.readouterr().err
    with pytest.raises(UserError, match="is absent; make it with `igr pictures"):
        picture_file.load(tmp_path)
    content = picture_file.save(tmp_path, some()).read_bytes()
    for damaged in (content[: len(content) // 2], b"", b"text"):
        (tmp_path / picture_file.FILE).write_bytes(damaged)
        assert main(["pictures", str(tmp_path)]) == 2
        assert "pictures.npz is damaged" in capsys.readouterr().err
