"""The metrics of a run: one JSON row per line, append-only, cut back to a step on resume."""

import contextlib
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from igr_suite.errors import UserError
from igr_suite.lab.runs.files import NON_FINITE, decode, encode, write_atomically, writing
from igr_suite.lab.runs.reading import ABSENT, open_regular, parse_json, plain, read_regular

SCHEMA = 1
BLOCK = 1 << 18  # bytes read at once
TAIL = 1 << 14  # bytes; the last row is nearly always among them


def numbers(row: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yields the names and values of all numbers of a metrics row or summary, including those in groups and lists."""
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}.{inner}", number) for inner, number in numbers(value))
        elif isinstance(value, (list, tuple)):
            yield from numbers({f"{name}[{i}]": item for i, item in enumerate(value)})
        elif isinstance(value, (int, float)):
            yield name, float(value)


class MetricsLog:
    """Reads and appends `metrics.jsonl`.

    A row is {"schema": 1, "step": n, name: value, ...}. A last line without a newline is what a crash leaves; readers
    skip it, and the next append or cut removes it. Any other line that cannot be read is an error.

    Args:
      path: the file.
      check: called before anything is written; raises when this process must not write any more.
    """

    def __init__(self, path: Path, check: Callable[[], None] = lambda: None):
        self.path = Path(path)
        self._check = check
        self._file = None

    def append(self, step: int, **values: Any) -> None:
        """Adds a row and forces it to disk; floats, numpy scalars, tensors and (nested) lists of them are accepted.

        Raises:
          UserError: the row could not be written whole (a full disk, for instance); nothing of it stays in the file.
        """
        self._check()
        row = json.dumps({"schema": SCHEMA, "step": int(step), **encode(values)}, allow_nan=False) + "\n"
        with writing(self.path):
            if self._file is None:
                self._drop_truncated_line()
                self._file = self.path.open("ab", buffering=0)
            before = os.fstat(self._file.fileno()).st_size
            try:
                _write_whole(self._file, row.encode())
                os.fsync(self._file.fileno())
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._file.fileno(), before)
                raise

    def rows(self) -> list[dict[str, Any]]:
        """Returns all whole rows in file order, each with its step and values.

        Raises:
          UserError: a line other than a truncated last one is unreadable; names file and line.
        """
        return [row for rows in self.blocks() for row in rows]

    def blocks(self) -> Iterator[list[dict[str, Any]]]:
        """Yields all whole rows in file order, a few thousand at a time, so that a long file is never in memory as a
        whole.

        Raises:
          UserError: as in `rows`.
        """
        before = 0
        try:
            with open_regular(self.path) as file:
                while lines := file.readlines(BLOCK):
                    if not lines[-1].endswith(b"\n"):
                        lines.pop()
                    rows = self._parse_lines(lines, before)
                    before += len(lines)
                    for row in rows:
                        del row["schema"]
                    yield rows
        except ABSENT:
            return
        except OSError as error:
            raise UserError(f"cannot read {self.path}: {error.strerror}") from error

    def rows_from(self, offset: int) -> tuple[list[dict[str, Any]], int]:
        """Returns the whole rows from a byte of the file on, and the byte behind them, for a reader that follows it.

        A file that has become shorter, as on resume, is read from its beginning.

        Args:
          offset: 0, or what an earlier call returned.
        Raises:
          UserError: as in `rows`.
        """
        try:
            with open_regular(self.path) as file:
                size = file.seek(0, io.SEEK_END)
                offset = offset if offset <= size else 0
                file.seek(offset)
                content = file.read()
        except ABSENT:
            return [], 0
        except OSError as error:
            raise UserError(f"cannot read {self.path}: {error.strerror}") from error
        whole = content[: content.rfind(b"\n") + 1]
        rows = [self._parse(line) for line in whole.splitlines()]
        return [{name: value for name, value in row.items() if name != "schema"} for row in rows], offset + len(whole)

    def last_row(self) -> dict[str, Any] | None:
        """Returns the last whole row, None without one; reads the end of the file only."""
        line = self._last_line()
        row = self._parse(line) if line else None
        return row and {name: value for name, value in row.items() if name != "schema"}

    def last_step(self) -> int | None:
        """Returns the step of the last whole row, None without one."""
        row = self.last_row()
        return None if row is None else row["step"]

    def cut_after(self, step: int) -> None:
        """Drops the rows after `step` and what a full disk or a crash left behind them; the bytes of all other rows
        stay as they are.

        Raises:
          UserError: a line that cannot be read stands before a row that is to be kept; the file is then left untouched.
        """
        self._check()
        kept, damage = [], None
        for number, line in enumerate(self._lines(), start=1):
            try:
                row = self._parse(line, number)
            except UserError as error:
                damage = damage or error
                continue
            if row["step"] <= step:
                if damage is not None:
                    raise damage
                kept.append(line)
        self._keep(b"".join(kept))

    def size(self) -> int:
        """Returns the number of bytes of the file, 0 when there is none."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def cut_to(self, size: int, step: int) -> None:
        """Cuts the file back to the `size` that it had when a checkpoint was saved; later rows belong to steps that
        will be repeated.

        Args:
          size: bytes.
          step: the checkpoint's step.
        Raises:
          UserError: rows from before the checkpoint are gone or damaged; the file is then left untouched.
        """
        self._check()
        content = b"".join(self._lines())[:size]
        if len(content) < size or (content and not content.endswith(b"\n")):
            raise UserError(
                f"{self.path} has lost rows: {len(content)} of the {size} bytes that it had at the checkpoint of step "
                f"{step} are there; "
                "copy the whole run's folder again, or delete it to run it again"
            )
        for number, line in enumerate(content.splitlines(keepends=True), start=1):
            self._parse(line, number)
        self._keep(content)

    def _keep(self, content: bytes) -> None:
        if self.path.exists() and len(content) < self.path.stat().st_size:
            self.close()
            write_atomically(self.path, content)

    def close(self) -> None:
        """Closes the file; a later append opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _lines(self) -> list[bytes]:
        try:
            lines = read_regular(self.path).splitlines(keepends=True)
        except ABSENT:
            return []
        except OSError as error:
            raise UserError(f"cannot read {self.path}: {error.strerror}") from error
        return lines[:-1] if lines and not lines[-1].endswith(b"\n") else lines

    def _last_line(self) -> bytes | None:
        """Returns the last line that ends with a newline, None without one."""
        try:
            with open_regular(self.path) as file:
                begin = file.seek(0, os.SEEK_END)
                end, tail = begin, b""
                while begin and tail[: tail.rfind(b"\n")].count(b"\n") < 1:
                    begin = max(0, begin - TAIL)
                    file.seek(begin)
                    tail = file.read(end - begin)
        except ABSENT:
            return None
        except OSError as error:
            raise UserError(f"cannot read {self.path}: {error.strerror}") from error
        lines = tail[: tail.rfind(b"\n") + 1].splitlines(keepends=True)
        return lines[-1] if lines else None

    def _parse_lines(self, lines: list[bytes], before: int) -> list[dict[str, Any]]:
        """Returns the rows of lines that follow `before` others, parsed at once, or one by one where a line is not as
        it should be."""
        rows = parse_at_once(lines)
        if rows is None:
            return [self._parse(line, number) for number, line in enumerate(lines, start=before + 1)]
        content = b"".join(lines)
        return decode(rows) if any(b'"%s"' % word.encode() in content for word in NON_FINITE) else rows

    def _parse(self, line: bytes, number: int | None = None) -> dict[str, Any]:
        """Returns the row of a line; without a `number` it is the last one."""
        way_out = "delete that line to keep the rest, or delete the run's folder to run it again"
        try:
            row = decode(parse_json(line))
            step, schema = row["step"], row["schema"]
        except (ValueError, KeyError, TypeError, RecursionError):
            number = number or len(self._lines())
            raise UserError(f"{self.path}, line {number} is not a metrics row ({_shorten(line)}); {way_out}") from None
        if schema != SCHEMA or type(step) is not int:
            number = number or len(self._lines())
            raise UserError(f"{self.path}, line {number} has schema {schema!r}, this version reads {SCHEMA}; {way_out}")
        return row

    def _drop_truncated_line(self) -> None:
        if not self.path.exists():
            return
        whole = sum(len(line) for line in self._lines())
        if whole < self.path.stat().st_size:
            os.truncate(self.path, whole)


def parse_at_once(lines: list[bytes]) -> list[dict[str, Any]] | None:
    """Returns the rows of these lines, not decoded; None where a line has to be parsed by itself."""
    content = b"[" + b",".join(lines) + b"]"
    try:
        rows = json.loads(content)
        right = len(rows) == len(lines) and all(row["schema"] == SCHEMA and type(row["step"]) is int for row in rows)
        return rows if right and plain(content, rows) else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _write_whole(file: io.RawIOBase, content: bytes) -> None:
    """Writes all bytes; a single unbuffered write may write only some of them, on a nearly full disk for instance."""
    rest = memoryview(content)
    while rest:
        written = file.write(rest)
        rest = rest[written or 0 :]


def _shorten(line: bytes) -> str:
    text = line.decode(errors="replace").strip()
    return repr(text if len(text) <= 40 else text[:37] + "...")
