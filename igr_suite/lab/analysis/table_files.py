"""Tables as CSV (standard library) and Parquet (pyarrow) files; equal rows make equal bytes."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from igr_suite.errors import UserError
from igr_suite.extras import require
from igr_suite.lab.runs.files import encode, file_in_the_making, write_atomically, writing

SUFFIXES = (".csv", ".parquet")
ROW_GROUP = 100_000  # rows of a Parquet file that are compressed together
ELSEWHERE = "choose another file with --out"
# The first character of cells that a spreadsheet computes, or that end the cell before; it accepts the wide forms too.
FORMULA = re.compile(r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def check_path(path: Path) -> None:
    """Raises UserError for a file that `write_table` would not write."""
    if path.suffix not in SUFFIXES:
        raise UserError(f"a table is written to a file that ends in {' or '.join(SUFFIXES)}, got '{path}'")
    if path.suffix == ".parquet":
        _pyarrow()


def as_it_is(cell: str) -> str:
    """Returns a cell of a CSV file that programs read."""
    return cell


def for_spreadsheet(cell: str) -> str:
    """Returns a cell that a spreadsheet shows and does not compute: text that begins like a formula gets a quote before
    it, numbers stay as they are."""
    return f"'{cell}" if FORMULA.match(cell) and not NUMBER.fullmatch(cell) else cell


def write_table(path: Path, rows: Sequence[dict[str, Any]], cell: Callable[[str], str] = as_it_is) -> None:
    """Writes rows in their order, with the columns in the order in which rows first name them; absent values are empty.

    A column of integers and floats holds floats; another mixture of types holds text, in which lists are JSON.

    Args:
      path: ends in .csv or .parquet.
      rows: column -> value.
      cell: applied to every cell of a CSV file, including the headings: `as_it_is` or `for_spreadsheet`.
    Raises:
      UserError: unknown suffix, pyarrow is absent, or the file cannot be written.
    """
    check_path(path)
    columns = {
        name: same_type([row.get(name) for row in rows]) for name in dict.fromkeys(name for row in rows for name in row)
    }
    content = _csv(columns, cell) if path.suffix == ".csv" else _parquet(columns)
    with writing(path, ELSEWHERE):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content, ELSEWHERE)


@dataclass
class Blocks:
    """Rows of a long table that come block by block.

    Attributes:
      blocks: (values that all rows of the block share, the rows' own values: an integer, a word and a number).
      shared: columns of the values that the rows of a block share, and the type of each, as `same_type` makes them.
      own: the three columns of the rows' own values, which follow the shared ones.
      rows: the number of rows that have been written.
    """

    blocks: Iterable[tuple[Mapping[str, Any], Sequence[tuple[int, str, float]]]]
    shared: Mapping[str, type]
    own: Sequence[str]
    rows: int = 0

    def __len__(self) -> int:
        return self.rows


def write_blocks(path: Path, table: Blocks, cell: Callable[[str], str] = as_it_is) -> None:
    """Writes a table whose rows come in blocks, as `write_table` would write all of them, in the memory of one block.

    Args:
      path: ends in .csv or .parquet.
      table: the rows.
      cell: as in `write_table`.

    Raises:
      UserError: as in `write_table`.
    """
    check_path(path)
    with writing(path, ELSEWHERE):
        path.parent.mkdir(parents=True, exist_ok=True)
    with file_in_the_making(path, ELSEWHERE) as file:
        if path.suffix == ".csv":
            _csv_blocks(file, table, cell)
        else:
            _parquet_blocks(file, table)


def _csv_blocks(file: BinaryIO, table: Blocks, cell: Callable[[str], str]) -> None:
    def line(cells: Iterable[str]) -> str:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="").writerow(map(cell, cells))
        return text.getvalue()

    # the same as `_text` of a float, but faster
    number = repr if cell is as_it_is else lambda value: cell(repr(value))
    file.write(f"{line([*table.shared, *table.own])}\n".encode(errors="backslashreplace"))
    for shared, rows in table.blocks:
        before = line("" if shared[name] is None else _text(shared[name]) for name in table.shared)
        quoted = {name: line([name]) for name in {row[1] for row in rows}}
        lines = "".join(f"{before},{step},{quoted[name]},{number(value)}\n" for step, name, value in rows)
        file.write(lines.encode(errors="backslashreplace"))
        table.rows += len(rows)


def _parquet_blocks(file: BinaryIO, table: Blocks) -> None:
    arrow, parquet = _pyarrow()
    types = _arrow_types(arrow)
    fields = [*table.shared.items(), *zip(table.own, (int, str, float), strict=True)]
    schema = arrow.schema([(name, types[kind]) for name, kind in fields])
    waiting: list[Any] = []
    with parquet.ParquetWriter(file, schema) as writer:
        for shared, rows in table.blocks:
            if rows:
                cells = [[shared[name]] * len(rows) for name in table.shared] + [list(column) for column in zip(*rows)]
                waiting.append(
                    arrow.table(
                        [arrow.array(column, field.type) for column, field in zip(cells, schema)], schema=schema
                    )
                )
                table.rows += len(rows)
            if sum(len(part) for part in waiting) >= ROW_GROUP:
                writer.write_table(arrow.concat_tables(waiting))
                waiting = []
        writer.write_table(arrow.concat_tables([schema.empty_table(), *waiting]))


def _arrow_types(arrow) -> dict[type, Any]:
    return {bool: arrow.bool_(), int: arrow.int64(), float: arrow.float64(), str: arrow.string()}


def same_type(column: list[Any]) -> list[Any]:
    """Returns the column with values of one type, bool, int, float or str, and None where there is none."""
    kinds = {type(value) for value in column if value is not None}
    if len(kinds) == 1 and kinds <= {bool, int, float}:
        return column
    if kinds and kinds <= {int, float}:
        return [None if value is None else float(value) for value in column]
    return [None if value is None else _text(value) for value in column]


def type_of(column: Sequence[Any]) -> type:
    """Returns the type of the values of a column that `same_type` made."""
    return next((type(value) for value in column if value is not None), str)


def _text(value: Any) -> str:
    """Returns a cell: 'true', '3', '0.1' (the shortest digits that give the float back), 'nan', 'a', '[1, 2]'."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(encode(value)) if isinstance(value, (tuple, list)) else str(value)


def _csv(columns: dict[str, list[Any]], cell: Callable[[str], str]) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(map(cell, columns))
    writer.writerows(["" if value is None else cell(_text(value)) for value in row] for row in zip(*columns.values()))
    return file.getvalue().encode(errors="backslashreplace")


def _parquet(columns: dict[str, list[Any]]) -> bytes:
    arrow, parquet = _pyarrow()
    types, arrays = _arrow_types(arrow), {}
    for name, column in columns.items():
        kind = type_of(column)
        arrays[name] = arrow.array(column, types[kind])
    file = io.BytesIO()
    parquet.write_table(arrow.table(arrays), file)
    return file.getvalue()


def _pyarrow():
    try:
        return require("pyarrow"), require("pyarrow.parquet")
    except UserError as error:
        raise UserError(f"{error}, or name a .csv file") from None
