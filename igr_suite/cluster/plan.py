"""Plans which runs to submit, in this Python or in that of the image, since a login node may have no numpy."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from igr_suite.errors import UserError

if TYPE_CHECKING:
    from igr_suite.lab.running.order import Order

RUNTIMES = ("apptainer", "singularity")
# Hides the host's packages from the image: those on PYTHONPATH and those in the home folder, which the runtime mounts.
APART = {"PYTHONPATH": "", "PYTHONHOME": "", "PYTHONNOUSERSITE": "1"}


@dataclass(frozen=True)
class Plan:
    """The runs of an experiment that are known so far.

    Attributes:
      folder: the scale's folder.
      runs: run_id -> state, as in `RunFolder.status`, or "not whole".
      waiting: the stage that is not known before these runs are finished, None when there is none.
      notes: sentences for the user.
      defined_in: the modules from outside the package that define the runs' configs; see `config_classes.own_modules`.
    """

    folder: str
    runs: dict[str, str]
    waiting: int | None = None
    notes: list[str] = field(default_factory=list)
    defined_in: str = ""


def make(order: "Order", dry: bool) -> Plan:
    """Expands an experiment and writes a config.json into the folder of every run that is still to do.

    Stages are those of `igr run`: a stage that reads results of earlier runs has no runs here before these are
    finished, so that no task starts too early; `waiting` names it, and planning again (`igr submit --missing`) finds
    its runs. Runs that another experiment has finished are copied first.

    Args:
      order: what to run; its jobs and threads are not read.
      dry: whether to write nothing.
    Raises:
      UserError: under the conditions under which `igr run` refuses to start.
    """
    from igr_suite import data
    from igr_suite.lab.runs import strategies
    from igr_suite.lab.runs.config_classes import own_modules
    from igr_suite.lab.runs.store import RunFolder
    from igr_suite.lab.runs.wholeness import WAY_OUT

    expansion, copied = (order.expand(), []) if dry else order.expand_and_adopt()
    order.check_matches(expansion)
    notes = [*(f"left out: {data.status(name, order.data_dir).note}" for name in expansion.left_out), *copied]
    states = {}
    for run_id, config in expansion.runs.items():
        folder = RunFolder(order.folder / run_id)
        if fault := folder.fault(config=config):
            notes.append(f"{run_id} is finished but not whole and is not submitted: {fault}; {WAY_OUT}")
        states[run_id] = "not whole" if fault else "finished" if folder.finished else folder.status().state
        if states[run_id] not in ("finished", "running", "not whole"):
            if dry:
                continue
            config.check_inputs(order.data_dir)
            strategies.check([config], order.strategy)
            if folder.config() is None:
                folder.open(config).close()
    return Plan(str(order.folder.resolve()), states, expansion.waiting, notes, own_modules(expansion.runs.values()))


def runtime() -> str | None:
    """Returns the container runtime of this machine, None without one."""
    return next((name for name in RUNTIMES if shutil.which(name)), None)


def bound(folders: list[Path]) -> list[str]:
    """Returns the runtime's options that mount folders under their own paths in the container.

    Raises:
      UserError: a path contains a character at which the runtime would split it.
    """
    unique = dict.fromkeys(str(folder) for folder in folders)
    for folder in unique:
        if set(folder) & set(":,"):
            raise UserError(
                f"{folder} cannot be shown to a container, which splits paths at ':' and ','; use a folder without them"
            )
    return [word for folder in unique for word in ("--bind", folder)]


def ask_image(image: Path, words: list[str], folders: list[Path]) -> Plan:
    """Runs `igr submit --plan` of an image and returns its plan.

    Args:
      image: a .sif file.
      words: the arguments of `igr submit`.
      folders: the folders to mount in the container.
    Raises:
      UserError: the image has no `igr` that accepts the arguments, or it refuses, with its message.
    """
    command = [runtime(), "exec", *bound(folders), str(image), "igr", "submit", *words, "--plan"]
    done = subprocess.run(
        command,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        env=os.environ | APART,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode != 0:
        reason = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-1]
        own = reason.startswith("igr: ")
        raise UserError(reason.removeprefix("igr: ") if own else f"{image} could not make the plan: {reason}")
    try:
        return Plan(**json.loads(done.stdout.strip().splitlines()[-1]))
    except (ValueError, TypeError, IndexError):
        raise UserError(
            f"{image} did not print a plan; was it built from another version? its output ends with "
            f"{done.stdout[-200:]!r}"
        ) from None


def to_json(plan: Plan) -> str:
    """Returns the plan as one line without control characters, for `ask_image`."""
    return json.dumps(asdict(plan)).replace("\x7f", "\\u007f")


def importable() -> bool:
    """Returns whether this Python has what run.py files import."""
    import importlib.util

    return importlib.util.find_spec("numpy") is not None


def python_words() -> list[str]:
    """Returns the command that starts a worker without an image."""
    return [sys.executable, "-m", "igr_suite.lab.running.worker"]
