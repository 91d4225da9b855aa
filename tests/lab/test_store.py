"""The run folder: atomic files, damaged lines, resume, locks."""

import errno
import json
import math
import subprocess
import sys

import numpy as np
import pytest
from dummy_runs import Count

from igr_suite.errors import UserError
from igr_suite.lab.runs.files import write_atomically
from igr_suite.lab.runs.store import RunFolder


@pytest.fixture
def folder(tmp_path):
    with RunFolder(tmp_path / "run").open(Count()) as opened:
        yield opened


def test_rows_come_back_as_they_were_written(folder):
    folder.metrics.append(1, elbo=np.float32(0.1), parts=np.array([1.0, np.nan]), n=np.int64(3), text="a")
    folder.metrics.append(2, elbo=math.nan, worst=-math.inf)
    first, second = folder.metrics.rows()
    assert first["step"] == 1 and first["elbo"] == 0.1 and first["n"] == 3 and math.isnan(first["parts"][1])
    assert math.isnan(second["elbo"]) and second["worst"] == -math.inf
    for line in folder.metrics.path.read_text().splitlines():
        json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


@pytest.mark.parametrize("tail", [b'{"schema": 1, "st', b"\x00\x00", b'{"schema": 1, "step": 9}'])
def test_truncated_last_line_is_skipped_and_replaced(folder, tail):
    folder.metrics.append(1, a=1)
    folder.metrics.close()
    with folder.metrics.path.open("ab") as file:
        file.write(tail)
    assert [row["step"] for row in folder.metrics.rows()] == [1]
    folder.metrics.append(2, a=2)
    assert [row["step"] for row in folder.metrics.rows()] == [1, 2]


@pytest.mark.parametrize(
    "line", ["garbage", "[]", '{"step": 1}', '{"schema": 1, "step": "x"}', '{"schema": 2, "step": 1}']
)
def test_any_other_unreadable_line_names_file_line_and_way_out(folder, line):
    folder.metrics.append(1, a=1)
    folder.metrics.path.write_text(folder.metrics.path.read_text() + line + "\n" + '{"schema": 1, "step": 3}\n')
    before = folder.metrics.path.read_bytes()
    for read in (
        folder.metrics.rows,
        lambda: folder.metrics.cut_after(3),
        lambda: folder.metrics.cut_to(len(before), 3),
    ):
        with pytest.raises(UserError, match=r"metrics.jsonl, line 2 .*delete that line"):
            read()
    assert folder.metrics.path.read_bytes() == before


GLUED = b'{"schema": 1, "step": 3, "val{"schema": 1, "step": 4}\n'


@pytest.mark.parametrize("tail", [b'{"schema": 1, "st', GLUED, bytes(50), bytes(50) + b"\n"])
def test_what_a_full_disk_or_a_power_cut_left_behind_the_checkpoint_is_cut_away(folder, tail):
    for step in (1, 2):
        folder.metrics.append(step, a=step)
    size, whole = folder.metrics.size(), folder.metrics.path.read_bytes()
    for cut in (lambda: folder.metrics.cut_to(size, 2), lambda: folder.metrics.cut_after(2)):
        folder.metrics.path.write_bytes(whole + tail)
        cut()
        assert folder.metrics.path.read_bytes() == whole
        folder.metrics.append(3, a=3)
        assert [row["step"] for row in folder.metrics.rows()] == [1, 2, 3]
        folder.metrics.close()


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_rows_that_were_there_at_the_checkpoint_and_are_gone_are_missed(folder, keep):
    for step in (1, 2):
        folder.metrics.append(step, a=step)
    size, whole = folder.metrics.size(), folder.metrics.path.read_bytes()
    folder.metrics.path.write_bytes(whole[: int(keep * size)])
    with pytest.raises(UserError, match="has lost rows: .* at the checkpoint of step 2"):
        folder.metrics.cut_to(size, 2)


def test_a_write_that_takes_only_a_part_is_finished_or_undone(folder, monkeypatch):
    """An unbuffered write says how much it took; a nearly full disk takes less than it was given, and then nothing."""
    folder.metrics.append(1, a=1)
    before = folder.metrics.path.read_bytes()

    class Slow:
        def __init__(self, file, room):
            self.file, self.room = file, room

        def write(self, content):
            if self.room <= 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            taken = self.file.write(content[: min(10, self.room)])
            self.room -= taken
            return taken

        def __getattr__(self, name):
            return getattr(self.file, name)

    whole = folder.metrics._file
    folder.metrics._file = Slow(whole, room=25)
    with pytest.raises(UserError, match="No space left on device"):
        folder.metrics.append(2, a=2)
    assert folder.metrics.path.read_bytes() == before
    folder.metrics._file = Slow(whole, room=10_000)
    folder.metrics.append(2, a=2)
    assert [row["step"] for row in folder.metrics.rows()] == [1, 2]


def test_cut_keeps_the_bytes_of_earlier_rows(folder):
    folder.metrics.cut_after(0)
    for step in range(1, 6):
        folder.metrics.append(step, value=step / 3)
    lines = folder.metrics.path.read_bytes().splitlines(keepends=True)
    folder.metrics.path.write_bytes(b"".join(lines) + b'{"half')
    folder.metrics.cut_after(3)
    assert folder.metrics.path.read_bytes() == b"".join(lines[:3])
    folder.metrics.append(4, value=4 / 3)
    assert folder.metrics.path.read_bytes() == b"".join(lines[:4])


def test_summary_means_finished_and_a_failed_write_leaves_the_old_one(folder, monkeypatch):
    assert not folder.finished and folder.summary() is None
    folder.write_summary({"elbo": np.float32(-98.5), "bad": math.nan})
    assert folder.finished and folder.summary()["elbo"] == -98.5 and math.isnan(folder.summary()["bad"])
    with pytest.raises(TypeError):
        folder.write_summary({"elbo": object()})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match="No space left on device"):
        write_atomically(folder.path / "summary.json", b"half")
    assert folder.summary()["elbo"] == -98.5
    assert not list(folder.path.glob("*.tmp")) and not list(folder.path.glob(".*.tmp"))


def test_meta_is_merged(folder):
    folder.write_meta(a=1, b=2)
    folder.write_meta(b=3)
    assert folder.meta() == {"a": 1, "b": 3}


def test_status_tells_how_far_a_run_is(tmp_path):
    folder = RunFolder(tmp_path / "run")
    assert folder.status() == ("absent", None)
    with folder.open(Count()):
        folder.metrics.append(5, a=1)
        assert RunFolder(folder.path).status() == ("running", 5)
    assert folder.status() == ("partial", 5)
    folder.write_meta(exit={"reason": "error", "message": "x"})
    assert folder.status() == ("failed", 5)
    folder.write_summary({})
    assert folder.status() == ("finished", 5)


def test_folder_of_another_config_is_refused(tmp_path):
    RunFolder(tmp_path).open(Count()).close()
    RunFolder(tmp_path).open(Count()).close()
    with pytest.raises(UserError, match="holds another run"):
        RunFolder(tmp_path).open(Count(seed=1))


def test_second_process_is_kept_out(folder):
    code = (
        "import sys; from igr_suite.lab.runs.store import RunFolder; from dummy_runs import Count; "
        "RunFolder(sys.argv[1]).open(Count())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder.path)],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path)},
        timeout=30,
    )
    assert "is being written by another process" in done.stderr


def test_unwritable_folder_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write .*choose another results folder with --results"):
        RunFolder(tmp_path / "file" / "run").open(Count())
