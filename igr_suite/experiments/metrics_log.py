"""The metrics of a run: one JSON row a line, append-only, cut back to a step on resume."""

import json
import os
from pathlib import Path
from typing import Any

from igr_suite.errors import UserError
from igr_suite.experiments.files import decode, encode, write_atomically, writing

SCHEMA = 1


class MetricsLog:
    """Reads and appends `metrics.jsonl`.

    A row is {"schema": 1, "step": n, name: value, ...}. A last line without a newline is what a crash leaves; it is
    skipped by readers and removed by the next append or cut. Any other line that cannot be read is an error.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        self._file = None

    def append(self, step: int, **values: Any) -> None:
        """Adds a row and forces it to disk; floats, numpy scalars, tensors and (nested) lists of them are accepted."""
        row = json.dumps({"schema": SCHEMA, "step": int(step), **encode(values)}, allow_nan=False) + "\n"
        with writing(self.path):
            if self._file is None:
                self._drop_truncated_line()
                self._file = self.path.open("ab", buffering=0)
            self._file.write(row.encode())
            os.fsync(self._file.fileno())

    def rows(self) -> list[dict[str, Any]]:
        """Returns all whole rows in file order, each with its step and values.

        Raises:
          UserError: a line other than a truncated last one is unreadable; names file and line.
        """
        return [{name: value for name, value in row.items() if name != "schema"} for _, row in self._read()]

    def last_row(self) -> dict[str, Any] | None:
        """Returns the last whole row, None without one; reads no other."""
        lines = self._lines()
        row = self._parse(lines[-1], len(lines)) if lines else None
        return row and {name: value for name, value in row.items() if name != "schema"}

    def last_step(self) -> int | None:
        """Returns the step of the last whole row, None without one."""
        row = self.last_row()
        return None if row is None else row["step"]

    def cut_after(self, step: int) -> None:
        """Drops the rows after `step` and a truncated last line; the bytes of all other rows stay as they are.

        Raises:
          UserError: as in `rows`; the file is then left untouched.
        """
        kept = b"".join(line for line, row in self._read() if row["step"] <= step)
        if self.path.exists() and len(kept) < self.path.stat().st_size:
            self.close()
            write_atomically(self.path, kept)

    def close(self) -> None:
        """Closes the file; a later append opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _lines(self) -> list[bytes]:
        try:
            lines = self.path.read_bytes().splitlines(keepends=True)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise UserError(f"cannot read {self.path}: {error.strerror}") from error
        return lines[:-1] if lines and not lines[-1].endswith(b"\n") else lines

    def _read(self) -> list[tuple[bytes, dict[str, Any]]]:
        return [(line, self._parse(line, number)) for number, line in enumerate(self._lines(), start=1)]

    def _parse(self, line: bytes, number: int) -> dict[str, Any]:
        way_out = "delete that line to keep the rest, or delete the run's folder to run it again"
        try:
            row = decode(json.loads(line))
            step, schema = row["step"], row["schema"]
        except (ValueError, KeyError, TypeError):
            raise UserError(f"{self.path}, line {number} is not a metrics row ({_shorten(line)}); {way_out}") from None
        if schema != SCHEMA or type(step) is not int:
            raise UserError(f"{self.path}, line {number} has schema {schema!r}, this version reads {SCHEMA}; {way_out}")
        return row

    def _drop_truncated_line(self) -> None:
        if not self.path.exists():
            return
        whole = sum(len(line) for line in self._lines())
        if whole < self.path.stat().st_size:
            os.truncate(self.path, whole)


def _shorten(line: bytes) -> str:
    text = line.decode(errors="replace").strip()
    return repr(text if len(text) <= 40 else text[:37] + "...")
