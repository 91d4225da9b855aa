"""Reads files that may be damaged or malicious: without blocking, without running anything, and without ambiguity.

Everything in a results folder is read with these functions, so that a pipe in the place of a file does not block, and
JSON that two programs could read in two ways (equal keys, NaN, numbers that no float holds) counts as damaged.
"""

import errno
import json
import math
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

LARGEST = 64 << 20  # bytes of a JSON file; those of a run have a few thousand
DEEPEST = 20  # levels of objects and lists; a run's files have three
DIGITS = 40  # of an integer
_DIGITS = bytes.maketrans(b"123456789E", b"000000000e")
_ODD = (b"0" * (DIGITS + 1), b"e000", b"e+000", b"[[[")  # searched for after all digits have been replaced by 0
ABSENT = (FileNotFoundError, NotADirectoryError)


def open_regular(path: str | Path) -> BinaryIO:
    """Opens a file for reading.

    Raises:
      OSError: the file is absent, or a pipe, a device, a socket or a folder is in its place.
    """
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(number).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is not a file but a pipe or a device", str(path))
        return os.fdopen(number, "rb")
    except BaseException:
        os.close(number)
        raise


def read_regular(path: str | Path, largest: int | None = None) -> bytes:
    """Returns the content of a file.

    Args:
      path: the file.
      largest: number of bytes beyond which it is not read.
    Raises:
      OSError: as in `open_regular`, or the file is larger.
    """
    with open_regular(path) as file:
        content = file.read() if largest is None else file.read(largest + 1)
    if largest is not None and len(content) > largest:
        raise OSError(errno.EFBIG, f"it is larger than {largest >> 20} MiB", str(path))
    return content


def present(path: str | Path) -> bool:
    """Returns whether the path exists, readable or not."""
    try:
        os.stat(path)  # noqa: PTH116 the path may be a str
    except ABSENT:
        return False
    except OSError:
        return True
    return True


def not_to_be_copied(folder: Path) -> str:
    """Returns the first entry below a run's folder whose copy would never end or would not be equal; "" where there is
    none.

    Such entries are pipes and devices, links that are broken or lead to a folder above them, and unreadable files.
    """
    waiting = [(folder, frozenset())]
    while waiting:
        place, above = waiting.pop()
        try:
            state = place.stat()
            if stat.S_ISREG(state.st_mode):
                if not os.access(place, os.R_OK):
                    return f"{place.relative_to(folder)} (Permission denied)"
            elif stat.S_ISDIR(state.st_mode):
                mark = state.st_dev, state.st_ino
                if mark in above:
                    return f"{place.relative_to(folder)} (a link to a folder above it)"
                waiting += [(path, above | {mark}) for path in place.iterdir()]
            else:
                return f"{place.relative_to(folder)} (a pipe or a device)"
        except OSError as error:
            return f"{place.relative_to(folder)} ({error.strerror})"
    return ""


def parse_json(content: bytes) -> Any:
    """Returns the values of a JSON text.

    Raises:
      ValueError: the text is not JSON in UTF-8, or has equal keys, numbers that no float holds, unpaired surrogates, or
        more than DEEPEST levels.
    """
    try:
        text = content.decode()
        value = json.loads(text)
        levels, names = _levels_and_names(value)
        if _odd(content, names):  # check pairs and numbers one by one, which takes several times as long
            value = json.loads(
                text, object_pairs_hook=_group, parse_int=_whole, parse_float=_number, parse_constant=_number
            )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if levels > DEEPEST:
        raise ValueError(f"it is nested more than {DEEPEST} levels deep")
    if b"\\u" in content:
        # an unpaired surrogate cannot be encoded and raises a UnicodeEncodeError
        json.dumps(value, ensure_ascii=False).encode()
    return value


def plain(content: bytes, rows: Sequence[dict[str, Any]]) -> bool:
    """Returns whether rows from `json.loads` are certainly those that `parse_json` would give.

    Args:
      content: the JSON list of rows.
      rows: the rows that were parsed from it.
    """
    return content.count(b"{") == len(rows) and not _odd(content, sum(map(len, rows))) and b"\\u" not in content


def _odd(content: bytes, names: int) -> bool:
    """Returns whether a JSON text may hold what `parse_json` refuses, or three nested lists, by searching its bytes.

    Args:
      content: the text.
      names: the number of keys that parsing gave; equal keys of one object were lost.
    """
    shapes = content.translate(_DIGITS, delete=b" \t\r\n")
    return (
        shapes.count(b'":') != names
        or any(part in shapes for part in _ODD)
        or shapes.count(b"NaN") != shapes.count(b'"NaN"')
        or shapes.count(b"Infinity") != shapes.count(b'"Infinity"') + shapes.count(b'"-Infinity"')
    )


def _levels_and_names(value: Any) -> tuple[int, int]:
    """Returns the number of levels of objects and lists, of which DEEPEST + 1 are counted at most, and the number of
    keys in all."""
    deepest, names, level = 0, 0, [value]
    while deepest <= DEEPEST:
        inner: list[Any] = []
        nested = False
        for item in level:
            if isinstance(item, dict):
                names += len(item)
                inner += item.values()
                nested = True
            elif isinstance(item, list):
                inner += item
                nested = True
        if not nested:
            break
        deepest, level = deepest + 1, inner
    return deepest, names


def json_object(path: str | Path) -> dict[str, Any]:
    """Returns the object that a JSON file holds, empty where it is absent, unreadable, damaged or holds something else.

    For conveniences (an estimate, a progress bar); files that results depend on are read by `wholeness` and `store`.
    """
    try:
        value = parse_json(read_regular(path, LARGEST))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def is_number(value: Any) -> bool:
    """Returns whether a value is a finite number, and not true or false."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _group(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    group = dict(pairs)
    if len(group) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key '{next(name for name in names if names.count(name) > 1)}' occurs twice")
    return group


def _whole(text: str) -> int:
    digits = len(text.lstrip("-"))
    if digits > DIGITS:
        raise ValueError(f"a number of {digits} digits")
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a finite number")
    return number
