"""Reference values: the rows of a published.csv, and where each of them comes from."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from igr_suite.errors import UserError, nearest
from igr_suite.lab.analysis.paired import with_spread

COLUMNS = ("quantity", "setting", "value", "spread", "source", "kind_of_source", "kind", "provenance")


class SourceKind(NamedTuple):
    """A kind of source of reference values: its name in tallies, the heading above its values, and its meaning."""

    name: str
    heading: str
    meaning: str


SOURCES = {  # the first three were published, the others were not
    "paper": SourceKind("paper", "published, paper", "printed in a paper, or read off its figures by eye"),
    "authors_readme": SourceKind(
        "authors' README", "published, authors' README", "printed in the README of the reproduced code"
    ),
    "third_party": SourceKind(
        "third party", "published, third party", "published by others, for the same or a near setting"
    ),
    "authors_code": SourceKind(
        "authors' code", "authors' code, run by us", "the authors' code, patched only to run, and run by us"
    ),
    "replication": SourceKind(
        "replication", "independent replication", "the same training with independent code, run by us"
    ),
    "computed": SourceKind(
        "computed", "computed", "from formulas, without training: closed form, quadrature, simulation"
    ),
}
RECALLED = "remembered, not read in the source: shown, never judged"
KINDS = ("exact", "order", "trend")
PROVENANCES = ("read", "recalled")
SIGNS = {"lower": -1.0, "higher": 1.0}  # values of a trend of which only the sign is known


@dataclass(frozen=True)
class Reference:
    """One row of a published.csv: a value with which ours is compared.

    Attributes:
      quantity, setting: what was measured and where, "test_elbo" and "IGR-I, MNIST".
      value, spread: the number and its standard deviation (None when not given); -1 or 1 where only a sign is known.
      source: the place, "IGR, Table 1".
      kind_of_source: one of SOURCES. "paper", "authors_readme" and "third_party" were published; "authors_code" was run
        by us, "replication" trained again with independent code, "computed" follows from the formulas without training.
      kind: "exact" compares the numbers; "order" the ranks of the settings of one quantity; "trend" the signs. Ranks
        and signs are tested at 95% confidence, over seeds.
      provenance: "read" in the source or "recalled" from memory; recalled values are shown, never judged.
      tolerance: largest difference that passes; None leaves it to the spreads.
      sign_only: whether the row says "lower" or "higher" in place of a number.
    """

    quantity: str
    setting: str
    value: float
    spread: float | None
    source: str
    kind_of_source: str
    kind: str
    provenance: str
    tolerance: float | None = None
    sign_only: bool = False

    @property
    def label(self) -> str:
        """The name under which the value is counted: "paper", or "paper, recalled"."""
        return SOURCES[self.kind_of_source].name + (", recalled" if self.provenance == "recalled" else "")

    @property
    def heading(self) -> str:
        """Kind and place of the source: "published, paper: IGR, Table 1"."""
        kind = self.label if self.provenance == "recalled" else SOURCES[self.kind_of_source].heading
        return f"{kind}: {self.source}"

    @property
    def text(self) -> str:
        """The text '-98.21 ± 0.34'; "lower" or "lower (-1.8)" for a sign."""
        number = with_spread(self.value, self.spread)
        if self.kind != "trend":
            return number
        return direction(self.value) if self.sign_only else f"{direction(self.value)} ({number})"


def read_references(path: Path) -> list[Reference]:
    """Returns the rows of a published.csv.

    Raises:
      UserError: the file is absent, or a row is invalid; the message names the line.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
            if missing:
                kinds = f"; kind_of_source is one of {', '.join(SOURCES)}" if missing[0] == "kind_of_source" else ""
                raise UserError(
                    f"{path} has no column '{missing[0]}'; it needs {', '.join(COLUMNS)} and may have tolerance{kinds}"
                )
            return [_reference(row, f"{path}, line {reader.line_num}") for row in reader]
    except FileNotFoundError:
        raise UserError(f"{path} is absent: there are no reference values to compare with") from None


def _reference(row: Mapping[str, str], place: str) -> Reference:
    def number(column: str) -> float | None:
        try:
            return float(row[column]) if (row.get(column) or "").strip() else None
        except ValueError:
            words = ", or lower or higher" if (column, row["kind"]) == ("value", "trend") else ""
            raise UserError(f"{place}: {column} must be a number{words}, got '{row[column]}'") from None

    for column, choices in (("kind_of_source", SOURCES), ("kind", KINDS), ("provenance", PROVENANCES)):
        if row[column] not in choices:
            raise UserError(f"{place}: unknown {column} '{row[column] or ''}': {nearest(row[column] or '', choices)}")
    sign_only = row["kind"] == "trend" and row["value"] in SIGNS
    value = SIGNS[row["value"]] if sign_only else number("value")
    if value is None:
        raise UserError(f"{place}: value is empty")
    if row["kind"] == "trend" and not value:
        raise UserError(
            f"{place}: a trend needs a sign, got '{row['value']}'; write lower, higher or a number that is not 0"
        )
    texts = {name: row[name] for name in ("quantity", "setting", "source", "kind_of_source", "kind", "provenance")}
    return Reference(**texts, value=value, spread=number("spread"), tolerance=number("tolerance"), sign_only=sign_only)


def direction(value: float) -> str:
    """Returns "higher", "lower" or "equal" for the sign of a difference."""
    return "higher" if value > 0 else "lower" if value < 0 else "equal"
