"""Checkpoints: the whole state of a training run in one file, written atomically and checked when read."""

import hashlib
import io
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from igr_suite.errors import UserError

KEEP = 2  # the newest two: the older one is the way out when the newest is damaged from outside
_MAGIC = b"igr-checkpoint 1\n"


@dataclass
class State:
    """What a run needs to go on: its step, its arrays in the order of the variables, and the host's own numbers."""

    step: int
    arrays: list[np.ndarray]
    host: dict = field(default_factory=dict)


def save(folder: Path, state: State) -> Path:
    """Writes `step_<n>.ckpt`: magic line, SHA-256 of the rest, npz. A reader sees the whole file or none.

    Args:
      folder: the run's checkpoint folder; made if missing.
      state: what to keep.
    Returns:
      The file's path.
    Raises:
      UserError: the folder cannot be written.
    """
    buffer = io.BytesIO()
    arrays = {f"a{i:04d}": array for i, array in enumerate(state.arrays)}
    np.savez(buffer, host=np.frombuffer(json.dumps({"step": state.step, **state.host}).encode(), np.uint8), **arrays)
    body = buffer.getvalue()
    path = folder / f"step_{state.step:09d}.ckpt"
    partial = path.with_suffix(f".{os.getpid()}.part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(_MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        for old in paths(folder)[:-KEEP]:
            old.unlink()
    except OSError as error:
        raise UserError(
            f"cannot write the checkpoint {path}: {error.strerror}; free space or choose another folder with --results"
        ) from error
    return path


def paths(folder: Path) -> list[Path]:
    """Checkpoint files of a folder, oldest first."""
    return sorted(p for p in folder.glob("step_*.ckpt") if re.fullmatch(r"step_\d{9}\.ckpt", p.name))


def latest(folder: Path) -> State | None:
    """Reads the newest checkpoint; None when there is none.

    Raises:
      UserError: the newest file is truncated or altered; the sentence says how to go on without losing anything.
    """
    found = paths(folder)
    return load(found[-1]) if found else None


def load(path: Path) -> State:
    """Reads one checkpoint file and checks its SHA-256.

    Raises:
      UserError: truncated, altered or of another version.
    """
    content = path.read_bytes()
    head = len(_MAGIC) + 65
    body = content[head:]
    if content[: len(_MAGIC)] != _MAGIC or content[len(_MAGIC) : head - 1] != hashlib.sha256(body).hexdigest().encode():
        others = [p for p in paths(path.parent) if p != path]
        way_out = f"the run then goes on from {others[-1].name}" if others else "the run then starts again at step 0"
        raise UserError(f"the checkpoint {path} is truncated or damaged ({len(content)} bytes); move it away and run again: {way_out}")
    with np.load(io.BytesIO(body)) as archive:
        host = json.loads(archive["host"].tobytes())
        arrays = [archive[key] for key in sorted(archive.files) if key != "host"]
    return State(step=host.pop("step"), arrays=arrays, host=host)
