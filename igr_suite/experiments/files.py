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
ELSEWHERE = "choose another results folder with --results PATH or IGR_RESULTS"


@contextlib.contextmanager
def writing(path: Path, way_out: str = ELSEWHERE) -> Iterator[None]:
    """Turns an operating system error while writing `path` into a sentence that ends with `way_out`.

    Raises:
      UserError: the folder is not writable, the disk is full ...
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"cannot write {path}: {reason}; {way_out}") from error


def write_atomically(path: Path, content: bytes, way_out: str = ELSEWHERE) -> None:
    """Writes a file so that readers, and a crash at any moment, see either the old content or the new."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with writing(path, way_out):
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


def write_section(path: Path, name: str, content: str) -> None:
    """Replaces what stands in a text file between the lines `<!-- name -->` and `<!-- end of name -->`.

    Raises:
      UserError: the file cannot be read or written, or does not hold these two lines once each, in this order.
    """
    first, last = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    if text.count(first) != 1 or text.count(last) != 1 or text.index(first) > text.index(last):
        raise UserError(f"{path} has no section to write: put the lines {first.strip()} and {last.strip()} where it belongs")
    before, after = text[: text.index(first) + len(first)], text[text.index(last) :]
    write_atomically(path, (before + content + after).encode(), "choose a file that can be written")


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
