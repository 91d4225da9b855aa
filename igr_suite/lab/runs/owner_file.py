"""The file `.owner` of a run folder: who holds its lock, written whole or not at all."""

import json
import os
import uuid
from pathlib import Path
from typing import Any

from igr_suite.lab.runs.reading import ABSENT, open_regular, parse_json, read_regular

LARGEST_OWNER = 1 << 20  # bytes; `.owner` has two hundred


def create(path: Path, content: dict[str, Any]) -> None:
    """Makes a file that other processes see whole or not at all.

    Raises:
      FileExistsError: the file exists; of several processes that make it at once, one succeeds.
    """
    fresh = write_beside(path, content)
    try:
        os.link(fresh, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: two steps, of which the first decides
        with path.open("x", encoding="utf-8", newline="\n") as file:
            json.dump(content, file)
    finally:
        fresh.unlink(missing_ok=True)


def write_beside(path: Path, content: dict[str, Any]) -> Path:
    """Writes a file beside `path` under a unique name and returns its path."""
    fresh = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with fresh.open("x", encoding="utf-8", newline="\n") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    return fresh


def inode(folder: Path) -> int | None:
    """Returns the folder's inode number, which a copy of it does not have; None when it cannot be read."""
    try:
        return folder.stat().st_ino
    except OSError:
        return None


def read_owner(path: Path) -> dict[str, Any] | None:
    """Returns the content of an `.owner`, empty when it is not readable, None when it is absent."""
    try:
        content = parse_json(read_regular(path, LARGEST_OWNER))
    except ABSENT:
        return None
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def modification_time(path: Path) -> int | None:
    """Returns when a file was last touched, in nanoseconds of its server's clock; None when it is absent."""
    try:
        with open_regular(path) as file:  # opening makes NFS ask the server, a plain stat may be a minute old
            return os.fstat(file.fileno()).st_mtime_ns
    except OSError:
        return None


def describe(owner: dict[str, Any]) -> str:
    """Returns the holder of a lock in words: "another process (4711 on node3 of SLURM job 12)"."""
    if not owner:
        return "another process"
    job = f" of SLURM job {owner['job']}" if owner.get("job") else ""
    return f"another process ({owner.get('pid')} on {str(owner.get('machine')).split(' ')[0]}{job})"
