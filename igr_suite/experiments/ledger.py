"""Published values beside ours, with a verdict for each: pass, fail, or not comparable and why."""

import csv
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from igr_suite.errors import UserError, nearest
from igr_suite.experiments.files import write_atomically

COLUMNS = ("quantity", "setting", "value", "spread", "source", "kind", "provenance")
KINDS = ("exact", "order", "trend")
PROVENANCES = ("read", "recalled")
DEVIATIONS = 2.0  # an exact value agrees when it is this many combined standard errors away, or nearer

Ours = Mapping[tuple[str, str], tuple[float, float, int]]


@dataclass(frozen=True)
class Published:
    """One row of a published.csv.

    Attributes:
      quantity, setting: what was measured and where, "test_elbo" and "IGR-I, MNIST".
      value, spread: the number and its standard deviation (None when not given).
      source: paper and place, "IGR, Table 1".
      kind: "exact" compares the numbers; "order" the ranks of the settings of one quantity; "trend" the signs.
      provenance: "read" in the source or "recalled" from memory; recalled values are shown, never judged.
      tolerance: largest difference that passes; None leaves it to the spreads.
    """

    quantity: str
    setting: str
    value: float
    spread: float | None
    source: str
    kind: str
    provenance: str
    tolerance: float | None = None


@dataclass(frozen=True)
class Verdict:
    """A published value, ours (None when there is none), and "pass", "fail" or "not comparable" with the reason."""

    quantity: str
    setting: str
    published: float
    published_spread: float | None
    ours: float | None
    our_spread: float | None
    seeds: int
    verdict: str
    reason: str
    source: str


def read_published(path: Path) -> list[Published]:
    """Returns the rows of a published.csv.

    Raises:
      UserError: the file is absent, or a row is not as it should be; names the line.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
            if missing:
                raise UserError(f"{path} has no column '{missing[0]}'; it needs {', '.join(COLUMNS)} and may have tolerance")
            return [_published(row, f"{path}, line {reader.line_num}") for row in reader]
    except FileNotFoundError:
        raise UserError(f"{path} is absent: there are no published values to compare with") from None


def _published(row: Mapping[str, str], place: str) -> Published:
    def number(column: str) -> float | None:
        try:
            return float(row[column]) if (row.get(column) or "").strip() else None
        except ValueError:
            raise UserError(f"{place}: {column} must be a number, got '{row[column]}'") from None

    for column, choices in (("kind", KINDS), ("provenance", PROVENANCES)):
        if row[column] not in choices:
            raise UserError(f"{place}: unknown {column} '{row[column]}': {nearest(row[column] or '', choices)}")
    value = number("value")
    if value is None:
        raise UserError(f"{place}: value is empty")
    texts = {name: row[name] for name in ("quantity", "setting", "source", "kind", "provenance")}
    return Published(**texts, value=value, spread=number("spread"), tolerance=number("tolerance"))


def judge(published: list[Published], ours: Ours) -> list[Verdict]:
    """Compares every published value with ours.

    Args:
      published: rows of published.csv.
      ours: (quantity, setting) -> (value, standard deviation over seeds, number of seeds).
    """
    verdicts = []
    for row in published:
        found = ours.get((row.quantity, row.setting))
        if row.provenance == "recalled":
            verdict, reason = "not comparable", "recalled from memory, not read in the source: shown, not judged"
        elif found is None or not math.isfinite(found[0]):
            verdict, reason = "not comparable", "no value of ours at this scale and these settings"
        else:
            verdict, reason = {"exact": _exact, "order": _order, "trend": _trend}[row.kind](row, published, ours)
        value, spread, seeds = found or (None, None, 0)
        verdicts.append(Verdict(row.quantity, row.setting, row.value, row.spread, value, spread, seeds, verdict, reason, row.source))
    return verdicts


def _exact(row: Published, published: list[Published], ours: Ours) -> tuple[str, str]:
    value, spread, seeds = ours[row.quantity, row.setting]
    difference = value - row.value
    if row.tolerance is not None:
        allowed, why = row.tolerance, f"tolerance {row.tolerance:g}"
    elif row.spread is not None and seeds > 1 and math.isfinite(spread):
        allowed = DEVIATIONS * math.hypot(row.spread, spread)
        why = f"{DEVIATIONS:g} combined standard deviations are {allowed:.3g}"
    else:
        return "not comparable", "neither a tolerance nor spreads on both sides say what would be equal"
    return "pass" if abs(difference) <= allowed else "fail", f"difference {difference:+.3g}, {why}"


def _order(row: Published, published: list[Published], ours: Ours) -> tuple[str, str]:
    """Every pair that the paper ranks must be ranked alike here; pairs nearer than the row's tolerance in the paper are left out."""
    peers = [other for other in published if _peer(row, other) and (other.quantity, other.setting) in ours]
    apart = [other for other in peers if abs(other.value - row.value) > (row.tolerance or 0.0)]
    if not apart:
        return "not comparable", "no other setting of this quantity to rank it against"
    mine = ours[row.quantity, row.setting][0]
    wrong = [other.setting for other in apart if (other.value - row.value) * (ours[other.quantity, other.setting][0] - mine) <= 0]
    return ("fail", f"ranked otherwise against {', '.join(wrong)}") if wrong else ("pass", f"same rank against {len(apart)} other settings")


def _peer(row: Published, other: Published) -> bool:
    return other.quantity == row.quantity and other.setting != row.setting and other.kind == "order" and other.provenance == "read"


def _trend(row: Published, published: list[Published], ours: Ours) -> tuple[str, str]:
    value = ours[row.quantity, row.setting][0]
    return ("pass" if value * row.value > 0 else "fail"), f"sign of {value:.4g} against sign of {row.value:.4g}"


def write_ledger(path: Path, verdicts: list[Verdict]) -> None:
    """Writes ledger.csv, one row a published value."""
    names = [field.name for field in fields(Verdict)]
    lines = [names, *[["" if value is None else value for value in asdict(verdict).values()] for verdict in verdicts]]
    text = "".join(",".join(_cell(value) for value in line) + "\n" for line in lines)
    write_atomically(path, text.encode())


def _cell(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n') else text
