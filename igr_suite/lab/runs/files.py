"""Files of a run: atomic writes, JSON with NaN and infinities, and operating system errors as sentences."""

import contextlib
import fcntl
import json
import math
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from igr_suite.errors import UserError
from igr_suite.lab.runs.reading import ABSENT, LARGEST, parse_json, read_regular

NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
ELSEWHERE = "choose another results folder with --results PATH or IGR_RESULTS"


@contextlib.contextmanager
def writing(path: Path, way_out: str = ELSEWHERE) -> Iterator[None]:
    """Turns an operating system error while writing `path` into a sentence that ends with `way_out`.

    Raises:
      UserError: `path` cannot be written, because the folder is read-only or the disk is full, for instance.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"cannot write {path}: {reason}; {way_out}") from error


def write_atomically(path: Path, content: bytes, way_out: str = ELSEWHERE) -> None:
    """Writes a file so that readers, and a crash at any moment, see either the old content or the new."""
    with file_in_the_making(path, way_out) as file:
        file.write(content)


@contextlib.contextmanager
def file_in_the_making(path: Path, way_out: str = ELSEWHERE) -> Iterator[BinaryIO]:
    """Yields a file that replaces `path` at the end of the block; when the block raises, the old file stays.

    Raises:
      UserError: the file cannot be written, or the path names a folder ("/", "..", an existing one).
    """
    if path.name in ("", "..") or path.is_dir():
        raise UserError(f"cannot write {path}: it is a folder; name a file in it")
    temporary = path.with_name(f".{path.name[:200]}.{uuid.uuid4().hex}.tmp")
    with writing(path, way_out):
        try:
            with temporary.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


# Names of files that only a killed writer leaves behind: those of atomic writes, checkpoints, the lock and progress.
LEFT_BEHIND = (".*.tmp", "*.part", ".lock.*", ".owner.*", "progress.json")


def sweep(folder: Path) -> None:
    """Removes what killed writers left in a run folder and its checkpoints; only the holder of the folder's lock may
    call this."""
    for path in left_behind(folder):
        with contextlib.suppress(OSError):
            path.unlink()


def left_behind(folder: Path) -> list[Path]:
    """Returns the temporary files in a run folder and its checkpoints, including those of a writer that still runs."""
    return [
        path for place in (folder, folder / "checkpoints") for pattern in LEFT_BEHIND for path in place.glob(pattern)
    ]


def write_section(path: Path, name: str, content: str) -> None:
    """Replaces the part of a text file between the lines `<!-- name -->` and `<!-- end of name -->`.

    Raises:
      UserError: the file cannot be read or written, or does not hold these two lines once each, in this order.
    """
    first, last = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    try:
        text = read_regular(path).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    if text.count(first) != 1 or text.count(last) != 1 or text.index(first) > text.index(last):
        raise UserError(
            f"{path} has no section to write: put the lines {first.strip()} and {last.strip()} where it belongs"
        )
    before, after = text[: text.index(first) + len(first)], text[text.index(last) :]
    write_atomically(path, (before + content + after).encode(), "choose a file that can be written")


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Makes a folder and lets only one process at a time into the block; the others wait.

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


def write_json(path: Path, content: Any, spare: Path | None = None) -> None:
    """Writes JSON values, numpy scalars and arrays included, atomically.

    Args:
      path: the file.
      content: JSON values.
      spare: a larger file on the same disk; it is overwritten and renamed to `path` when no new file can be written.
    """
    text = (json.dumps(encode(content), indent=2, allow_nan=False) + "\n").encode()
    try:
        write_atomically(path, text)
    except UserError:
        if spare is None or not _written_over(spare, text):
            raise
        spare.replace(path)


def _written_over(path: Path, content: bytes) -> bool:
    """Replaces the content of a file without allocating space, and returns whether that succeeded."""
    try:
        if path.stat().st_size < len(content):
            return False
        with path.open("r+b") as file:
            file.write(content)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        return False
    return True


def read_json(path: Path, way_out: str) -> Any:
    """Returns the content of a JSON file, None when it is absent.

    Raises:
      UserError: the file is damaged; the sentence ends with `way_out`.
    """
    try:
        return decode(parse_json(read_regular(path, LARGEST)))
    except ABSENT:
        return None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise UserError(f"{path} is damaged (not JSON); {way_out}") from None
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); {way_out}") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error


def encode(value: Any) -> Any:
    """Returns JSON values: NaN and infinities as the strings "NaN", "Infinity", "-Infinity"; arrays and tensors as
    numbers or lists."""
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
