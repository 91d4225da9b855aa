"""Calls of SLURM's own commands."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from igr_suite.errors import UserError


class Task(NamedTuple):
    """A task in SLURM's queue: its state, "PENDING", "RUNNING" ..., and its node or its reason for waiting."""

    state: str
    where: str


# Variables that a user may have set for these commands, and that would change which tasks are listed or override the
# script.
OVERRIDES = (
    "SQUEUE_",
    "SBATCH_ARRAY_INX",
    "SBATCH_OPEN_MODE",
    "SBATCH_OUTPUT",
    "SBATCH_SIGNAL",
    "SBATCH_NO_REQUEUE",
    "SBATCH_WAIT",
)


def ask(*words: str) -> subprocess.CompletedProcess:
    """Runs one of SLURM's commands without the variables in OVERRIDES."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OVERRIDES)}
    streams = {"capture_output": True, "stdin": subprocess.DEVNULL, "encoding": "utf-8", "errors": "replace"}
    return subprocess.run(words, **streams, env=environment, check=False)


def present() -> bool:
    """Returns whether this machine can submit."""
    return shutil.which("sbatch") is not None


def submit(script: Path) -> str:
    """Submits a script and returns the job's id.

    Raises:
      UserError: there is no SLURM here, or it refuses the job, with SLURM's message.
    """
    if not present():
        raise UserError(
            "there is no sbatch on this machine: submit from a login node of the cluster, or look at the script with "
            "--dry-run"
        )
    done = ask("sbatch", "--parsable", str(script))
    job = done.stdout.strip().split(";")[0]
    if done.returncode != 0 or not job.isdigit():
        words = " ".join((done.stderr or done.stdout).replace("sbatch: error:", "").split())
        raise UserError(f"sbatch refuses {script}: {words}; change it with the options of `igr submit`")
    return job


def tasks(jobs: list[str]) -> dict[tuple[str, int], Task] | None:
    """Returns the waiting and running array tasks of some jobs by (job, index); None when SLURM cannot be asked."""
    if not jobs or shutil.which("squeue") is None:
        return {} if shutil.which("squeue") else None
    done = ask("squeue", "--noheader", "--array", "--format=%F|%K|%T|%N|%r", "--states=all")
    if done.returncode != 0:
        return None
    queue = {}
    for line in done.stdout.splitlines():
        job, index, state, node, reason = (*line.strip().split("|"), "", "", "", "", "")[:5]
        if job in jobs and index.isdigit():
            queue[job, int(index)] = Task(state, node or reason)
    return queue


def most_tasks() -> int | None:
    """Returns how many tasks an array may have on this cluster (MaxArraySize, with indices from 0), None where that is
    unknown."""
    if shutil.which("scontrol") is None:
        return None
    done = ask("scontrol", "show", "config")
    size = re.search(r"^MaxArraySize\s*=\s*(\d+)", done.stdout, re.MULTILINE)
    return int(size[1]) if size else None
