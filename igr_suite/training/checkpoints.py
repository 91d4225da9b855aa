"""Checkpoints: the whole state of a training run in one file, written atomically and checked, before anything is believed, when read."""

import hashlib
import io
import json
import math
import os
import re
import struct
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from igr_suite.errors import UserError

KEEP = 2  # the newest two: the older one is the way out when the newest is damaged from outside
_MAGIC = b"igr-checkpoint 1\n"
NAME = re.compile(r"step_\d{9}\.ckpt", re.ASCII)
# numpy's header of an array of bools, integers, floats or complex numbers; everything else is refused, objects above all
HEADER = re.compile(
    rb"\{'descr': '(?P<dtype>[<>|][biufc]\d{1,2})', 'fortran_order': (?P<order>True|False), 'shape': \((?P<shape>[0-9, ]{0,200})\), \} *\n"
)


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
    path = path_of(folder, state.step)
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
    return sorted(p for p in folder.glob("step_*.ckpt") if NAME.fullmatch(p.name))


def path_of(folder: Path, step: int) -> Path:
    """The file of a step's checkpoint."""
    return folder / f"step_{step:09d}.ckpt"


def latest(folder: Path) -> State | None:
    """Reads the newest checkpoint; None when there is none.

    Raises:
      UserError: the newest file is truncated, altered or not what a run saves; the sentence says how to go on without losing anything.
    """
    found = paths(folder)
    return load(found[-1]) if found else None


def load(path: Path) -> State:
    """Reads one checkpoint file and checks all that can be checked without the model: SHA-256, step, sizes, kinds and values.

    A checksum shows that a file is as somebody wrote it, not that a run did, and a results folder may come from elsewhere. Nothing of the
    file is unpacked, allocated or believed before its size is known to be in the file.

    Raises:
      UserError: truncated, altered, of another version, or not what a run saves.
    """
    content = path.read_bytes()
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
    """The sentence about a checkpoint that cannot be used; says how to go on without losing anything.

    Args:
      path: of the file.
      what: ends "the checkpoint is ...".
    """
    others = [p for p in paths(path.parent) if p != path]
    way_out = f"the run then goes on from {others[-1].name}" if others else "the run then starts again at step 0"
    return UserError(f"the checkpoint {path} is {what}; move it away and run again: {way_out}")


class _Fault(Exception):
    """What speaks against a checkpoint whose checksum fits."""


def _unpack(body: bytes) -> State:
    """Reads the archive that `save` wrote.

    Raises:
      _Fault: it is another one.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            host, *arrays = [_array(archive.read(member), member.filename) for member in _members(archive, len(body))]
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, struct.error) as error:
        raise _Fault(f"its archive cannot be read ({error})") from None
    try:
        numbers = json.loads(host.tobytes()) if host.dtype == np.uint8 else None
    except (ValueError, RecursionError):
        numbers = None
    if not isinstance(numbers, dict) or type(numbers.get("step")) is not int or numbers["step"] < 0:
        raise _Fault("its host.npy does not say of which step it is")
    return State(step=numbers.pop("step"), arrays=arrays, host=numbers)


def _members(archive: zipfile.ZipFile, size: int) -> list[zipfile.ZipInfo]:
    """The archive's members, the host's numbers first; no member is packed, so that none is larger than the file."""
    found = {member.filename: member for member in archive.infolist()}
    names = ["host.npy", *(f"a{i:04d}.npy" for i in range(len(found) - 1))]
    if set(found) != set(names) or len(archive.infolist()) != len(names):
        raise _Fault("its archive has other members than host and arrays")
    for member in found.values():
        if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
            raise _Fault(f"{member.filename} would inflate from {member.compress_size} to {member.file_size} bytes")
    total = sum(member.file_size for member in found.values())
    if total > size:
        raise _Fault(f"its members hold {total} bytes, the file {size}")
    return [found[name] for name in names]


def _array(content: bytes, name: str) -> np.ndarray:
    """An array of an .npy file as `numpy.save` writes it; numbers only, and as many as the header says."""
    length = int.from_bytes(content[8:10], "little")
    header = HEADER.fullmatch(content[10 : 10 + length])
    if content[:8] != b"\x93NUMPY\x01\x00" or header is None:
        raise _Fault(f"{name} is no array of numbers")
    try:
        dtype = np.dtype(header["dtype"].decode())
        shape = tuple(int(number) for number in header["shape"].replace(b",", b" ").split())
    except (TypeError, ValueError):
        raise _Fault(f"{name} is no array of numbers") from None
    held = len(content) - 10 - length
    if math.prod(shape) * dtype.itemsize != held:
        raise _Fault(f"{name} holds {held} bytes, and its header says {dtype.name} {list(shape)}")
    array = np.frombuffer(content[10 + length :], dtype).reshape(shape, order="F" if header["order"] == b"True" else "C").copy()
    if dtype.kind in "fc" and not np.isfinite(array).all():
        raise _Fault(f"{name} holds numbers that are not finite")
    return array
