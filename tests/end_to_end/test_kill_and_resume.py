"""A run that is killed at random moments ends as one that was never killed: same metrics and summary byte by byte, same
weights."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from sweeps import few

from igr_suite.families.vae.presets import default
from igr_suite.lab.runs.config import replace_parts
from igr_suite.lab.runs.store import RunFolder
from igr_suite.training import checkpoints

CONFIG = replace_parts(
    default("GS_Dis", epochs=40, evaluate_every=10, importance_samples=2, limit=500),
    model={"architecture": "linear", "variables": 4},
)


def start(path: Path) -> subprocess.Popen:
    """A worker process on a run folder, saving at every chance."""
    with RunFolder(path).open(CONFIG):
        pass
    environment = os.environ | {"IGR_CHECKPOINT_SECONDS": "0", "OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1"}
    command = [sys.executable, "-m", "igr_suite.lab.running.worker", "--folder", str(path)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kill_in_training(path: Path, seed: int, number: int) -> int:
    """Sends the signal a random number of metrics rows after the training began; returns the worker's exit code."""
    worker = start(path)
    already = len(RunFolder(path).metrics.rows())
    wanted = already + random.Random(seed).randint(5, 40)
    while worker.poll() is None and len(RunFolder(path).metrics.rows()) < wanted:
        time.sleep(0.005)
    worker.send_signal(number)
    return worker.wait()


def refused(path: Path) -> str:
    """Starts the run, which must end with exit code 2, and returns its sentence."""
    assert start(path).wait() == 2
    exit_note = RunFolder(path).meta()["exit"]
    assert exit_note["reason"] == "user_error"
    return exit_note["message"]


@pytest.mark.parametrize("damaged", few([False, True], lambda damaged: not damaged), ids=["whole", "damaged"])
def test_a_run_that_is_stopped_and_killed_ends_as_one_that_never_was(damaged, tmp_path):
    """SIGTERM saves; SIGKILL costs nothing but time; in the sweep, a truncated checkpoint and a corrupted metrics line
    are refused without loss. This is one test, because every start of a worker costs seconds."""
    whole, path = tmp_path / "whole", tmp_path / "run"
    undisturbed = start(whole)

    assert kill_in_training(path, 1, signal.SIGTERM) == 128 + signal.SIGTERM
    saved = checkpoints.latest(path / "checkpoints").step
    assert 0 < saved < 200
    assert RunFolder(path).metrics.last_step() <= saved

    if damaged:
        newest, rows = checkpoints.paths(path / "checkpoints")[-1], (path / "metrics.jsonl").read_bytes()
        content = newest.read_bytes()
        newest.write_bytes(content[:1000])
        assert f"{newest.name} is truncated or damaged" in refused(path)
        assert (path / "metrics.jsonl").read_bytes() == rows
        newest.write_bytes(content)

        corrupted = rows.replace(b'"step"', b'"step', 1)
        (path / "metrics.jsonl").write_bytes(corrupted)
        assert "metrics.jsonl" in refused(path)
        assert (path / "metrics.jsonl").read_bytes() == corrupted
        (path / "metrics.jsonl").write_bytes(rows)

    assert kill_in_training(path, 2, signal.SIGKILL) == -signal.SIGKILL
    assert RunFolder(path).status().state == "partial"
    assert checkpoints.latest(path / "checkpoints").step > saved, (
        "killed before anything new was saved: it would show nothing"
    )

    assert start(path).wait() == 0
    assert undisturbed.wait() == 0
    assert (path / "metrics.jsonl").read_bytes() == (whole / "metrics.jsonl").read_bytes()
    assert (path / "summary.json").read_bytes() == (whole / "summary.json").read_bytes()
    ours, theirs = (checkpoints.latest(p / "checkpoints") for p in (path, whole))
    assert ours.step == theirs.step == 200
    for a, b in zip(ours.arrays, theirs.arrays):
        np.testing.assert_array_equal(a, b)
