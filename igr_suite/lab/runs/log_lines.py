"""Lines of log files in the authors' formats."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from igr_suite.lab.runs.files import write_atomically

SEPARATOR = " --- "


def write_texts(path: str | Path, texts: Iterable[str], hyper: Mapping[str, Any] | None, stamp: str) -> None:
    """Writes a log file: the header with its timestamp, then the lines as they are."""
    header = [f"{stamp}{SEPARATOR}Hyper: {key}: {value}" for key, value in (hyper or {}).items()]
    write_atomically(Path(path), "".join(f"{text}\n" for text in [*header, *texts]).encode())
