"""Compares our values with reference values; the verdict is pass, fail, or not comparable, with the reason."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from igr_suite.lab.analysis.paired import CONFIDENCE, Difference, mean_interval, paired_difference, with_spread
from igr_suite.lab.analysis.references import PROVENANCES, SOURCES, Reference, direction
from igr_suite.lab.runs.files import write_atomically

VERDICTS = ("pass", "fail", "not comparable")
DEVIATIONS = 2.0  # an exact value agrees up to this many combined standard deviations


class OurValue(NamedTuple):
    """A value of ours; with `by_seed`, the values of single seeds, two settings of one quantity are compared seed by
    seed."""

    value: float
    spread: float | None
    seeds: int
    by_seed: Mapping[object, float] | None = None


Ours = Mapping[tuple[str, str], OurValue | tuple[float, float, int]]


@dataclass(frozen=True)
class Verdict:
    """A reference value, ours (None when there is none), and "pass", "fail" or "not comparable" with the reason."""

    reference: Reference
    ours: float | None
    our_spread: float | None
    seeds: int
    verdict: str
    reason: str

    @property
    def our_text(self) -> str:
        """The text '-98.21 ± 0.34', '-' without a value of ours."""
        return "-" if self.ours is None else with_spread(self.ours, self.our_spread)


def judge(references: Sequence[Reference], ours: Ours) -> list[Verdict]:
    """Compares every reference value with ours.

    Args:
      references: rows of published.csv.
      ours: (quantity, setting) -> (value, standard deviation over seeds, number of seeds), or an OurValue.
    """
    ours = {key: OurValue(*value) for key, value in ours.items()}
    verdicts = []
    for row in references:
        mine = ours.get((row.quantity, row.setting))
        if row.provenance == "recalled":
            verdict, reason = "not comparable", "recalled from memory, not read in the source: shown, not judged"
        elif mine is None or not math.isfinite(mine.value):
            verdict, reason = "not comparable", "no value of ours at this scale and these settings"
        else:
            verdict, reason = {"exact": _exact, "order": _order, "trend": _trend}[row.kind](row, references, ours)
        value, spread, seeds, _ = mine or (None, None, 0, None)
        known = spread is not None and math.isfinite(spread) and (spread or seeds > 1)  # not the 0 of a single run
        verdicts.append(Verdict(row, value, spread if known else None, seeds, verdict, reason))
    return verdicts


def tally(verdicts: Iterable[Verdict]) -> dict[str, Counter]:
    """Returns how many values pass, fail or are not comparable, by the kind of their source; recalled values count
    apart."""
    counts: dict[tuple, Counter] = {}
    for row in verdicts:
        place = (
            list(SOURCES).index(row.reference.kind_of_source),
            PROVENANCES.index(row.reference.provenance),
            row.reference.label,
        )
        counts.setdefault(place, Counter())[row.verdict] += 1
    return {place[-1]: counts[place] for place in sorted(counts)}


def _exact(row: Reference, references: Sequence[Reference], ours: Ours) -> tuple[str, str]:
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


def _order(row: Reference, references: Sequence[Reference], ours: Ours) -> tuple[str, str]:
    """Judges whether the row's setting and the others of its quantity are ranked as in the source; settings nearer than
    the row's tolerance are left out.

    At 95% confidence for all comparisons together (Bonferroni): "fail" when one is clearly reversed, "pass" when all
    are clearly as in the source. Values are paired by seed where both settings have seeds in common.
    """
    peers = [other for other in references if _peer(row, other) and (other.quantity, other.setting) in ours]
    apart = [other for other in peers if abs(other.value - row.value) > (row.tolerance or 0.0)]
    if not apart:
        return "not comparable", "no other setting of this quantity to rank it against"
    mine, words, sides = ours[row.quantity, row.setting], {}, {}
    for other in apart:
        difference = _between(mine, ours[other.quantity, other.setting], 1 - (1 - CONFIDENCE) / len(apart))
        theirs = row.value - other.value
        word, shown = _word(difference, theirs), f"{other.setting} ({difference.text()})"
        sides.setdefault(_than(theirs), []).append(other.setting)
        if word == "contradicts":
            words.setdefault(word, []).append(f"{_than(difference.mean)} {shown}, {direction(theirs)} in the source")
        else:
            words.setdefault(word, []).append(f"{_than(theirs)} {shown}")
    ranks = "; ".join(f"{side} {', '.join(sides[side])}" for side in sorted(sides))
    return _verdict(words, f"{ranks}, as in the source")


def _than(difference: float) -> str:
    return f"{direction(difference)} than" if difference else "equal to"


def _between(mine: OurValue, other: OurValue, confidence: float) -> Difference:
    """Returns our difference: paired by seed where both sides have several seeds in common, else from both means and
    spreads (Welch), else without an interval."""
    common = [seed for seed in mine.by_seed or {} if seed in (other.by_seed or {})]
    if len(common) > 1:
        return paired_difference(
            [mine.by_seed[seed] for seed in common], [other.by_seed[seed] for seed in common], confidence
        )
    difference = mine.value - other.value
    sides = (mine, other)
    if not all(side.seeds > 1 and side.spread is not None and math.isfinite(side.spread) for side in sides):
        return Difference(difference, math.nan, math.nan, 1)
    from scipy import stats

    errors = [side.spread**2 / side.seeds for side in sides]
    freedom = sum(errors) ** 2 / max(sum(e**2 / (side.seeds - 1) for e, side in zip(errors, sides)), 1e-300)
    half = float(stats.t.ppf(0.5 + confidence / 2, max(freedom, 1.0)) * math.sqrt(sum(errors)))
    return Difference(difference, difference - half, difference + half, min(mine.seeds, other.seeds))


def _word(difference: Difference, theirs: float) -> str:
    """Returns whether our difference "agrees" with the sign of the source's, "contradicts" it or is "undecided"; "agrees
    alone" means without an interval."""
    if math.isnan(difference.low):
        return "agrees alone" if difference.mean * theirs > 0 else "contradicts"
    if difference.verdict == "undecided":
        return "undecided"
    return "agrees" if (difference.verdict == "higher") == (theirs > 0) else "contradicts"


def _verdict(words: Mapping[str, list[str]], agreed: str) -> tuple[str, str]:
    if "contradicts" in words:
        return "fail", "; ".join(words["contradicts"])
    if "undecided" in words:
        return "not comparable", f"undecided at {CONFIDENCE:.0%} confidence: {'; '.join(words['undecided'])}"
    how = "no interval where a side is one run" if "agrees alone" in words else f"{CONFIDENCE:.0%} confidence"
    return "pass", f"{agreed}, {how}"


def _peer(row: Reference, other: Reference) -> bool:
    """Returns whether one kind of source ranks both rows and the other one was read, not recalled."""
    same = (other.quantity, other.kind_of_source) == (row.quantity, row.kind_of_source)
    return same and other.setting != row.setting and other.kind == "order" and other.provenance == "read"


def _trend(row: Reference, references: Sequence[Reference], ours: Ours) -> tuple[str, str]:
    """Judges the sign of a value that is itself a difference or a change, seed by seed."""
    value, spread, seeds, _ = ours[row.quantity, row.setting]
    difference, theirs = mean_interval(value, math.nan if spread is None else spread, seeds), direction(row.value)
    word = _word(difference, row.value)
    if word == "contradicts":
        return "fail", f"{direction(difference.mean)}, {theirs} in the source: {difference.text()}"
    if word == "undecided":
        return (
            "not comparable",
            f"undecided at {CONFIDENCE:.0%} confidence: {difference.text()}, {theirs} in the source",
        )
    how = "one run, no interval" if word == "agrees alone" else f"{CONFIDENCE:.0%} confidence"
    return "pass", f"{theirs}, as in the source: {difference.text()}, {how}"


LEDGER = (
    *("quantity", "setting", "kind_of_source", "provenance", "kind", "reference", "reference_spread"),
    *("ours", "our_spread", "seeds", "verdict", "reason", "source"),
)


def write_ledger(path: Path, verdicts: Sequence[Verdict]) -> None:
    """Writes ledger.csv, one row per reference value."""
    write_atomically(path, ledger_text(verdicts).encode())


def ledger_text(verdicts: Sequence[Verdict]) -> str:
    """Returns the content of ledger.csv; a reference of which only the sign is known appears as "lower" or "higher"."""
    lines: list[Sequence[object]] = [LEDGER]
    for row in verdicts:
        theirs = row.reference
        value = theirs.text if theirs.sign_only else theirs.value
        lines.append(
            [
                theirs.quantity,
                theirs.setting,
                theirs.kind_of_source,
                theirs.provenance,
                theirs.kind,
                value,
                theirs.spread,
            ]
            + [row.ours, row.our_spread, row.seeds, row.verdict, row.reason, theirs.source]
        )
    return "".join(",".join(_cell(value) for value in line) + "\n" for line in lines)


def _cell(value: object) -> str:
    text = "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n') else text
