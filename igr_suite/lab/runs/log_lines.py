"""Lines of log files in the authors' formats."""

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from igr_suite.errors import UserError
from igr_suite.lab.runs.files import write_atomically

SEPARATOR = " --- "


def write_texts(path: str | Path, texts: Iterable[str], hyper: Mapping[str, Any] | None, stamp: str) -> None:
    """Writes a log file: the header with its timestamp, then the lines as they are."""
    header = [f"{stamp}{SEPARATOR}Hyper: {key}: {value}" for key, value in (hyper or {}).items()]
    write_atomically(Path(path), "".join(f"{text}\n" for text in [*header, *texts]).encode())


def write_lines(
    path: str | Path,
    lines: Callable[[str], Iterable[str]],
    hyper: Mapping[str, Any] | None,
    time: datetime | None,
    nothing: str,
) -> None:
    """Writes a log whose lines all have one timestamp.

    Args:
      path: the file; replaced when it is there.
      lines: timestamp -> the lines.
      hyper: values for the header.
      time: the timestamp; by default now.
      nothing: the error message when there is no line.
    Raises:
      UserError: there is no line, or the file cannot be written.
    """
    stamp = f"{time or datetime.now():%Y-%m-%d %H:%M:%S,000}"
    texts = list(lines(stamp))
    if not texts:
        raise UserError(nothing)
    write_texts(path, texts, hyper, stamp)


def number_or_nan(value: float | None) -> float:
    """Returns a number for a log, in which an unknown value is written as nan."""
    return math.nan if value is None else value


def known(text: str | None) -> float | None:
    """Returns a number read from a log; None where it is absent or nan."""
    value = math.nan if text is None else float(text)
    return None if math.isnan(value) else value
