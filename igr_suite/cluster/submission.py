"""The folders of submissions, `<scale>/jobs/<number>/`: the run list, the script, the job's id, and a log and an exit
code per task."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from igr_suite.cluster import slurm
from igr_suite.errors import UserError
from igr_suite.lab.runs.files import read_json, write_atomically, write_json, writing

WAITING = {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SUSPENDED", "RESIZING", "SPECIAL_EXIT"}
ACTIVE = {"RUNNING", "COMPLETING", "STAGE_OUT", "SIGNALING", "STOPPED"}
RUN = re.compile(r"[A-Za-z0-9_+=][A-Za-z0-9._+=-]*")
ENDINGS = {
    75: "another task had taken the run over",
    126: "the worker could not be started",
    127: "the worker could not be started",
    137: "killed (SIGKILL: out of memory?)",
    143: "stopped and saved",
}


@dataclass(frozen=True)
class Submission:
    """One array job: its folder, its id and its runs in the order of the array."""

    folder: Path
    job: str
    runs: tuple[str, ...]


@dataclass(frozen=True)
class Fate:
    """The state of a run's last submission by SLURM or the script, "queued", "running" or "ended", and a description."""

    state: str
    words: str


def new_folder(scale_folder: Path) -> Path:
    """Makes and returns the next `jobs/<number>`; two processes that call this at once get different folders."""
    parent = scale_folder / "jobs"
    with writing(parent):
        parent.mkdir(parents=True, exist_ok=True)
        number = max((int(path.name) for path in parent.iterdir() if path.name.isdigit()), default=0)
        while True:
            number += 1
            try:
                (parent / str(number)).mkdir()
                return parent / str(number)
            except FileExistsError:
                continue


def write(folder: Path, runs: Sequence[str], script: str) -> Path:
    """Writes the run list and the script, and returns the script's path.

    Raises:
      UserError: the name of a run is not valid as a line of the list and as a folder.
    """
    for run in runs:
        if not RUN.fullmatch(run):
            raise UserError(f"'{run}' is not a run's name; submit with the igr_suite that planned the runs")
    write_atomically(folder / "runs.txt", "".join(f"{run}\n" for run in runs).encode())
    # a path may hold bytes that are not text
    write_atomically(folder / "job.sh", script.encode("utf-8", "surrogateescape"))
    return folder / "job.sh"


def record(folder: Path, job: str, runs: Sequence[str]) -> None:
    """Notes the job's id once SLURM has accepted it."""
    write_json(folder / "job.json", {"job": job, "runs": list(runs)})


def submissions(scale_folder: Path) -> list[Submission]:
    """Returns the submissions of a scale that SLURM accepted, oldest first.

    Raises:
      UserError: a job.json is damaged.
    """
    accepted = []
    for path in (scale_folder / "jobs").glob("*/job.json"):
        if path.parent.name.isdigit():
            way_out = "delete its folder; only `igr status` reads it"
            content = read_json(path, way_out)
            job, runs = (content.get("job"), content.get("runs")) if isinstance(content, dict) else (None, None)
            if not isinstance(job, str) or not isinstance(runs, list) or not all(isinstance(run, str) for run in runs):
                raise UserError(f"{path} is damaged (not a submission's); {way_out}")
            accepted.append(Submission(path.parent, job, tuple(runs)))
    return sorted(accepted, key=lambda submission: int(submission.folder.name))


def fates(scale_folder: Path) -> dict[str, Fate]:
    """Returns run -> the state of its last submission, for every run that was submitted."""
    accepted = submissions(scale_folder)
    tasks = slurm.tasks([submission.job for submission in accepted]) if accepted else {}
    latest: dict[str, Fate] = {}
    for submission in accepted:
        for index, run in enumerate(submission.runs):
            fate = _fate(submission, index, tasks)
            if fate.state != "ended" or run not in latest or latest[run].state == "ended":
                latest[run] = fate
    return latest


def _fate(submission: Submission, index: int, tasks: dict[tuple[str, int], slurm.Task] | None) -> Fate:
    name = f"job {submission.job}_{index}"
    task = (tasks or {}).get((submission.job, index))
    if task is not None and task.state in ACTIVE:
        return Fate("running", f"{name} on {task.where}")
    if task is not None and task.state in WAITING:
        return Fate("queued", f"{name}, {task.state.lower()}: {task.where}")
    try:
        code = int((submission.folder / f"{index}.exit").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        code = None
    log = submission.folder / f"{index}.log"
    if code is not None:
        words = ENDINGS.get(code) or f"exit code {code}"
    elif tasks is None:
        words = "SLURM cannot be asked here"
    else:
        ending = f" ({task.state.lower().replace('_', ' ')})" if task is not None and task.state != "COMPLETED" else ""
        words = ("ended without an exit code" if log.exists() else "ended before it began") + ending
    return Fate("ended", f"{name}: {words}" + (f"; its log is {log}" if log.exists() and code not in (0, 143) else ""))
