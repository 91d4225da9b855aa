"""A job array on a real SLURM: killed, cancelled, out of time; what is missing is submitted again and nothing is lost
or done twice."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from igr_suite.lab.runs.files import read_json
from igr_suite.lab.runs.store import RunFolder

RUN = '''"""Counts eight times."""
from dummy_runs import Count, Pace
from igr_suite.lab import Experiment

EXPERIMENT = Experiment(
    paper="igr", item="array", title="Array", runs=lambda scale: [Count(until=40, seed=seed, pace=Pace(seconds=0.1)) for seed in range(8)]
)
'''
THREE = RUN.replace(
    "Count(until=40, seed=seed, pace=Pace(seconds=0.1)) for seed in range(8)",
    ("Count(until=2 if seed == 1 else 60, seed=seed, pace=Pace(seconds=0.1)) for seed in range(3)"),
)
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
    done = subprocess.run(
        ["sbatch", "--test-only"], input=dry, env=igr.environment, capture_output=True, text=True, check=False
    )
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
    # SLURM waits two minutes before it starts a job again
    ask(igr, "scontrol", "update", f"jobid={job}_0", "StartTime=now")
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
    assert logs.count("counting from") == 8 + 1 + 2, (
        "one went on after its time, two after --missing; the eighth had not begun"
    )


def test_the_task_that_has_the_array_s_id_requeues_itself_alone(cluster):
    """SLURM gives one task the job id of the whole array, and `scontrol requeue` of that id takes in finished and
    running tasks."""
    igr, folder = cluster, cluster.results / NAME / "smoke"
    (igr.reproductions / NAME / "run.py").write_text(THREE, encoding="utf-8")
    code, out, err = igr("submit", NAME, "--scale", "smoke", "--time", "20")
    assert code == 0, err
    job = read_json(folder / "jobs/1/job.json", "")["job"]
    runs = [RunFolder(folder / name) for name in (folder / "jobs/1/runs.txt").read_text(encoding="utf-8").split()]
    logs = [folder / f"jobs/1/{index}.log" for index in range(3)]
    wait(
        lambda: (
            runs[1].finished
            and (folder / "jobs/1/1.exit").exists()
            and all(len(runs[i].metrics.rows()) > 2 for i in (0, 2))
        )
    )
    ids = [re.search(r"job (\d+), restart 0", log.read_text(encoding="utf-8"))[1] for log in logs]
    assert job in (ids[0], ids[2]), f"neither long task has the id of the array {job}: {ids}"
    first = 0 if ids[0] == job else 2
    os.kill(parent(read_json(runs[first].path / ".owner", "")["pid"]), signal.SIGUSR1)
    wait(lambda: "BeginTime" in ask(igr, "squeue", "--noheader", "--array", "--format=%r"))
    known = ask(igr, "squeue", "--noheader", "--array", "--format=%K %T", "--states=PENDING,RUNNING").split("\n")
    assert f"{first} PENDING" in known and "1 PENDING" not in known
    time.sleep(2.5)  # slurmd refuses a job in the second in which it ended it; by itself SLURM waits two minutes
    ask(igr, "scontrol", "update", f"jobid={job}_{first}", "StartTime=now")
    wait(lambda: all(run.finished for run in runs) and not busy(igr))
    restarts = [re.findall(r"restart (\d)", log.read_text(encoding="utf-8")) for log in logs]
    assert restarts == [["0", "1"] if index == first else ["0"] for index in range(3)], (
        "no other task began a second time"
    )
