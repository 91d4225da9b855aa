"""The lock of a run folder: one writer on one machine, between machines, and after a machine died."""

import contextlib
import json
import os
import shutil
import threading
import time
from pathlib import Path

import pytest
from dummy_runs import Count

from igr_suite.errors import UserError
from igr_suite.lab.runs import lock
from igr_suite.lab.runs.lock import Lock, TakenOver, locked
from igr_suite.lab.runs.store import RunFolder
from igr_suite.training import checkpoints


@pytest.fixture
def hasty(monkeypatch):
    """Seconds instead of minutes."""
    monkeypatch.setattr(lock, "PATIENCE", 0.05)
    monkeypatch.setattr(lock, "BEAT", 0.05)
    monkeypatch.setattr(lock, "STALE", 0.6)


@pytest.fixture
def elsewhere(monkeypatch):
    """Lets the rest of a test run as on a machine of that name; `kernel_locks=False`: as on a file system without
    kernel locks."""

    def move(name: str, kernel_locks: bool = True) -> None:
        monkeypatch.setattr(lock, "machine", lambda: name)
        if not kernel_locks:

            def absent(*_):
                raise OSError(38, "Function not implemented")

            monkeypatch.setattr("fcntl.flock", absent)

    return move


def test_one_writer_and_nothing_left_behind(tmp_path, hasty):
    first, second = Lock(tmp_path), Lock(tmp_path)
    first.take()
    first.take()  # taking twice is taking once
    assert first.held and locked(tmp_path)
    with pytest.raises(UserError, match=rf"is being written by another process \({os.getpid()} on "):
        second.take()
    first.release()
    assert not locked(tmp_path) and [path.name for path in tmp_path.iterdir()] == [".lock"]
    second.take()
    second.release()


@pytest.mark.parametrize("kernel_locks", [True, False])
def test_a_living_writer_on_another_machine_is_seen_by_its_heartbeat(tmp_path, hasty, elsewhere, kernel_locks):
    elsewhere("node1", kernel_locks)
    first = Lock(tmp_path)
    first.take()
    elsewhere("node2", kernel_locks)
    assert locked(tmp_path)
    with pytest.raises(UserError, match="on node1"):
        Lock(tmp_path).take()
    first.release()
    assert not locked(tmp_path)


@pytest.mark.parametrize("kernel", ["gone with its process", "held by a dead node", "unknown here"])
def test_a_dead_machine_s_lock_is_taken_over(tmp_path, hasty, elsewhere, monkeypatch, capfd, kernel):
    monkeypatch.setattr(Lock, "_beat", lambda self: None)  # its machine is dead
    elsewhere("node1", kernel != "unknown here")
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    dead = Lock(tmp_path)
    dead.take()
    if kernel == "gone with its process":
        os.close(dead._kernel)
    elsewhere("node2")
    began = time.monotonic()
    second = Lock(tmp_path)
    second.take()
    assert time.monotonic() - began >= lock.STALE, "it was watched before it was taken over"
    assert "on node1 of SLURM job 77); watching" in capfd.readouterr().err
    assert second.held and locked(tmp_path)
    with pytest.raises(UserError, match="on node2"):
        Lock(tmp_path).take()
    second.release()
    assert not locked(tmp_path)


def test_a_killed_writer_of_this_machine_is_no_obstacle(tmp_path, hasty, monkeypatch):
    monkeypatch.setattr(lock, "STALE", 1000.0)
    child = os.fork()
    if child == 0:
        Lock(tmp_path).take()
        os._exit(9)
    os.waitpid(child, 0)
    assert (tmp_path / ".owner").exists() and not locked(tmp_path)
    Lock(tmp_path).take()


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"machine": "node1"}'])
def test_a_damaged_owner_is_not_watched_where_the_kernel_s_lock_is_free(tmp_path, hasty, monkeypatch, content):
    """A machine that died between making the file and writing it left it empty; today's files appear whole."""
    monkeypatch.setattr(lock, "STALE", 1000.0)
    (tmp_path / ".owner").write_text(content)
    Lock(tmp_path).take()


def test_an_owner_that_was_copied_along_with_its_folder_is_not_watched(tmp_path, hasty, elsewhere, monkeypatch):
    """A run that another machine was writing, brought home by rsync."""
    (tmp_path / "there").mkdir()
    (tmp_path / "home").mkdir()
    elsewhere("node1")
    Lock(tmp_path / "there").take()
    (tmp_path / "home" / ".owner").write_bytes((tmp_path / "there" / ".owner").read_bytes())
    elsewhere("home")
    monkeypatch.setattr(lock, "STALE", 1000.0)
    Lock(tmp_path / "home").take()


@pytest.mark.parametrize("ahead", [3_700.0, 1e7, -1e7])
@pytest.mark.parametrize("kernel_locks", [True, False])
def test_a_clock_that_differs_takes_nothing_over(tmp_path, hasty, elsewhere, monkeypatch, kernel_locks, ahead):
    elsewhere("node1", kernel_locks)
    first = Lock(tmp_path)
    first.take()
    elsewhere("node2", kernel_locks)
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + ahead)
    with pytest.raises(UserError, match="on node1"):
        Lock(tmp_path).take()
    first.release()


def test_of_many_that_find_a_dead_machine_s_lock_one_wins(tmp_path, hasty, elsewhere):
    (tmp_path / ".owner").write_text('{"token": "x", "machine": "node1", "pid": 1}')
    elsewhere("node2", kernel_locks=False)
    won, refused = [], []

    def claim():
        mine = Lock(tmp_path)
        try:
            mine.take()
            won.append(mine)
        except UserError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1 and len(refused) == 7
    won[0].release()


def test_a_writer_that_was_taken_over_ends_without_writing(tmp_path):
    """Its machine slept for longer than the others waited."""
    child = os.fork()
    if child == 0:
        lock.BEAT = 0.05
        Lock(tmp_path).take()
        time.sleep(30)
        os._exit(0)
    owner = tmp_path / ".owner"
    while not owner.exists() or not owner.read_text():
        time.sleep(0.01)
    owner.write_text('{"token": "another", "machine": "node2", "pid": 5}')
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == lock.LOST
    assert "another" in owner.read_text()


def test_a_writer_that_was_taken_over_adds_nothing_to_its_run(tmp_path, monkeypatch):
    """Not even before its next heartbeat, 15 s later."""
    with RunFolder(tmp_path / "run").open(Count()) as folder:
        folder.metrics.append(1, value=1.0)
        before = {path.name: path.read_bytes() for path in folder.path.iterdir()}
        (folder.path / ".owner").write_text('{"token": "another", "machine": "node2", "pid": 5}')
        for write in (
            lambda: folder.metrics.append(2, value=1.0),
            lambda: folder.metrics.cut_after(0),
            lambda: folder.write_summary({"total": 1}),
            lambda: folder.write_meta(host="here"),
            folder.check_lock,  # the loop asks before it saves a checkpoint
        ):
            with pytest.raises(TakenOver, match="taken over by another process .5 on node2"):
                write()
        assert {
            path.name: path.read_bytes() for path in folder.path.iterdir() if path.name != ".owner"
        }.items() <= before.items()


def test_a_late_taker_never_makes_the_owner_vanish(tmp_path, hasty, elsewhere, monkeypatch):
    """Otherwise a third one would find the run free while the first taker holds it."""
    dead = {"token": "x", "machine": "node1", "pid": 1}
    (tmp_path / ".owner").write_text(json.dumps(dead))
    elsewhere("node2", kernel_locks=False)
    first, late = Lock(tmp_path), Lock(tmp_path)
    absent = []
    for owner, name in ((Path, "rename"), (Path, "replace"), (Path, "unlink"), (os, "link")):
        act = getattr(owner, name)

        def watched(*arguments, act=act, **options):
            result = act(*arguments, **options)
            absent.append(not (tmp_path / ".owner").exists())
            return result

        monkeypatch.setattr(owner, name, watched)
    first._claim(dead)
    with pytest.raises(UserError, match="being written"):
        late._claim(dead)
    assert absent and not any(absent)
    assert json.loads((tmp_path / ".owner").read_text())["token"] == first._token


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        Lock(tmp_path / "file").take()


def test_a_taker_of_this_machine_that_died_while_it_took_over_is_not_waited_for(tmp_path, monkeypatch):
    """Killed between its mark and its claim, it would cost the next one two minutes."""
    monkeypatch.setattr(lock, "STALE", 60.0)
    (tmp_path / ".owner").write_text(json.dumps({"token": "x", "machine": lock.machine(), "pid": 0x7FFFFFF0}))
    mine = Lock(tmp_path)
    with mine._alone_over({"token": "x", "machine": lock.machine(), "pid": 0x7FFFFFF0}):
        mark = next(tmp_path.glob(".owner.*"))
        content = json.loads(mark.read_text())
        kept = {**content, "pid": 0x7FFFFFF0}
    mark.write_text(json.dumps(kept))
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)
    mine.take()
    assert mine.held and not list(tmp_path.glob(".owner.*"))
    assert slept == [lock.SETTLING], "the dead one's mark is not watched"
    mine.release()


def test_a_writer_whose_folder_was_deleted_does_not_make_it_again(tmp_path):
    """It would be a finished run without config and metrics, which nobody could repair."""
    path = tmp_path / "run"
    for again in (False, True):
        with RunFolder(path).open(Count()) as folder:
            folder.metrics.append(1, value=1.0)
            shutil.rmtree(path)
            if again:
                path.with_name("other").mkdir()
                path.with_name("other").rename(path)
            with pytest.raises(TakenOver, match="was deleted or replaced while the run went on"):
                folder.metrics.append(2, value=1.0)
            with pytest.raises(TakenOver):
                folder.write_summary({"total": 1})
            with (
                pytest.raises(UserError, match="cannot write the checkpoint") if not again else contextlib.nullcontext()
            ):
                checkpoints.save(folder.checkpoints, checkpoints.State(1, []))
        assert [other.name for other in path.parent.rglob("*.json*")] == []
