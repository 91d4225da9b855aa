"""A disk that is full and one that is read-only: a sentence each, and no finished result is damaged. Needs the right to
mount."""

import shlex
import shutil
import subprocess
import sys

import pytest

WORDS = ("igr/counting", "--scale", "smoke", "--no-plot", "--jobs", "1")


@pytest.fixture
def on_disk(igr):
    """Runs `igr run` several times, each after shell commands, in one mount namespace in which the results folder is a
    disk of its own."""
    igr.results.mkdir()
    probe = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", str(igr.results)]
    if shutil.which("unshare") is None or subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("this process may not mount a small disk (it needs root, or a container that allows it)")

    def run(size: str, *steps: str) -> subprocess.CompletedProcess:
        command = shlex.join([sys.executable, "-m", "igr_suite", "run", *WORDS])
        lines = [
            f"mount -t tmpfs -o size={size} tmpfs {igr.results}",
            *(step.replace("RUN", command) for step in steps),
        ]
        environment = igr.environment | {"IGR_FRESH_WORKERS": "1"}
        script = ["unshare", "--mount", "sh", "-c", "\n".join(lines)]
        return subprocess.run(script, env=environment, capture_output=True, text=True, check=False, timeout=120)

    return run


def test_a_full_disk_is_a_sentence_and_finished_runs_stay_whole(igr, on_disk):
    finished = f"{igr.results}/igr/counting/smoke/count-3-s0-072510eb"
    done = on_disk(
        "256k",
        "RUN --only s0 || exit 99",
        f"cat {finished}/summary.json {finished}/metrics.jsonl > /dev/shm/igr_before_$$",
        f"head -c 300000 /dev/zero > {igr.results}/filler 2>/dev/null",
        "RUN; echo code $?",
        f"cat {finished}/summary.json {finished}/metrics.jsonl | cmp - /dev/shm/igr_before_$$ && echo whole; rm "
        f"/dev/shm/igr_before_$$",
        f"rm {igr.results}/filler; RUN; echo code $?",
    )
    assert done.stdout.splitlines()[-4:-1] == ["code 2", "whole", f"results in {igr.results}/igr/counting/smoke"], (
        done.stdout + done.stderr
    )
    assert done.stdout.splitlines()[-1] == "code 0", "with room again the same command goes on"
    assert "No space left on device" in done.stderr and "Traceback" not in done.stderr


def test_read_only_results_are_a_sentence_and_are_still_read(igr, on_disk):
    done = on_disk(
        "1m",
        "RUN --only s0 || exit 99",
        f"mount -o remount,ro {igr.results}",
        "RUN; echo code $?",
        "RUN --only s0; echo code $?",
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("code")]
    assert lines == ["code 2", "code 0"], done.stdout + done.stderr
    assert "cannot write" in done.stderr and "Read-only file system" in done.stderr and "Traceback" not in done.stderr


def test_a_disk_that_fills_while_a_run_trains_leaves_the_reason_in_its_folder(igr, on_disk):
    """The log is on the same disk, so that printing the reason there fails as well."""
    settings, rows = "--set pace.seconds=0.05 --set until=2000", f"{igr.results}/igr/counting/*/*/metrics.jsonl"
    done = on_disk(
        "160k",
        f"(until [ $(cat {rows} | wc -l) -gt 3 ]; do sleep .05; done; head -c 300000 /dev/zero > {igr.results}/filler) "
        f"2>/dev/null &",
        f"RUN {settings}; echo code $?",
        f"{sys.executable} -m igr_suite status igr/counting --scale smoke {settings}",
    )
    text = done.stdout + done.stderr
    assert "code 2" in done.stdout and "Traceback" not in text, text
    assert "failed: cannot write" in done.stderr and "No space left on device" in done.stderr, text
    assert "failed" in done.stdout.partition("code 2")[2] and "No space left" in done.stdout.partition("code 2")[2], (
        text
    )
