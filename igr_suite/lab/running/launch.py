"""Starts worker processes: forked from one process that has TensorFlow imported, or fresh ones
(IGR_FRESH_WORKERS=1)."""

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

from igr_suite.errors import UserError
from igr_suite.lab.running import compile_cache
from igr_suite.lab.running.places import import_places
from igr_suite.lab.running.worker import LOG, RUNNER, forked
from igr_suite.lab.runs.config import RunConfig
from igr_suite.lab.runs.config_classes import DEFINES, own_modules
from igr_suite.lab.runs.own_settings import INTERPRETER, pin
from igr_suite.lab.runs.progress import WATCHED
from igr_suite.lab.runs.strategies import VARIABLE
from igr_suite.lab.runs.threads import thread_variables

ORPHANED = 255  # exit code that multiprocessing reports for a worker whose fork server has ended


class Worker:
    """A running worker process."""

    def __init__(self, process: "multiprocessing.process.BaseProcess | subprocess.Popen"):
        self._process = process
        self.pid: int = process.pid

    def exit_code(self) -> int | None:
        """Returns None while the process runs, a negative number after a signal, ORPHANED where the end is unknown.

        A forked worker's exit code comes from the process that forked it, and the worker may outlive that process.
        """
        if isinstance(self._process, subprocess.Popen):
            return self._process.poll()
        code = self._process.exitcode
        if code == ORPHANED and _lives(self.pid):
            return None
        return code

    def send(self, number: int) -> None:
        """Sends a signal."""
        with contextlib.suppress(ProcessLookupError):
            if self.exit_code() is None:
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Ends the process at once."""
        self.send(signal.SIGKILL)


class Launcher:
    """Starts the workers of one invocation.

    Args:
      configs: the runs to come; their executors' modules are imported once, before the first fork.
      threads: the number of threads of each run.
      data_dir: where workers look for tensorflow-datasets folders (TFDS_DATA_DIR); None leaves the environment's.
      root: results folder (IGR_RESULTS), where workers keep what runs share; None leaves the environment's.
      strategy: how each run divides its batches among devices; None is one device.
    """

    def __init__(
        self,
        configs: Sequence[RunConfig],
        threads: int,
        data_dir: str | None = None,
        root: Path | None = None,
        strategy: str | None = None,
    ):
        places = [*filter(None, sys.path), *import_places()]
        self._variables = {
            **thread_variables(threads),
            **INTERPRETER,
            **compile_cache.prepared(),
            WATCHED: "file",
            RUNNER: str(os.getpid()),
            VARIABLE: strategy or "",
            "PYTHONPATH": os.pathsep.join(dict.fromkeys(places)),
            DEFINES: own_modules(configs),
            "PYTHONUNBUFFERED": "1",
            "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"),
            "IGR_PRELOAD": ",".join(sorted({type(config).executor.partition(":")[0] for config in configs})),
        }
        if data_dir is not None:
            self._variables["TFDS_DATA_DIR"] = str(Path(data_dir).expanduser().resolve())
        if root is not None:
            self._variables["IGR_RESULTS"] = str(root.resolve())
        self._kills_before = memory_kills()
        self._forking = None
        inherits = sys.flags.optimize or sys.warnoptions  # a forking process starts with the flags of this one
        if not os.environ.get("IGR_FRESH_WORKERS") and not inherits:
            self._forking = multiprocessing.get_context("forkserver")
            self._forking.set_forkserver_preload(["igr_suite.lab.running.preload"])

    @property
    def cause_of_kill(self) -> str:
        """The probable cause when a worker of this invocation was killed with SIGKILL."""
        return cause_of_kill(self._kills_before)

    def start(self, folder: Path) -> Worker:
        """Starts the worker of a run folder that holds a config.json; its output goes to worker.log there.

        Raises:
          UserError: it cannot be started, for lack of memory, for instance.
        """
        with _environment(self._variables):
            if self._forking is not None:
                process = self._forking.Process(target=forked, args=(str(folder), self._variables))
                try:
                    with _without_main():
                        process.start()
                except (EOFError, OSError) as error:
                    raise UserError(
                        f"the worker of {folder.name} could not be started: the process that workers are forked from "
                        f"has ended "
                        f"({self.cause_of_kill}); start the same command again"
                    ) from error
                return Worker(process)
            command = [sys.executable, "-m", "igr_suite.lab.running.worker", "--folder", str(folder)]
            with (folder / LOG).open("ab") as log:
                return Worker(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log))


def _lives(pid: int) -> bool:
    """Returns whether a process that is no child of this one has not ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state not in (b"Z", b"X")


def memory_kills() -> int:
    """Returns how many processes the kernel has killed for lack of memory since the machine or container started; 0
    where that is unknown."""
    total = 0
    for place in ("/proc/vmstat", "/sys/fs/cgroup/memory.events"):
        with contextlib.suppress(OSError, ValueError):
            lines = Path(place).read_text(encoding="utf-8").splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
    return total


def cause_of_kill(before: int) -> str:
    """Returns the probable cause when a process was killed with SIGKILL.

    Args:
      before: `memory_kills` when the process started.
    """
    if memory_kills() > before:
        return "out of memory: the kernel killed it; use fewer --jobs or a machine with more memory"
    return "out of memory, or somebody killed it"


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """Hides the running script for the block: multiprocessing would run it again in the worker, which needs nothing of
    it, and a script without `if __name__ == "__main__"` would start its runs again there."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextlib.contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    pin()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
