"""Who may write a run folder: a kernel lock, and a heartbeat beside it that outlives neither its process nor its machine.

The kernel's flock ends with the process and is enough on one machine. Between machines it may not exist (Lustre without -o flock) or may
outlive a dead node (NFS). So the holder also touches `.owner` every BEAT seconds. Another machine that finds it watches for STALE seconds,
by its own clock only: if the file is touched in that time the run is alive, else its holder is dead and the lock is taken over. A holder
that finds another's name in `.owner` (its machine was suspended for so long) ends at once and writes nothing more.
"""

import contextlib
import fcntl
import json
import os
import socket
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from igr_suite.errors import UserError
from igr_suite.experiments.files import writing

PATIENCE = 1.0  # seconds; `igr status` holds the kernel lock for an instant when it looks
BEAT = 15.0  # seconds between touches of .owner
STALE = 120.0  # seconds without a touch after which another machine's holder counts as dead
LONG_AGO = 3600.0  # seconds; no two clocks differ by so much, so what was touched before needs no watching
LOST = 75  # exit code of a holder whose lock was taken over


def machine() -> str:
    """Returns a name of this boot of this machine: process ids of equal names may be compared."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        boot = ""
    return f"{socket.gethostname()} {boot}".strip()


class Lock:
    """The right to write one run folder.

    Args:
      folder: the run folder; it must exist.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._kernel: int | None = None
        self._token = uuid.uuid4().hex
        self._released = threading.Event()

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._kernel is not None

    def take(self) -> None:
        """Takes the lock; waits STALE seconds when another machine's process left an `.owner` behind.

        Raises:
          UserError: another process writes the folder, or the folder is not writable.
        """
        if self.held:
            return
        with writing(self.folder):
            kernel = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            free, owner = _flock(kernel), self._owner()
            if free is False and (owner is None or owner.get("machine") == machine()):
                raise UserError(f"{self.folder} is being written by {_who(owner or {})}; wait for it or stop it")
            if owner is not None and not self._gone(owner, free is None):
                raise UserError(f"{self.folder} is being written by {_who(owner)}; wait for it or stop it")
            self._claim(owner)
            if free is False:
                fresh = self._new_kernel_lock()
                os.close(kernel)
                kernel = fresh
        except BaseException:
            os.close(kernel)
            raise
        self._kernel = kernel
        self._released.clear()
        threading.Thread(target=self._beat, daemon=True).start()

    def release(self) -> None:
        """Lets others in."""
        if self._kernel is None:
            return
        self._released.set()
        with contextlib.suppress(OSError):
            if (self._owner() or {}).get("token") == self._token:
                self._path.unlink()
        os.close(self._kernel)
        self._kernel = None

    @property
    def _path(self) -> Path:
        return self.folder / ".owner"

    def _owner(self) -> dict[str, Any] | None:
        return _read(self._path)

    def _gone(self, owner: dict[str, Any], lockless: bool) -> bool:
        """Whether the holder named in `.owner` is gone: known at once on its own machine, elsewhere after STALE seconds without a touch."""
        if owner.get("machine") == machine():
            return not (lockless and _alive(owner.get("pid")))
        touched = _touched(self._path)
        if touched is None or time.time() - touched / 1e9 > LONG_AGO:
            return True
        print(f"{self.folder.name} was left by {_who(owner)}; watching for {STALE:g} s whether it lives", file=sys.stderr, flush=True)
        give_up = time.monotonic() + STALE
        while time.monotonic() < give_up:
            time.sleep(min(1.0, STALE / 10))
            now = _touched(self._path)
            if now is None:
                return True
            if now != touched:
                return False
        return True

    def _new_kernel_lock(self) -> int:
        """A dead machine's lock stays with the old file; the new file has none."""
        fresh = self.folder / f".lock.{self._token}"
        kernel = os.open(fresh, os.O_RDWR | os.O_CREAT, 0o644)
        _flock(kernel)
        fresh.replace(self.folder / ".lock")
        return kernel

    def _claim(self, seen: dict[str, Any] | None) -> None:
        """Writes `.owner`, in the place of the dead one that was seen."""
        mine = {"token": self._token, "machine": machine(), "pid": os.getpid(), "job": os.environ.get("SLURM_JOB_ID")}
        with writing(self.folder):
            try:
                if seen is not None:
                    self._move_away(seen)
                _create(self._path, mine)
            except FileExistsError:
                raise UserError(f"{self.folder} is being written by {_who(self._owner() or {})}; wait for it or stop it") from None

    def _move_away(self, seen: dict[str, Any]) -> None:
        """Removes the `.owner` that was judged dead; when it is another's by now, that one was faster and gets it back."""
        away = self.folder / f".owner.{self._token}"
        with contextlib.suppress(FileNotFoundError):
            self._path.rename(away)
            moved = _read(away) or {}
            away.unlink()
            if moved.get("token") != seen.get("token"):
                _create(self._path, moved)
                raise FileExistsError

    def _beat(self) -> None:
        while not self._released.wait(BEAT):
            owner = self._owner()
            if self._released.is_set():
                return
            if owner is not None and owner.get("token") != self._token:
                print(f"{self.folder.name} was taken over by {_who(owner)}; this process ends without writing", file=sys.stderr, flush=True)
                os._exit(LOST)
            with contextlib.suppress(OSError):
                os.utime(self._path)


def locked(folder: Path) -> bool:
    """Whether some process seems to write the folder; takes nothing and waits for nothing."""
    lockless = True
    with contextlib.suppress(FileNotFoundError, PermissionError):
        kernel = os.open(folder / ".lock", os.O_RDONLY)
        try:
            fcntl.flock(kernel, fcntl.LOCK_SH | fcntl.LOCK_NB)
            lockless = False
        except BlockingIOError:
            return True
        except OSError:
            pass
        finally:
            os.close(kernel)
    owner, touched = _read(folder / ".owner"), _touched(folder / ".owner")
    if owner is None or touched is None:
        return False
    if owner.get("machine") == machine():
        return lockless and _alive(owner.get("pid"))
    return abs(time.time() - touched / 1e9) < 2 * STALE  # twice: clocks of machines differ


def _create(path: Path, content: dict[str, Any]) -> None:
    file = path.open("x", encoding="utf-8", newline="\n")  # fails when it is there: of several that claim at once, one wins
    try:
        with file:
            json.dump(content, file)
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _flock(kernel: int) -> bool | None:
    """Takes the kernel lock and returns True, False when another holds it, None when this file system has none."""
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(kernel, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > give_up:
                return False
            time.sleep(0.05)
        except OSError:
            return None


def _read(path: Path) -> dict[str, Any] | None:
    """Returns the content of an `.owner`, empty when it is not readable, None when it is absent."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _touched(path: Path) -> int | None:
    try:
        with path.open("rb") as file:  # opening makes NFS ask the server, a plain stat may be a minute old
            return os.fstat(file.fileno()).st_mtime_ns
    except OSError:
        return None


def _alive(pid: object) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, TypeError, ValueError):
        return False
    except PermissionError:
        return True
    return True


def _who(owner: dict[str, Any]) -> str:
    if not owner:
        return "another process"
    job = f" of SLURM job {owner['job']}" if owner.get("job") else ""
    return f"another process ({owner.get('pid')} on {str(owner.get('machine')).split(' ')[0]}{job})"
