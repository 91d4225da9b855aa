"""Kills the process at its n-th change of the file system: Python imports this when it starts with this folder on
PYTHONPATH.

Nothing happens without ATTACK_CALL. With it, calls below the folder ATTACK_PLACE are counted from the moment at which
both variables are there: files opened for writing, renamed, removed, linked, truncated, synced, and folders made or
removed. At call number ATTACK_CALL the process kills itself with SIGKILL, before the call; with ATTACK_TORN=1 and a
sync, the last bytes of the file are lost, as in a write that was cut short. Every call is written into the file
ATTACK_LOG, where that is set.
"""

import os
import signal
import sys

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_EVENTS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate")
_count, _busy = {}, []


def _reached(what: str, place: object, number: int | None = None) -> None:
    wanted = os.environ.get("ATTACK_CALL")
    if wanted is None or _busy:
        return
    _busy.append(1)
    try:
        try:
            path = os.readlink(f"/proc/self/fd/{place}") if isinstance(place, int) else os.fsdecode(place)  # noqa: PTH115 nothing more is imported
        except (OSError, TypeError):
            return
        if not os.path.abspath(path).startswith(os.environ.get("ATTACK_PLACE", "/nowhere")):  # noqa: PTH100
            return
        mine = os.getpid()
        _count[mine] = _count.get(mine, 0) + 1
        if os.environ.get("ATTACK_LOG"):
            log = os.open(os.environ["ATTACK_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.write(log, f"{_count[mine]} {what} {path}\n".encode())
            os.close(log)
        if _count[mine] == int(wanted):
            if number is not None and os.environ.get("ATTACK_TORN") == "1":
                os.truncate(f"/proc/self/fd/{number}", max(0, os.fstat(number).st_size - 7))
            os.kill(mine, signal.SIGKILL)
    finally:
        _busy.clear()


def _heard(event: str, arguments: tuple) -> None:
    if event == "open":
        if arguments[2] is not None and arguments[2] & _WRITES:
            _reached("open", arguments[0])
    elif event in _EVENTS:
        _reached(event, arguments[0])


def _watched(name: str):
    real = getattr(os, name)

    def call(number, *rest):
        _reached(name, number, number if isinstance(number, int) else None)
        return real(number, *rest)

    return call


if "ATTACK_PLACE" in os.environ:
    sys.addaudithook(_heard)
    os.fsync, os.fdatasync = _watched("fsync"), _watched("fdatasync")
