"""Published values beside ours, with a verdict for each: pass, fail, or not comparable and why."""

import csv
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import NamedTuple

from igr_suite.errors import UserError, nearest
from igr_suite.experiments.files import write_atomically
from igr_suite.experiments.paired import CONFIDENCE, Difference, mean_interval, paired_difference

COLUMNS = ("quantity", "setting", "value", "spread", "source", "kind", "provenance")
KINDS = ("exact", "order", "trend")
PROVENANCES = ("read", "recalled")
DEVIATIONS = 2.0  # an exact value agrees when it is this many combined standard errors away, or nearer


class OurValue(NamedTuple):
    """A value of ours; `by_seed`, the values of single seeds, lets two settings of one quantity be compared seed by seed."""

    value: float
    spread: float | None
    seeds: int
    by_seed: Mapping[object, float] | None = None


Ours = Mapping[tuple[str, str], OurValue | tuple[float, float, int]]


@dataclass(frozen=True)
class Published:
    """One row of a published.csv.

    Attributes:
      quantity, setting: what was measured and where, "test_elbo" and "IGR-I, MNIST".
      value, spread: the number and its standard deviation (None when not given).
      source: paper and place, "IGR, Table 1".
      kind: "exact" compares the numbers; "order" the ranks of the settings of one quantity; "trend" the signs. Ranks and signs are
        tested at 95% confidence, over seeds.
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
      ours: (quantity, setting) -> (value, standard deviation over seeds, number of seeds), or an OurValue.
    """
    ours = {key: OurValue(*value) for key, value in ours.items()}
    verdicts = []
    for row in published:
        found = ours.get((row.quantity, row.setting))
        if row.provenance == "recalled":
            verdict, reason = "not comparable", "recalled from memory, not read in the source: shown, not judged"
        elif found is None or not math.isfinite(found[0]):
            verdict, reason = "not comparable", "no value of ours at this scale and these settings"
        else:
            verdict, reason = {"exact": _exact, "order": _order, "trend": _trend}[row.kind](row, published, ours)
        value, spread, seeds, _ = found or (None, None, 0, None)
        verdicts.append(Verdict(row.quantity, row.setting, row.value, row.spread, value, spread, seeds, verdict, reason, row.source))
    return verdicts


def _exact(row: Published, published: list[Published], ours: Ours) -> tuple[str, str]:
    value, spread, seeds, _ = ours[row.quantity, row.setting]
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
    """Every pair that the paper ranks must be ranked alike here; pairs nearer than the row's tolerance in the paper are left out.

    At 95% confidence for all its pairs together (Bonferroni): "fail" when one clearly lies the other way round, "pass" when all clearly lie
    as published. Seeds make pairs where both settings have them.
    """
    peers = [other for other in published if _peer(row, other) and (other.quantity, other.setting) in ours]
    apart = [other for other in peers if abs(other.value - row.value) > (row.tolerance or 0.0)]
    if not apart:
        return "not comparable", "no other setting of this quantity to rank it against"
    mine, words = ours[row.quantity, row.setting], {}
    for other in apart:
        difference = _between(mine, ours[other.quantity, other.setting], 1 - (1 - CONFIDENCE) / len(apart))
        words.setdefault(_word(difference, row.value - other.value), []).append(f"{other.setting} ({difference.text()})")
    return _verdict(words, f"same rank against {len(apart)} other setting{'s' * (len(apart) != 1)}", "ranked otherwise against")


def _between(mine: OurValue, other: OurValue, confidence: float) -> Difference:
    """Paired by seed where both sides have the same ones, else from both means and spreads (Welch), else the bare difference."""
    common = [seed for seed in mine.by_seed or {} if seed in (other.by_seed or {})]
    if len(common) > 1:
        return paired_difference([mine.by_seed[seed] for seed in common], [other.by_seed[seed] for seed in common], confidence)
    difference = mine.value - other.value
    if min(mine.seeds, other.seeds) < 2 or not all(one.spread is not None and math.isfinite(one.spread) for one in (mine, other)):
        return Difference(difference, math.nan, math.nan, 1)
    from scipy import stats

    errors = [one.spread**2 / one.seeds for one in (mine, other)]
    freedom = sum(errors) ** 2 / max(sum(e**2 / (one.seeds - 1) for e, one in zip(errors, (mine, other))), 1e-300)
    half = float(stats.t.ppf(0.5 + confidence / 2, max(freedom, 1.0)) * math.sqrt(sum(errors)))
    return Difference(difference, difference - half, difference + half, min(mine.seeds, other.seeds))


def _word(difference: Difference, published: float) -> str:
    """Whether a difference of ours has the sign of the published one; "alone" marks a sign without an interval."""
    if math.isnan(difference.low):
        return "agrees alone" if difference.mean * published > 0 else "contradicts"
    if difference.verdict == "undecided":
        return "undecided"
    return "agrees" if (difference.verdict == "higher") == (published > 0) else "contradicts"


def _verdict(words: Mapping[str, list[str]], agreed: str, otherwise: str) -> tuple[str, str]:
    if "contradicts" in words:
        return "fail", f"{otherwise} {', '.join(words['contradicts'])}"
    if "undecided" in words:
        return "not comparable", f"undecided at {CONFIDENCE:.0%} confidence: {', '.join(words['undecided'])}"
    how = "one run a side, no interval" if "agrees alone" in words else f"{CONFIDENCE:.0%} confidence"
    return "pass", f"{agreed}, {how}"


def _peer(row: Published, other: Published) -> bool:
    return other.quantity == row.quantity and other.setting != row.setting and other.kind == "order" and other.provenance == "read"


def _trend(row: Published, published: list[Published], ours: Ours) -> tuple[str, str]:
    """The sign of a value that is itself a difference or a change, seed by seed."""
    value, spread, seeds, _ = ours[row.quantity, row.setting]
    difference = mean_interval(value, math.nan if spread is None else spread, seeds)
    if math.isnan(difference.low):
        verdict, how = ("pass" if value * row.value > 0 else "fail"), "one run, no interval"
        return verdict, f"sign of {value:.4g} against sign of {row.value:.4g}, {how}"
    word = _word(difference, row.value)
    words = {word: [difference.text()]}
    return _verdict(words, f"sign of {difference.text()} against sign of {row.value:.4g}", f"sign against {row.value:.4g}:")


def write_ledger(path: Path, verdicts: list[Verdict]) -> None:
    """Writes ledger.csv, one row a published value."""
    names = [field.name for field in fields(Verdict)]
    lines = [names, *[["" if value is None else value for value in asdict(verdict).values()] for verdict in verdicts]]
    text = "".join(",".join(_cell(value) for value in line) + "\n" for line in lines)
    write_atomically(path, text.encode())


def _cell(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n') else text
