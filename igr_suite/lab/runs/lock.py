"""The lock of a run folder: a kernel lock, and a heartbeat beside it that stops with its process or its machine.

The kernel's flock ends with the process and is enough on one machine. Between machines it may not exist (Lustre without
-o flock) or may outlive a dead node (NFS). So the holder also touches `.owner` every BEAT seconds. A process on another
machine that finds the file watches it for STALE seconds, by its own clock only: if the file is touched in that time,
its holder is alive; otherwise the holder is dead and the lock is taken over.

`.owner` appears whole or not at all, and it does not vanish while its holder is replaced: of several processes that
judge the same holder dead, only the one that creates `.owner.<hash of the dead holder's token>` replaces the file by
its own. A holder that finds another process in `.owner` (because its machine was suspended for so long) writes nothing
more: it checks the file before every write, and its heartbeat ends the process.
"""

import contextlib
import fcntl
import hashlib
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from igr_suite.errors import UserError
from igr_suite.lab.runs.files import writing
from igr_suite.lab.runs.owner_file import create, describe, inode, modification_time, read_owner, write_beside
from igr_suite.terminal import say

PATIENCE = 1.0  # seconds; `igr status` holds the kernel lock for an instant when it looks
BEAT = 15.0  # seconds between touches of .owner
STALE = 120.0  # seconds without a touch after which another machine's holder counts as dead
SETTLING = 0.2  # seconds after a take-over until the new holder checks that .owner still names it
LOST = 75  # exit code of a holder whose lock was taken over


class TakenOver(UserError):
    """Another process has taken the lock over, so this one must not write."""


def machine() -> str:
    """Returns a name for this boot of this machine; process ids may be compared where the names are equal."""
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
            kernel = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_NONBLOCK, 0o644)
        try:
            free, owner = _flock(kernel), self._owner()
            if free is False and (owner is None or owner.get("machine") == machine()):
                raise self._refusal(owner)
            if owner is not None and not self._gone(owner, free):
                raise self._refusal(owner)
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
        """Releases the lock."""
        if self._kernel is None:
            return
        self._released.set()
        with contextlib.suppress(OSError):
            if (self._owner() or {}).get("token") == self._token:
                self._path.unlink()
        os.close(self._kernel)
        self._kernel = None

    def check(self) -> None:
        """Checks, before a write, that this object still holds the lock; does nothing when it was never taken.

        Raises:
          TakenOver: another process holds it, or the folder is gone, so that a write would make a run without its
            beginning.
        """
        if self.held:
            owner = self._owner()
            if owner is None and not _is_open(self._kernel, self.folder / ".lock"):
                raise TakenOver(
                    f"{self.folder} was deleted or replaced while the run went on; this process ends without writing"
                )
            if owner is not None and owner.get("token") != self._token:
                raise TakenOver(
                    f"{self.folder.name} was taken over by {describe(owner)}; this process ends without writing"
                )

    @property
    def _path(self) -> Path:
        return self.folder / ".owner"

    def _owner(self) -> dict[str, Any] | None:
        return read_owner(self._path)

    def _refusal(self, owner: dict[str, Any] | None) -> UserError:
        return UserError(f"{self.folder} is being written by {describe(owner or {})}; wait for it or stop it")

    def _gone(self, owner: dict[str, Any], free: bool | None) -> bool:
        """Returns whether the holder named in `.owner` has ended.

        That is known at once on its own machine, and also where the kernel's lock is free and the file was copied along
        with its folder or is damaged. Otherwise the file is watched: the clocks of machines differ, so its date proves
        nothing.
        """
        if owner.get("machine") == machine():
            return not (free is None and _alive(owner.get("pid")))
        if free and ("token" not in owner or owner.get("place", inode(self.folder)) != inode(self.folder)):
            return True
        touched = modification_time(self._path)
        if touched is None:
            return True
        say(
            f"{self.folder.name} was left by {describe(owner)}; watching for {STALE:g} s whether it is alive",
            error=True,
        )
        give_up = time.monotonic() + STALE
        while time.monotonic() < give_up:
            time.sleep(min(1.0, STALE / 10))
            now = modification_time(self._path)
            if now is None:
                return True
            if now != touched:
                return False
        return True

    def _new_kernel_lock(self) -> int:
        """Replaces the lock file by a new one and locks it; a dead machine's lock stays with the old file."""
        fresh = self.folder / f".lock.{self._token}"
        kernel = os.open(fresh, os.O_RDWR | os.O_CREAT, 0o644)
        _flock(kernel)
        fresh.replace(self.folder / ".lock")
        return kernel

    def _claim(self, seen: dict[str, Any] | None) -> None:
        """Writes `.owner`, in the place of the dead holder's where one was seen.

        Raises:
          UserError: another process was faster.
        """
        mine = {"token": self._token, "machine": machine(), "pid": os.getpid(), "job": os.environ.get("SLURM_JOB_ID")}
        mine["place"] = inode(self.folder)
        with writing(self.folder):
            try:
                if seen is None:
                    create(self._path, mine)
                    return
                with self._alone_over(seen):
                    now = self._owner()
                    if now is None:  # released in the meantime
                        create(self._path, mine)
                        return
                    if now != seen:
                        raise FileExistsError
                    fresh = write_beside(self._path, mine)
                    fresh.replace(self._path)
            except FileExistsError:
                raise self._refusal(self._owner()) from None
        time.sleep(SETTLING)  # a process may have been suspended between its check and its replacement
        if (self._owner() or {}).get("token") != self._token:
            raise self._refusal(self._owner())

    @contextlib.contextmanager
    def _alone_over(self, seen: dict[str, Any]) -> Iterator[None]:
        """Keeps out the other processes that have judged the same holder dead.

        A process that died in this block leaves its file behind. The file is moved away at once where that death is
        known, on its own machine, and elsewhere after STALE seconds.

        Raises:
          FileExistsError: another process is in the block.
        """
        path = self.folder / f".owner.{hashlib.sha256(str(seen.get('token')).encode()).hexdigest()[:16]}"
        mine = {"token": self._token, "machine": machine(), "pid": os.getpid()}
        try:
            create(path, mine)
        except FileExistsError:
            first, give_up = read_owner(path), time.monotonic() + STALE
            while time.monotonic() < give_up and not _dead_here(first):
                if read_owner(path) != first or self._owner() != seen:
                    raise
                time.sleep(min(1.0, STALE / 10))
            away = self.folder / f".owner.{self._token}"
            with contextlib.suppress(FileNotFoundError):
                path.rename(away)
                if read_owner(away) != first:  # another process has moved the dead file away; this one is its own
                    with contextlib.suppress(OSError):
                        os.link(away, path)
                    away.unlink()
                    raise
                away.unlink()
            create(path, mine)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                path.unlink()

    def _beat(self) -> None:
        while not self._released.wait(BEAT):
            try:
                self.check()
            except TakenOver as error:
                if self._released.is_set():
                    return
                say(error, error=True)
                os._exit(LOST)
            with contextlib.suppress(OSError):
                os.utime(self._path)


def left_elsewhere(folder: Path) -> bool:
    """Returns whether a process of another machine seems to have left the lock, so that taking it would take STALE
    seconds."""
    owner = read_owner(folder / ".owner")
    return owner is not None and owner.get("machine") != machine()


def locked(folder: Path) -> bool:
    """Returns whether some process seems to write the folder; takes no lock and does not wait."""
    lockless = True
    with contextlib.suppress(OSError):
        kernel = os.open(folder / ".lock", os.O_RDONLY | os.O_NONBLOCK)
        try:
            fcntl.flock(kernel, fcntl.LOCK_SH | fcntl.LOCK_NB)
            lockless = False
        except BlockingIOError:
            return True
        except OSError:
            pass
        finally:
            os.close(kernel)
    owner, touched = read_owner(folder / ".owner"), modification_time(folder / ".owner")
    if owner is None or touched is None:
        return False
    if owner.get("machine") == machine():
        return lockless and _alive(owner.get("pid"))
    return abs(time.time() - touched / 1e9) < 2 * STALE  # twice, because the clocks of machines differ


def _is_open(kernel: int, path: Path) -> bool:
    """Returns whether a path leads to an open file; no other file gets the inode number of an open one."""
    try:
        return os.path.samestat(os.fstat(kernel), path.stat())
    except OSError:
        return False


def _flock(kernel: int) -> bool | None:
    """Takes the kernel lock: returns True, False when another process holds it, None when the file system has no
    locks."""
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


def _alive(pid: object) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, TypeError, ValueError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _dead_here(owner: dict[str, Any] | None) -> bool:
    """Returns whether the owner was a process of this machine that has ended."""
    return bool(owner) and owner.get("machine") == machine() and not _alive(owner.get("pid"))
