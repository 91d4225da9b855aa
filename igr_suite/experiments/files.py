"""Files of a run: atomic writes, JSON that survives NaN, and operating system errors as sentences."""

import contextlib
import fcntl
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from igr_suite.errors import UserError

NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns an operating system error while writing `path` into a sentence.

    Raises:
      UserError: the folder is not writable, the disk is full ...
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"cannot write {path}: {reason}; choose another results folder with --results PATH or IGR_RESULTS") from error


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file so that readers, and a crash at any moment, see either the old content or the new."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with writing(path):
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Makes a folder and keeps the other processes that ask for the same out of it, waiting for them first.

    Raises:
      UserError: the folder cannot be made.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks: work without them
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def write_json(path: Path, content: Any) -> None:
    """Writes JSON values, numpy scalars and arrays included, atomically."""
    write_atomically(path, (json.dumps(encode(content), indent=2, allow_nan=False) + "\n").encode())


def read_json(path: Path, way_out: str) -> Any:
    """Returns the content of a JSON file, None when it is absent.

    Raises:
      UserError: the file is damaged; the sentence ends with `way_out`.
    """
    try:
        return decode(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        return None
    except ValueError:
        raise UserError(f"{path} is damaged (not JSON); {way_out}") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error


def encode(value: Any) -> Any:
    """Returns JSON values: NaN and infinities as the strings "NaN", "Infinity", "-Infinity"; arrays and tensors as numbers or lists."""
    if isinstance(value, dict):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else json.dumps(value)
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "numpy"):
        value = value.numpy()
    if getattr(value, "ndim", 0):
        return [encode(item) for item in value]
    if getattr(getattr(value, "dtype", None), "name", "") in ("float16", "float32"):
        return encode(float(str(value)))  # the shortest digits that give this float32 back
    if hasattr(value, "item"):
        return encode(value.item())
    raise TypeError(f"cannot store a {type(value).__name__} as JSON: {value!r}")


def decode(value: Any) -> Any:
    """Returns what `encode` was given, with arrays as lists."""
    if isinstance(value, dict):
        return {key: decode(item) for key, item in value.items()}
    if isinstance(value, list):
        return [decode(item) for item in value]
    return NON_FINITE.get(value, value) if isinstance(value, str) else value
