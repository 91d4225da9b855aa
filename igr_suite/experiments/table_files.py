"""Tables as CSV (standard library) and Parquet (pyarrow) files; equal rows make equal bytes."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from igr_suite.errors import UserError
from igr_suite.experiments.files import encode, write_atomically, writing

SUFFIXES = (".csv", ".parquet")
ELSEWHERE = "choose another file with --out"


def check_path(path: Path) -> None:
    """Raises UserError for a file that `write_table` would not write."""
    if path.suffix not in SUFFIXES:
        raise UserError(f"a table is written to a file that ends in {' or '.join(SUFFIXES)}, got '{path}'")
    if path.suffix == ".parquet":
        _pyarrow()


def write_table(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Writes rows in their order; columns stand in the order in which rows first name them, and a row without one has it empty.

    A column of integers and other numbers holds floats; one with anything else holds text, where lists are JSON.

    Raises:
      UserError: unknown suffix, pyarrow is absent, or the file cannot be written.
    """
    check_path(path)
    columns = {name: _same_type([row.get(name) for row in rows]) for name in dict.fromkeys(name for row in rows for name in row)}
    content = _csv(columns) if path.suffix == ".csv" else _parquet(columns)
    with writing(path, ELSEWHERE):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content, ELSEWHERE)


def _same_type(column: list[Any]) -> list[Any]:
    """Returns the column with values of one type, bool, int, float or str, and None where there is none."""
    kinds = {type(value) for value in column if value is not None}
    if len(kinds) == 1 and kinds <= {bool, int, float}:
        return column
    if kinds and kinds <= {int, float}:
        return [None if value is None else float(value) for value in column]
    return [None if value is None else _text(value) for value in column]


def _text(value: Any) -> str:
    """A cell: 'true', '3', '0.1' (the shortest digits that give the float back), 'nan', 'a', '[1, 2]'."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(encode(value)) if isinstance(value, (tuple, list)) else str(value)


def _csv(columns: dict[str, list[Any]]) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(["" if value is None else _text(value) for value in row] for row in zip(*columns.values()))
    return file.getvalue().encode()


def _parquet(columns: dict[str, list[Any]]) -> bytes:
    arrow, parquet = _pyarrow()
    types = {bool: arrow.bool_(), int: arrow.int64(), float: arrow.float64(), str: arrow.string()}
    arrays = {}
    for name, column in columns.items():
        kind = next((type(value) for value in column if value is not None), str)
        arrays[name] = arrow.array(column, types[kind])
    file = io.BytesIO()
    parquet.write_table(arrow.table(arrays), file)
    return file.getvalue()


def _pyarrow():
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UserError("a .parquet file needs pyarrow: pip install pyarrow, or name a .csv file") from None
    return pyarrow, pyarrow.parquet
