"""A job array on a real SLURM: killed, cancelled, out of time; what is missing is submitted again and nothing is lost or done twice."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from igr_suite.experiments.files import read_json
from igr_suite.experiments.store import RunFolder

RUN = '''"""Counts eight times."""
from dummy_runs import Count, Pace
from igr_suite.experiments import Experiment

EXPERIMENT = Experiment(
    paper="igr", item="array", title="Array", runs=lambda scale: [Count(until=40, seed=seed, pace=Pace(seconds=0.1)) for seed in range(8)]
)
'''
NAME = "igr/array"
PATIENCE = 240.0  # seconds for any one step, on a busy machine


@pytest.fixture
def cluster(igr, slurm, tmp_path):
    item = igr.reproductions / NAME
    item.mkdir()
    (item / "run.py").write_text(RUN)
    igr.environment |= {name: slurm[name] for name in ("SLURM_CONF", "PATH")}
    return igr


def ask(igr, *words: str) -> str:
    done = subprocess.run(words, env=igr.environment, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


def wait(ready) -> None:
    give_up = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < give_up, "it takes too long"
        time.sleep(0.1)


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def busy(igr) -> bool:
    return bool(ask(igr, "squeue", "--noheader").strip())


def test_an_array_survives_kills_cancels_and_time_limits(cluster, tmp_path):
    igr, folder = cluster, cluster.results / NAME / "smoke"
    submit = ("submit", NAME, "--scale", "smoke")
    dry = igr(*submit, "--dry-run", "--time", "20")[1]
    done = subprocess.run(["sbatch", "--test-only"], input=dry, env=igr.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "to start at" in done.stderr, "SLURM accepts the printed script"

    code, out, err = igr(*submit, "--time", "20")
    assert code == 0, err
    job = read_json(folder / "jobs/1/job.json", "")["job"]
    runs = [RunFolder(folder / name) for name in (folder / "jobs/1/runs.txt").read_text().split()]
    assert len(runs) == 8
    wait(lambda: all(len(run.metrics.rows()) > 2 for run in runs[:4]))

    pids = [read_json(run.path / ".owner", "")["pid"] for run in runs[:4]]
    os.kill(pids[3], signal.SIGSTOP)  # it stays where it is until all questions are asked, however slow this machine is
    ask(igr, "scancel", f"{job}_7")
    os.kill(parent(pids[0]), signal.SIGUSR1)  # what SLURM sends to the script before the time limit
    os.kill(pids[1], signal.SIGKILL)
    ask(igr, "scancel", f"{job}_2")
    code, out, err = igr("run", NAME, "--scale", "smoke", "--only", "s3", "--no-plot")
    assert code == 2 and "is being written by another process" in err, "a second runner is kept out"
    code, out, err = igr(*submit)
    assert code == 2 and "already; submit the others with --missing" in err
    os.kill(pids[3], signal.SIGCONT)

    wait(lambda: "BeginTime" in ask(igr, "squeue", "--noheader", "--array", "--format=%r") or runs[0].finished)
    assert not runs[0].finished and runs[0].meta()["exit"]["reason"] == "interrupted"
    ask(igr, "scontrol", "update", f"jobid={job}_0", "StartTime=now")  # SLURM waits two minutes before it starts a job again
    wait(lambda: not busy(igr))
    assert [run.finished for run in runs] == [True, False, False, True, True, True, True, False]
    assert "restart 1" in (folder / "jobs/1/0.log").read_text(), "the task that was out of time queued itself again"
    code, out, err = igr("status", NAME, "--scale", "smoke")
    assert "5 finished, 3 partial" in out
    assert f"job {job}_1: killed (SIGKILL: out of memory?)" in out
    assert f"job {job}_2: stopped and saved" in out
    assert f"job {job}_7: ended before it began" in out

    code, out, err = igr(*submit, "--missing")
    assert code == 0 and "3 of 8 runs to submit, 5 finished" in err
    wait(lambda: not busy(igr))
    assert all(run.finished for run in runs)
    assert "0 of 8 runs to submit, 8 finished" in igr(*submit, "--missing")[2]

    local = tmp_path / "local"
    assert igr("run", NAME, "--scale", "smoke", "--jobs", "4", "--no-plot", "--results", str(local))[0] == 0
    for run in runs:
        assert [row["step"] for row in run.metrics.rows()] == list(range(1, 41)), "every step once"
        for name in ("config.json", "metrics.jsonl", "summary.json"):
            assert (run.path / name).read_bytes() == (local / NAME / "smoke" / run.path.name / name).read_bytes()
    logs = "".join(path.read_text() for path in sorted(folder.glob("jobs/*/*.log")))
    assert logs.count("counting from 0\n") == 8, "no run began twice from nothing"
    assert logs.count("counting from") == 8 + 1 + 2, "one went on after its time, two after --missing; the eighth had not begun"
