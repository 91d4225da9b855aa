"""Which runs there are to submit: found by this Python, or by that of the image, since a login node may have no
numpy."""

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
# The host's packages are not the image's: neither those on PYTHONPATH nor those in the home folder, which the runtime
# shows inside.
APART = {"PYTHONPATH": "", "PYTHONHOME": "", "PYTHONNOUSERSITE": "1"}


@dataclass(frozen=True)
class Plan:
    """The runs of an experiment that are known so far.

    Attributes:
      folder: the scale's folder.
      runs: run_id -> state, as `RunFolder.status` has it.
      waiting: stage that is not known before these runs are finished, None when there is none.
      notes: sentences for the user.
      defined_in: modules of the runs' configs that are not the package's, as `config_classes.own_modules` has them.
    """

    folder: str
    runs: dict[str, str]
    waiting: int | None = None
    notes: list[str] = field(default_factory=list)
    defined_in: str = ""


def make(order: "Order", dry: bool) -> Plan:
    """Expands an experiment and writes a config.json into the folder of every run that is to do.

    Stages are those of `igr run`: one that reads results of earlier runs has no runs here before these are finished, so
    that no task starts too early; `waiting` names it, and planning again (`igr submit --missing`) finds its runs. Runs
    that another experiment has finished are copied first, with what becomes known by that.

    Args:
      order: what is to be run; its jobs and threads are not read.
      dry: write nothing.
    Raises:
      UserError: as `igr run` before it starts anything.
    """
    from igr_suite import data
    from igr_suite.lab.runs import strategies
    from igr_suite.lab.runs.config_classes import own_modules
    from igr_suite.lab.runs.store import RunFolder
    from igr_suite.lab.runs.wholeness import WAY_OUT

    expansion, found = (order.expand(), []) if dry else order.expand_and_adopt()
    order.check_matches(expansion)
    notes = [*(f"left out: {data.status(name, order.data_dir).note}" for name in expansion.left_out), *found]
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
    """Returns the runtime's options that show folders under their own paths inside the container.

    Raises:
      UserError: a path holds what the runtime takes for the end of one.
    """
    unique = dict.fromkeys(str(folder) for folder in folders)
    for folder in unique:
        if set(folder) & set(":,"):
            raise UserError(
                f"{folder} cannot be shown to a container, which splits paths at ':' and ','; use a folder without them"
            )
    return [word for folder in unique for word in ("--bind", folder)]


def ask_image(image: Path, words: list[str], folders: list[Path]) -> Plan:
    """Lets the `igr` of an image make the plan.

    Args:
      image: a .sif file.
      words: of `igr submit`.
      folders: to show to it.
    Raises:
      UserError: the image has no `igr` that understands them, or it refuses; has its own words.
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
        said = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise UserError(
            said.removeprefix("igr: ") if said.startswith("igr: ") else f"{image} could not make the plan: {said}"
        )
    try:
        return Plan(**json.loads(done.stdout.strip().splitlines()[-1]))
    except (ValueError, TypeError, IndexError):
        raise UserError(
            f"{image} did not answer with a plan; was it built from another version? it said: {done.stdout[-200:]!r}"
        ) from None


def to_json(plan: Plan) -> str:
    """Returns one line that `ask_image` reads, without any control character."""
    return json.dumps(asdict(plan)).replace("\x7f", "\\u007f")


def importable() -> bool:
    """Whether this Python has what runs.py files import."""
    import importlib.util

    return importlib.util.find_spec("numpy") is not None


def python_words() -> list[str]:
    """Returns the words that start a worker without an image."""
    return [sys.executable, "-m", "igr_suite.lab.running.worker"]
