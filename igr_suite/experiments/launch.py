"""Starts worker processes: forked from one process that has TensorFlow imported, or fresh ones (IGR_FRESH_WORKERS=1)."""

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from igr_suite.experiments.config import RunConfig
from igr_suite.experiments.own_settings import INTERPRETER, pin
from igr_suite.experiments.places import reproductions_root
from igr_suite.experiments.progress import WATCHED
from igr_suite.experiments.strategies import VARIABLE
from igr_suite.experiments.threads import thread_variables
from igr_suite.experiments.worker import LOG, RUNNER, forked


class Worker:
    """A running worker process."""

    def __init__(self, process: "multiprocessing.process.BaseProcess | subprocess.Popen"):
        self._process = process
        self.pid: int = process.pid

    def exit_code(self) -> int | None:
        """Returns None while the process lives; negative numbers are signals."""
        return self._process.poll() if isinstance(self._process, subprocess.Popen) else self._process.exitcode

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
      threads: of each run.
      data_dir: where workers look for tensorflow-datasets folders (TFDS_DATA_DIR); None leaves the environment's.
      root: results folder (IGR_RESULTS), where workers keep what runs share; None leaves the environment's.
      strategy: by which each run divides its batches among devices; None is one device.
    """

    def __init__(
        self, configs: Sequence[RunConfig], threads: int, data_dir: str | None = None, root: Path | None = None, strategy: str | None = None
    ):
        places = [*filter(None, sys.path), str(Path(__file__).resolve().parents[2]), str(reproductions_root().resolve().parent)]
        self._variables = {
            **thread_variables(threads),
            **INTERPRETER,
            WATCHED: "file",
            RUNNER: str(os.getpid()),
            VARIABLE: strategy or "",
            "PYTHONPATH": os.pathsep.join(dict.fromkeys(places)),
            "PYTHONUNBUFFERED": "1",
            "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"),
            "IGR_PRELOAD": ",".join(sorted({type(config).executor.partition(":")[0] for config in configs})),
        }
        if data_dir is not None:
            self._variables["TFDS_DATA_DIR"] = str(Path(data_dir).expanduser().resolve())
        if root is not None:
            self._variables["IGR_RESULTS"] = str(root.resolve())
        self._forking = None
        inherits = sys.flags.optimize or sys.warnoptions  # a forking process starts with the flags of this one
        if not os.environ.get("IGR_FRESH_WORKERS") and not inherits:
            self._forking = multiprocessing.get_context("forkserver")
            self._forking.set_forkserver_preload(["igr_suite.experiments.preload"])

    def start(self, folder: Path) -> Worker:
        """Starts the worker of a run folder that holds a config.json; its output goes to worker.log there."""
        with _environment(self._variables):
            if self._forking is not None:
                process = self._forking.Process(target=forked, args=(str(folder), self._variables))
                process.start()
                return Worker(process)
            command = [sys.executable, "-m", "igr_suite.experiments.worker", "--folder", str(folder)]
            with (folder / LOG).open("ab") as log:
                return Worker(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log))


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
