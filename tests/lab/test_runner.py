"""Runs in processes: stages, skipping, failures, signals, kills."""

import json
import os
import signal
import time
from pathlib import Path

import pytest
from dummy_runs import Count, Pace

from igr_suite.families.iwae.sweeps import dreg as dreg_config
from igr_suite.lab.running.order import matches
from igr_suite.lab.runs.store import RunFolder
from igr_suite.lab.runs.threads import share


def folders(igr, scale):
    return {
        path.name: RunFolder(path) for path in sorted((igr.results / "igr/counting" / scale).iterdir()) if path.is_dir()
    }


def wait_for_rows(igr, scale, rows):
    """Waits until two runs have logged so many rows each."""
    give_up = time.monotonic() + 20
    while time.monotonic() < give_up:
        if (igr.results / "igr/counting" / scale).exists():
            counts = [len(folder.metrics.rows()) for folder in folders(igr, scale).values()]
            if len(counts) == 2 and min(counts) >= rows:
                return
        time.sleep(0.05)
    pytest.fail("the runs do not start")


def test_stages_run_then_nothing_is_run_again(igr):
    code, out, err = igr("run", "igr/counting", "--scale", "smoke", "--jobs", "2")
    assert code == 0, err
    assert "| 1 | 8 |" in out and "table.md" in out
    assert {name: folder.summary()["total"] for name, folder in folders(igr, "smoke").items()} == {
        "count-3-s0-072510eb": 3,
        "count-3-s1-004bb02c": 6,
        "count-4-s1-a0ebcd3a": 8,
    }
    meta = folders(igr, "smoke")["count-3-s0-072510eb"].meta()
    assert (
        meta["exit"]["reason"] == "finished"
        and meta["threads"] == 1
        and meta["versions"]["numpy"]
        and meta["wall_seconds"] >= 0
    )
    code, out, err = igr("--scale", "smoke", script=True)
    assert code == 0 and "3 runs, 3 already finished" in err and "start " not in err


def test_failing_runs_stop_nobody_and_set_the_exit_code(igr):
    code, out, err = igr("run", "igr/counting", "--scale", "smoke", "--set", "pace.fail=user")
    assert code == 2 and err.count("failed: seed 13 brings bad luck; take another") == 2
    code, out, err = igr("run", "igr/counting", "--scale", "smoke", "--set", "pace.fail=bug", IGR_FRESH_WORKERS="1")
    assert code == 1 and err.count("failed: ZeroDivisionError: a defect; its log is") == 2
    failed = folders(igr, "smoke+pace.fail=bug")
    assert {folder.status().state for folder in failed.values()} == {"failed"}
    assert "Traceback" in (next(iter(failed.values())).path / "worker.log").read_text()
    assert not (igr.results / "igr/counting/smoke").exists()


@pytest.mark.parametrize(("number", "fresh"), [(signal.SIGINT, ""), (signal.SIGTERM, "1")])
def test_signals_save_and_the_same_command_goes_on(igr, number, fresh):
    words = ("run", "igr/counting", "--scale", "quick", "--jobs", "2", "--no-plot", "--only", "count-40")
    process = igr.start(*words, IGR_FRESH_WORKERS=fresh)
    wait_for_rows(igr, "quick", 2)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130 and "start the same command again" in err and err.count("saved ") == 2
    partial = folders(igr, "quick")
    steps = {name: folder.status().step for name, folder in partial.items()}
    assert {folder.meta()["exit"]["reason"] for folder in partial.values()} == {"interrupted"}
    for name, folder in partial.items():
        assert folder.status().state == "partial" and 2 <= steps[name] < 40
        (folder.checkpoints / "state").write_text("38")  # saves the rest of the counting
    code, out, err = igr(*words)
    assert code == 0 and err.count("resume") == 2
    assert all("counting from 38" in (folder.path / "worker.log").read_text() for folder in partial.values())


EIGHT = ("--set", "until=8", "--set", "pace.seconds=0.1")


def pids_of(igr, scale):
    """Process ids of the workers, by run."""
    return {
        name: json.loads((folder.path / ".owner").read_text())["pid"] for name, folder in folders(igr, scale).items()
    }


def test_a_worker_killed_for_want_of_memory_is_said_and_the_other_run_goes_on(igr):
    words = ("run", "igr/counting", "--scale", "quick", "--jobs", "2", "--no-plot", *EIGHT)
    process, scale = igr.start(*words), "quick+pace.seconds=0.1,until=8"
    wait_for_rows(igr, scale, 1)
    killed, pid = next(iter(pids_of(igr, scale).items()))
    os.kill(pid, signal.SIGKILL)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 1 and f"{killed} failed: ended by SIGKILL (out of memory" in err, err
    state = {name: folder.status().state for name, folder in folders(igr, scale).items()}
    assert state.pop(killed) == "failed" and set(state.values()) == {"finished"}
    assert "out of memory" in folders(igr, scale)[killed].meta()["exit"]["message"]
    code, out, err = igr(*words)
    assert code == 0, "the same command goes on"


def test_a_killed_fork_server_ends_neither_the_runner_nor_its_runs(igr):
    """The kernel may choose the process that workers are forked from when memory runs out: it holds TensorFlow."""
    words = ("run", "igr/counting", "--scale", "quick", "--jobs", "1", "--no-plot", *EIGHT)
    process, scale = igr.start(*words), "quick+pace.seconds=0.1,until=8"
    give_up = time.monotonic() + 20
    while time.monotonic() < give_up and not list((igr.results / "igr/counting").glob(f"{scale}/*/metrics.jsonl")):
        time.sleep(0.05)
    pid = next(iter(pids_of(igr, scale).values()))
    server = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(server, signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and "Traceback" not in err, err
    found = folders(igr, scale)
    assert len(found) == 2 and {folder.status().state for folder in found.values()} == {"finished"}
    for folder in found.values():
        assert [row["step"] for row in folder.metrics.rows()] == list(range(1, 9)), (
            "nobody started a second one beside it"
        )


def test_killed_runner_leaves_no_orphans_and_a_resumable_folder(igr):
    process = igr.start("run", "igr/counting", "--scale", "quick", "--jobs", "2")
    wait_for_rows(igr, "quick", 1)
    process.kill()
    process.communicate(timeout=10)
    give_up = time.monotonic() + 5
    while any(folder.status().state == "running" for folder in folders(igr, "quick").values()):
        assert time.monotonic() < give_up
        time.sleep(0.05)
    assert {folder.status().state for folder in folders(igr, "quick").values()} == {"partial"}


def test_jobs_run_at_the_same_time(igr):
    process = igr.start("run", "igr/counting", "--scale", "quick", "--jobs", "2")
    wait_for_rows(igr, "quick", 1)
    states = [folder.status().state for folder in folders(igr, "quick").values()]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert states == ["running", "running"]


def test_only_takes_text_or_a_pattern():
    assert all(
        matches("mnist-GS-t1-s3-12345678", only)
        for only in ((), ("GS",), ("GS*-s3",), ("*s3-*",), ("zzz", "mnist-GS-t1-s3-12345678"))
    )
    assert not any(matches("mnist-GS-t1-s3-12345678", only) for only in (("gs",), ("GS*s4", "zzz")))


def test_cores_are_shared():
    runs = [Count(pace=Pace())]
    assert share(runs, None, None, available=4) == (4, 1)
    assert share(runs, 2, None, available=4) == (2, 1)
    assert share(runs, None, 2, available=4) == (2, 2)
    assert share(runs, 8, None, available=2) == (8, 1)


def test_a_lone_run_takes_idle_cores_where_its_step_falls_into_parts():
    alone = [dreg_config("iwae", "smoke", data="mnist_5k", seed=0)]
    assert share(alone, None, None, available=2) == (1, 2)
    assert share(alone, 1, None, available=2) == (1, 2)
    assert share(alone, None, None, available=1) == (1, 1)
    assert share(alone * 2, None, None, available=2) == (2, 1)
    assert share([*alone, Count(pace=Pace())], None, None, available=4) == (4, 1)
