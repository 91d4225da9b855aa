"""Curves of a reader's own, from a .csv file, to lay over a figure."""

from pathlib import Path

import pandas as pd

from igr_suite.errors import UserError


def read(path: Path) -> pd.DataFrame:
    """Returns the rows of a .csv file with a column "method".

    Raises:
      UserError: the file cannot be read, or has no such column or no rows.
    """
    try:
        rows = pd.read_csv(path)
    except OSError as error:
        raise UserError(f"cannot read --overlay {path}: {error.strerror or error}") from None
    except ValueError as error:  # of pandas' parser, and bytes that are not UTF-8
        raise UserError(f"--overlay {path} is not CSV: {' '.join(str(error).split())}") from None
    if "method" not in rows.columns or rows.empty:
        lacking = "no rows" if "method" in rows.columns else f"the columns {', '.join(rows.columns)}"
        raise UserError(f"--overlay {path} needs a column method and those of the figure's axes, and has {lacking}")
    return rows.assign(method=rows["method"].astype(str))
