"""The process of one run: `python -m igr_suite.lab.running.worker --folder RUN_FOLDER` runs the config.json found
there."""

import argparse
import contextlib
import errno
import importlib
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from igr_suite import terminal
from igr_suite.errors import UserError
from igr_suite.lab.running import compile_cache, discovery
from igr_suite.lab.runs import strategies
from igr_suite.lab.runs.config import executor_of
from igr_suite.lab.runs.config_classes import DEFINES
from igr_suite.lab.runs.environment import environment
from igr_suite.lab.runs.interrupts import SIGNALS, Interrupted, raise_on_signals
from igr_suite.lab.runs.lock import LOST, TakenOver
from igr_suite.lab.runs.own_settings import pin
from igr_suite.lab.runs.progress import FILE
from igr_suite.lab.runs.store import RunFolder
from igr_suite.lab.runs.threads import one_operation_a_thread
from igr_suite.lab.runs.wholeness import WAY_OUT, seal

LOG = "worker.log"
FULL = 74  # exit code of a worker that could not even record that its disk is full
RESERVED = 16 * 1024  # bytes; a meta.json has two thousand
RUNNER = "IGR_RUNNER"  # process id of the runner; a worker saves and stops when the runner is gone


def run(path: Path) -> int:
    """Runs the config of a run folder, records in meta.json how it ended, and returns the exit code.

    0 finished, 2 a UserError (its sentence goes to stderr), 130 or 143 interrupted, 1 anything else.
    """
    raise_on_signals()
    terminal.guard()
    pin()
    if os.environ.get(RUNNER):
        threading.Thread(target=_stop_with, args=(int(os.environ[RUNNER]),), daemon=True).start()
    folder, began = RunFolder(path), time.time()
    try:
        compile_cache.use()
        import_own()
        config = folder.config()
        if config is None:
            raise UserError(f"{path} has no config.json; start runs with `igr run`")
        strategy = strategies.chosen()
        strategies.check([config], strategy)
        if strategy == "multi_worker" and strategies.workers()[0] > 0:
            return _follow(config, folder)
        with folder.open(config):
            if folder.finished:
                if fault := folder.fault(named=False):
                    raise UserError(f"{path} is finished but not whole: {fault}; {WAY_OUT}")
                return 0
            started = folder.meta().get("started") or _now()
            folder.write_meta(**environment(), started=started, ended=None, exit=None, sealed=None)
            with reserve(path) as spare:
                code, reason, message = _execute(config, folder)
                _ignore_signals()
                compile_cache.seal()
                seconds = folder.meta().get("wall_seconds", 0.0) + time.time() - began
                memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
                    1024**2 if sys.platform == "darwin" else 1024
                )
                exit_note = {"reason": reason, "message": message}
                sealed = seal(path) if folder.finished else None
                folder.write_meta(
                    spare,
                    exit=exit_note,
                    ended=_now(),
                    wall_seconds=round(seconds, 2),
                    peak_memory_mb=round(memory),
                    sealed=sealed,
                )
            with contextlib.suppress(OSError):
                (path / FILE).unlink(missing_ok=True)
            return code
    except TakenOver as error:
        _say(error)
        return LOST
    except UserError as error:
        _say(error)
        return FULL if disk_full(error) else 2
    except Interrupted as error:
        return error.exit_code


def _now() -> str:
    """Returns '2026-11-27T10:23:54+00:00'."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def import_own() -> None:
    """Imports the modules in `DEFINES`; a run.py is looked up as in `igr run`, other modules on Python's path.

    Raises:
      UserError: one of them cannot be imported.
    """
    for module in filter(None, os.environ.get(DEFINES, "").split(",")):
        try:
            match module.split("."):
                case ["reproductions", paper, item, "run"]:
                    discovery.find(f"{paper}/{item}")
                case _:
                    importlib.import_module(module)
        except ImportError as error:
            raise UserError(f"{module}, which defines the run's config, cannot be imported: {error}") from error


def _follow(config, folder: RunFolder) -> int:
    """Trains together with the first of several workers, which alone writes the run: this worker goes through the same
    run in a temporary folder.

    Beside that folder are links to the neighbours of the run, from whose checkpoints it may start.
    """
    if folder.finished:
        return 0
    with tempfile.TemporaryDirectory(prefix="igr-follower-") as place:
        for neighbour in folder.path.absolute().parent.iterdir():
            if neighbour.name != folder.path.name:
                (Path(place) / neighbour.name).symlink_to(neighbour)
        with RunFolder(Path(place) / folder.path.name).open(config) as own:
            if folder.checkpoints.exists():
                shutil.copytree(folder.checkpoints, own.checkpoints)
            if folder.metrics.path.exists():
                shutil.copy(folder.metrics.path, own.metrics.path)
            return _execute(config, own)[0]


def _execute(config, folder: RunFolder) -> tuple[int, str, str]:
    """Calls the executor and returns exit code, reason and message."""
    try:
        one_operation_a_thread(config)
        function = executor_of(config)
        function(config, folder)
        if not folder.finished:
            raise RuntimeError(f"{config.executor} ended without a summary")
        if fault := folder.fault(named=False):
            raise RuntimeError(f"{config.executor} wrote files that do not belong together: {fault}")
        return 0, "finished", ""
    except Interrupted as error:
        return error.exit_code, "interrupted", str(error)
    except TakenOver:
        raise
    except UserError as error:
        _say(error)
        return 2, error.reason, str(error)
    except Exception as error:  # a defect: its traceback goes to the log, its sentence to meta.json
        _say(traceback.format_exc())
        if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
            reason = str(error).strip().partition("\n")[0][:200] or "none was left"
            way_out = "use fewer --jobs, a smaller batch, or a machine with more memory"
            return 1, "error", f"not enough memory ({reason}); {way_out}"
        return 1, "error", f"{type(error).__name__}: {error}"


def _say(message: object) -> None:
    """Prints to the log and ignores errors, since the disk may be full and the message is recorded in meta.json too."""
    with contextlib.suppress(OSError):
        print(message, file=sys.stderr, flush=True)


def disk_full(error: BaseException) -> bool:
    """Returns whether an error was caused by a full disk or an exhausted quota."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        cause = cause.__cause__
    return False


@contextlib.contextmanager
def reserve(folder: Path) -> Iterator[Path]:
    """Reserves a little disk space, so that the end of a run can be recorded even when the disk is full.

    Yields:
      The file that reserves it, which is absent where even that space was lacking.
    """
    path = folder / ".reserve.tmp"
    try:
        with contextlib.suppress(OSError):
            path.write_bytes(os.urandom(RESERVED))
        yield path
    finally:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def forked(path: str, variables: dict[str, str]) -> None:
    """Body of a worker forked from a process that has imported TensorFlow already; ends the process.

    Args:
      path: run folder.
      variables: environment of the run. When the threads differ from those that TensorFlow was imported with, or its
        runtime has been started by an import, nothing can be shared and the process becomes a fresh one.
    """
    log = os.open(Path(path) / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    usable = os.environ.get("IGR_THREADS") == variables.get("IGR_THREADS") and not _runtime_started()
    os.environ.update(variables)
    if not usable:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        os.execv(sys.executable, [sys.executable, "-m", "igr_suite.lab.running.worker", "--folder", path])
    sys.exit(run(Path(path)))


def _runtime_started() -> bool:
    context = sys.modules.get("tensorflow.python.eager.context")
    return getattr(getattr(context, "_context", None), "_context_handle", None) is not None


def _stop_with(runner: int) -> None:
    """Sends this process SIGTERM once the runner has ended, so that a killed runner leaves no orphans."""
    try:
        select.select([os.pidfd_open(runner)], [], [])
    except AttributeError:  # not on Linux
        with contextlib.suppress(OSError):
            while True:
                os.kill(runner, 0)
                time.sleep(1)
    except OSError:
        pass  # it is gone already
    os.kill(os.getpid(), signal.SIGTERM)


def _ignore_signals() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="igr_suite.lab.running.worker", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="a run folder that holds a config.json")
    sys.exit(run(parser.parse_args().folder))
