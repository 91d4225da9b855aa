"""Figures and tables appear whole: while they are made, when making them fails, and when the process is killed."""

import os
import signal
from pathlib import Path

import pytest

from igr_suite.errors import UserError
from igr_suite.lab.runs import outputs
from igr_suite.lab.runs.files import write_atomically
from igr_suite.lab.runs.outputs import staged


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_files_are_old_until_all_new_ones_are_written(tmp_path):
    (tmp_path / "figure.png").write_text("old")
    with staged(tmp_path) as staging:
        (staging.path / "figure.png").write_text("new")
        (staging.path / "parts").mkdir()
        (staging.path / "parts/table.csv").write_text("1")
        paths = [staging.path / "figure.png", staging.path / "parts/table.csv", tmp_path / "elsewhere.md"]
        assert (tmp_path / "figure.png").read_text() == "old" and not (tmp_path / "parts").exists()
    assert staging.at_their_place(paths) == [
        tmp_path / "figure.png",
        tmp_path / "parts/table.csv",
        tmp_path / "elsewhere.md",
    ]
    assert (tmp_path / "figure.png").read_text() == "new" and names(tmp_path) == ["figure.png", "parts/table.csv"]


def test_a_plot_that_fails_changes_nothing(tmp_path):
    (tmp_path / "figure.png").write_text("old")
    with pytest.raises(ZeroDivisionError), staged(tmp_path) as staging:
        (staging.path / "figure.png").write_text("half")
        raise ZeroDivisionError
    assert (tmp_path / "figure.png").read_text() == "old" and names(tmp_path) == ["figure.png"]
    with pytest.raises(UserError, match="cannot write .*No space left"), staged(tmp_path) as staging:
        (staging.path / "figure.png").write_text("half")
        raise OSError(28, "No space left on device")
    assert (tmp_path / "figure.png").read_text() == "old" and names(tmp_path) == ["figure.png"]


def test_a_figure_that_has_become_too_large_for_svg_loses_its_old_one(tmp_path):
    for name in ("figure.svg", "figure.csv", "other.svg"):
        (tmp_path / name).write_text("old")
    with staged(tmp_path) as staging:
        for name in ("figure.png", "figure.pdf"):
            (staging.path / name).write_text("new")
    assert names(tmp_path) == ["figure.csv", "figure.pdf", "figure.png", "other.svg"]


def test_a_killed_plot_leaves_the_old_files_and_is_swept_later(tmp_path, monkeypatch):
    (tmp_path / "figure.png").write_text("old")
    child = os.fork()
    if child == 0:
        with staged(tmp_path) as staging:
            (staging.path / "figure.png").write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert (tmp_path / "figure.png").read_text() == "old" and len(names(tmp_path)) == 2
    with staged(tmp_path):
        pass
    assert len(names(tmp_path)) == 2, "it may be another process's that is at it"
    monkeypatch.setattr(outputs, "ABANDONED", -1.0)
    with staged(tmp_path):
        pass
    assert names(tmp_path) == ["figure.png"]


@pytest.mark.parametrize("path", ["/", ".", ".."])
def test_a_folder_in_place_of_a_file_is_a_sentence(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="it is a folder; name a file in it"):
        write_atomically(Path(path), b"x")
    assert not list(tmp_path.iterdir())
