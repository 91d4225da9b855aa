"""Scans the metrics.jsonl of a finished run block by block for rows that are missing, doubled or damaged."""

import contextlib
import json
import operator
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from igr_suite.lab.runs.metrics_log import SCHEMA, parse_at_once
from igr_suite.lab.runs.reading import ABSENT, open_regular, parse_json

HEAD = b'{"schema": %d, "step": ' % SCHEMA  # how `MetricsLog` begins every row
_SEVERAL = operator.methodcaller("count", HEAD)  # rows in a line: two where the bytes between them were cut out
_FIRST_NAME = re.compile(rb'"(?!schema"|step"|epoch")([^"]*)": ')
BLOCK = 1 << 20  # bytes read at once
# the names that all rows of one step share; every other quantity is measured once a step
BESIDE = frozenset({"schema", "step", "epoch"})


class Fault(Exception):
    """A fault in the files of a run; the message is a sentence."""


def scan(path: Path, regular: bool, thorough: bool) -> tuple[int, Mapping[str, Any] | None]:
    """Returns the number of rows and the last one, not decoded; (0, None) where there is no file.

    Args:
      path: the metrics.
      regular: whether the distances between steps never shrink, so that one larger than a later one shows missing rows.
      thorough: whether to parse every line.
    Raises:
      Fault: a row is missing, doubled or damaged.
    """
    rows, step, line = 0, None, b""
    largest, widest = 0, 0  # the largest distance so far, and the step that it ends at
    names: frozenset[str] | None = None  # what the rows of this step measured, where there are several
    try:
        file = open_regular(path)
    except ABSENT:
        return 0, None
    with file:
        for lines in _blocks(file):
            for index, next_step in enumerate(_steps(lines, rows, thorough)):
                if step is None or next_step > step:
                    distance = next_step - (step or 0)
                    if regular and distance + 1 < largest:
                        raise Fault(f"metrics.jsonl lacks rows before step {widest}")
                    if distance > largest:
                        largest, widest = distance, next_step
                    step, names = next_step, None
                    continue
                number = rows + index + 1
                if next_step < step:
                    raise Fault(
                        f"line {number} of metrics.jsonl has step {next_step} after step {step}: rows are doubled, or "
                        f"in another order"
                    )
                if names is None:
                    names = _names(lines[index - 1] if index else line, number - 1, thorough)
                more = _names(lines[index], number, thorough)
                if not more or more & names:
                    what = f" of {min(more & names)}" if more else ""
                    raise Fault(f"line {number} of metrics.jsonl is a second row{what} at step {step}")
                names |= more
            rows, line = rows + len(lines), lines[-1]
    if not rows:
        raise Fault("metrics.jsonl is empty")
    return rows, _row(line, rows)


def _blocks(file: BinaryIO) -> Iterator[list[bytes]]:
    """Yields the lines of a file, block by block. Raises Fault."""
    while block := file.read(BLOCK):
        block += file.readline()
        if b"\0" in block:
            raise Fault("metrics.jsonl holds zero bytes, as a power cut leaves them")
        lines = block.split(b"\n")
        if lines.pop():
            raise Fault("metrics.jsonl ends within a line")
        yield lines


def _steps(lines: list[bytes], before: int, thorough: bool) -> list[int]:
    """Returns the steps of rows; unless `thorough`, lines in the form that `MetricsLog` writes are not parsed.

    Args:
      lines: the lines, without their ends.
      before: the number of lines before these.
      thorough: whether to parse all of them.
    """
    if thorough:
        rows = parse_at_once(lines)
        if rows is not None:
            return [row["step"] for row in rows]
    else:
        begin = len(HEAD)
        heads = [
            line[begin : line.find(b",", begin)] for line in lines if line.startswith(HEAD) and line.endswith(b"}")
        ]
        if len(heads) == len(lines) and all(map(bytes.isdigit, heads)) and sum(map(_SEVERAL, lines)) == len(lines):
            with contextlib.suppress(ValueError):  # more digits than Python converts
                return list(map(int, heads))
    return [_row(line, before + index)["step"] for index, line in enumerate(lines, start=1)]


def _row(line: bytes, number: int) -> dict[str, Any]:
    try:
        row = parse_json(line)
        if row["schema"] == SCHEMA and type(row["step"]) is int:
            return row
        reason = ""
    except json.JSONDecodeError:
        reason = ""
    except ValueError as error:
        reason = f": {error}"
    except (KeyError, TypeError):
        reason = ""
    raise Fault(f"line {number} of metrics.jsonl is not a metrics row{reason}")


def _names(line: bytes, number: int, thorough: bool) -> frozenset[str]:
    """Returns the names of a row's quantities; unless `thorough` only the first, which differs between rows of one step
    too."""
    if not thorough and (first := _FIRST_NAME.search(line)):
        return frozenset({first[1].decode(errors="replace")})
    return frozenset(_row(line, number)) - BESIDE
