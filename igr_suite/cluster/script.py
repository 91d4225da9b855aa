"""The sbatch script of a submission: one array task per run, which saves and queues itself again at its time limit."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from igr_suite.errors import UserError
from igr_suite.terminal import IN_A_LINE, line

NOTICE = 120  # seconds before the time limit at which a run is signalled to save
RESTARTS = (
    20  # times that a task queues itself again; if more were needed, the time limit would be too short for any run
)
SAVED = 143  # exit code of a worker that has saved after SIGTERM
# starts a worker on each of several machines, and forwards signals to all of them
STEP = ["srun", "--kill-on-bad-exit=1"]
TIME = re.compile(r"\d+(:\d\d){0,2}|\d+-\d{1,2}(:\d\d){0,2}", re.ASCII)
PLAIN = re.compile(r"[\w%+,./:=@\[\]-]+", re.ASCII)  # a word that SLURM and a shell read as it is


@dataclass(frozen=True, kw_only=True)
class Resources:
    """The resources of every task of the array.

    Attributes:
      partition, time, memory: as `sbatch` takes them; None leaves them to the cluster.
      threads: cores of a task, and threads of its run.
      gpus: GPUs of a task, or of each of its machines.
      nodes: machines of a task; one worker runs on each.
      array_limit: tasks at once; None means no limit.
      more: further options of sbatch, "--account=mine".
    """

    partition: str | None = None
    time: str | None = None
    memory: str | None = None
    threads: int = 1
    gpus: int = 0
    nodes: int = 1
    array_limit: int | None = None
    more: tuple[str, ...] = ()

    def __post_init__(self):
        least_values = ("--threads", self.threads, 1), ("--gpus", self.gpus, 0), ("--nodes", self.nodes, 1)
        for option, value, least in (*least_values, ("--array-limit", self.array_limit, 1)):
            if value is not None and value < least:
                raise UserError(f"{option} must be at least {least}, got {value}")
        if self.time is not None and not TIME.fullmatch(self.time):
            raise UserError(
                f"--time takes minutes, hours:minutes:seconds or days-hours, such as 90, 4:00:00 or 2-12, got "
                f"'{self.time}'"
            )
        if self.memory is not None and not re.fullmatch(r"\d+[KMGT]?", self.memory, re.ASCII):
            raise UserError(f"--memory takes a number with K, M, G or T, such as 4G, got '{self.memory}'")
        if self.partition is not None:
            check_line("--partition", self.partition)
            if not self.partition or re.search(r"\s", self.partition):
                raise UserError(f"--partition takes one word, the name of a partition, got '{self.partition}'")
        for option in self.more:
            check_line("--sbatch", option)
            if not re.match(r"--?[a-zA-Z]", option):
                raise UserError(f"--sbatch takes an option of sbatch, such as --sbatch=--account=mine, got '{option}'")

    @property
    def notice(self) -> int:
        """Seconds before the time limit at which SLURM sends the signal; a quarter of a very short limit."""
        limit = None if self.time is None else seconds(self.time)
        return NOTICE if limit is None else max(1, min(NOTICE, limit // 4))


def seconds(time: str) -> int:
    """Returns the seconds of a SLURM time: minutes, minutes:seconds, hours:minutes:seconds,
    days-hours[:minutes[:seconds]]."""
    days, dash, rest = time.rpartition("-")
    parts = [int(part) for part in rest.split(":")]
    if dash:
        hours, minutes, secs = (*parts, 0, 0)[:3]
    elif len(parts) == 3:
        hours, minutes, secs = parts
    else:
        hours, (minutes, secs) = 0, (*parts, 0)[:2]
    return ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + secs


def check_line(what: str, value: str) -> None:
    """Raises UserError for a value that would not stay in its line of a script or a list.

    Args:
      what: the value's name, such as "--partition".
      value: a word or a path, which may contain bytes that are not text.
    """
    if re.search(f"(?![\ud800-\udfff]){IN_A_LINE.pattern}", value):
        raise UserError(
            f"{what} holds a control character, which cannot go into a job script: '{line(value)}'; take it out"
        )


def slurm_word(word: str) -> str:
    """Returns a word for a line that begins with #SBATCH: SLURM splits it at spaces, takes # for a comment, and reads
    \\ and quotes."""
    return word if PLAIN.fullmatch(word) else '"' + re.sub(r'([\\"])', r"\\\1", word) + '"'


def _more(option: str) -> str:
    """Returns an option as the user gave it, "--account=mine" or "-A mine"; all that follows the name is one value."""
    name, *value = option.split(maxsplit=1) if re.fullmatch(r"--?[a-zA-Z][\w-]*\s.*", option, re.ASCII) else [option]
    return " ".join([name, *map(slurm_word, value)]) if value else slurm_word(option.strip())


def write(
    *,
    title: str,
    again: str,
    folder: Path,
    jobs: Path,
    count: int,
    resources: Resources,
    worker: list[str],
    variables: dict[str, str],
) -> str:
    """Returns the text of the script.

    Args:
      title: "8 runs of igr/table_1_vae_likelihood at scale paper".
      again: the command line that wrote it.
      folder: the scale's folder, which holds the run folders.
      jobs: the submission's folder, which holds runs.txt.
      count: the number of runs.
      resources: of every task.
      worker: the command that starts a worker; "--folder RUN_FOLDER" is added.
      variables: environment of the workers.
    Raises:
      UserError: one of these holds a control character, or SLURM cannot write logs into such a folder.
    """
    texts = {
        "the title": title,
        "the command line": again,
        "the results folder": str(folder),
        "the folder of the submission": str(jobs),
    }
    for what, text in [*texts.items(), *variables.items(), *(("the worker's command", word) for word in worker)]:
        check_line(what, text)
    if "\\" in str(jobs):
        raise UserError(
            f"SLURM cannot write logs into {jobs}, whose path holds a backslash; choose another folder with --results"
        )
    limit = f"%{resources.array_limit}" if resources.array_limit else ""
    options = {
        "job-name": f"igr-{folder.parent.name}",
        "array": f"0-{count - 1}{limit}",
        "output": str(jobs).replace("%", "%%") + "/%a.log",
        "open-mode": "append",
        "partition": resources.partition,
        "time": resources.time,
        "mem": resources.memory,
        "cpus-per-task": str(resources.threads),
        "gpus-per-task": str(resources.gpus) if resources.gpus else None,
        "nodes": str(resources.nodes) if resources.nodes > 1 else None,
        "ntasks-per-node": "1" if resources.nodes > 1 else None,
        "ntasks": str(resources.nodes),
        "signal": f"B:USR1@{resources.notice}",
    }
    lines = [f"#SBATCH --{name}={slurm_word(value)}" for name, value in options.items() if value is not None]
    lines += ["#SBATCH --requeue", *(f"#SBATCH {_more(option)}" for option in resources.more)]
    exports = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return SCRIPT.format(
        title=title,
        again=again,
        options="\n".join(lines),
        exports="\n".join(exports),
        folder=shlex.quote(str(folder)),
        jobs=shlex.quote(str(jobs)),
        worker=" ".join(shlex.quote(word) for word in [*(STEP if resources.nodes > 1 else []), *worker]),
        notice=resources.notice,
        restarts=RESTARTS,
        saved=SAVED,
    )


SCRIPT = """#!/usr/bin/env bash
# {title}, one array task a run.
# Written by: {again}
{options}

folder={folder}
jobs={jobs}
run=$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" "$jobs/runs.txt")
[ -n "$run" ] || {{ echo "no line $((SLURM_ARRAY_TASK_ID + 1)) in $jobs/runs.txt" >&2; exit 2; }}

{exports}

# {notice} s before the time limit SLURM sends USR1 to this shell: the run saves, ends, and is queued again.
# On scancel or preemption it gets TERM: the run saves and ends.
limit= signalled= worker=
trap 'limit=1 signalled=1; [ -z "$worker" ] || kill -TERM "$worker" 2>/dev/null' USR1
trap 'limit= signalled=1; [ -z "$worker" ] || kill -TERM "$worker" 2>/dev/null' TERM

rm -f "$jobs/$SLURM_ARRAY_TASK_ID.exit"
echo "$(date '+%F %T') $run on $(hostname), job $SLURM_JOB_ID, restart ${{SLURM_RESTART_COUNT:-0}}"
{worker} --folder "$folder/$run" &
worker=$!
while signalled=; wait "$worker"; code=$?; [ -n "$signalled" ]; do :; done  # a signal ends `wait`, not the worker
echo "$code" > "$jobs/$SLURM_ARRAY_TASK_ID.exit"

if [ -n "$limit" ] && [ "$code" -eq {saved} ]; then
  if [ "${{SLURM_RESTART_COUNT:-0}}" -lt {restarts} ]; then
    echo "$(date '+%F %T') saved at the time limit, queued again"
    exec scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}"  # one task's own id may be that of the whole array
  fi
  echo "queued again {restarts} times and still not finished: ask for more time with --time"
fi
exit "$code"
"""
