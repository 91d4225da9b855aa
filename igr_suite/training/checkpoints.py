"""Checkpoints: the whole state of a training run in one file, which is written atomically and checked before any of it
is used."""

import hashlib
import io
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from igr_suite.errors import UserError
from igr_suite.lab.runs.arrays import BadArchive, read_arrays
from igr_suite.lab.runs.reading import read_regular

KEEP = 2  # the newest two: the run resumes from the older one if the newest is damaged from outside
_MAGIC = b"igr-checkpoint 1\n"
NAME = re.compile(r"step_\d{9}\.ckpt", re.ASCII)


@dataclass
class State:
    """What a run needs to resume: its step, its arrays in the order of the variables, and the host's own numbers."""

    step: int
    arrays: list[np.ndarray]
    host: dict = field(default_factory=dict)


def save(folder: Path, state: State) -> Path:
    """Writes `step_<n>.ckpt`: a magic line, the SHA-256 of the rest, an npz. A reader sees the complete file or none.

    Args:
      folder: the run's checkpoint folder; made if missing.
      state: of the run.
    Returns:
      The file's path.
    Raises:
      UserError: the folder cannot be written.
    """
    buffer = io.BytesIO()
    arrays = {f"a{i:04d}": array for i, array in enumerate(state.arrays)}
    np.savez(buffer, host=np.frombuffer(json.dumps({"step": state.step, **state.host}).encode(), np.uint8), **arrays)
    body = buffer.getvalue()
    path = path_of(folder, state.step)
    partial = path.with_suffix(f".{os.getpid()}.part")
    try:
        folder.mkdir(exist_ok=True)  # without parents: a run's folder that was deleted meanwhile is not made again
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
    return sorted(p for p in folder.glob("step_*.ckpt") if NAME.fullmatch(p.name))


def path_of(folder: Path, step: int) -> Path:
    """The file of a step's checkpoint."""
    return folder / f"step_{step:09d}.ckpt"


def latest(folder: Path) -> State | None:
    """Reads the newest checkpoint; None when there is none.

    Raises:
      UserError: the newest file is truncated, altered or not what a run saves; the message says how to continue without
        losing anything.
    """
    files = paths(folder)
    return load(files[-1]) if files else None


def load(path: Path) -> State:
    """Reads one checkpoint file and checks all that can be checked without the model: SHA-256, step, sizes, types and
    values.

    A checksum shows that a file is unchanged, not that a run wrote it, and a results folder may come from elsewhere.
    Nothing is unpacked or allocated before the file is known to hold as many bytes as it claims.

    Raises:
      UserError: the file is truncated, altered, of another version, or not what a run saves.
    """
    content = read_regular(path)
    head = len(_MAGIC) + 65
    body = content[head:]
    if content[: len(_MAGIC)] != _MAGIC or content[len(_MAGIC) : head - 1] != hashlib.sha256(body).hexdigest().encode():
        raise damaged(path, f"truncated or damaged ({len(content)} bytes)")
    try:
        state = _unpack(body)
        if NAME.fullmatch(path.name) and state.step != int(path.stem.removeprefix("step_")):
            raise _Fault(f"it is of step {state.step}")
    except _Fault as fault:
        raise damaged(path, f"not what a run saves: {fault}") from None
    return state


def damaged(path: Path, what: str) -> UserError:
    """The error about a checkpoint that cannot be used; its message says how to continue without losing anything.

    Args:
      path: of the file.
      what: completes the sentence "the checkpoint is ...".
    """
    others = [p for p in paths(path.parent) if p != path]
    way_out = f"the run then goes on from {others[-1].name}" if others else "the run then starts again at step 0"
    return UserError(f"the checkpoint {path} is {what}; move it away and run again: {way_out}")


class _Fault(Exception):
    """A defect of a checkpoint whose checksum is correct."""


def _unpack(body: bytes) -> State:
    """Reads the archive that `save` wrote.

    Raises:
      _Fault: it is not such an archive.
    """
    try:
        arrays = read_arrays(body)
    except BadArchive as error:
        raise _Fault(str(error)) from None
    names = [f"a{i:04d}" for i in range(len(arrays) - 1)]
    if set(arrays) != {"host", *names}:
        raise _Fault("its archive has other members than host and arrays")
    for name in names:
        if arrays[name].dtype.kind in "fc" and not np.isfinite(arrays[name]).all():
            raise _Fault(f"{name}.npy holds numbers that are not finite")
    host = arrays["host"]
    try:
        numbers = json.loads(host.tobytes()) if host.dtype == np.uint8 else None
    except (ValueError, RecursionError):
        numbers = None
    if not isinstance(numbers, dict) or type(numbers.get("step")) is not int or numbers["step"] < 0:
        raise _Fault("its host.npy does not say of which step it is")
    return State(step=numbers.pop("step"), arrays=[arrays[name] for name in names], host=numbers)
