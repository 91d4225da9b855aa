"""Claims of a paper judged by paired comparisons of runs: confirmed, not confirmed, undecided, or not measured."""

import functools
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from igr_suite.lab.analysis.paired import CONFIDENCE, Difference, paired_by

if TYPE_CHECKING:
    import pandas as pd

    from igr_suite.lab.analysis.results import Results

Verdict = Literal["confirmed", "not confirmed", "undecided", "not measured"]
Rows = Literal["runs", "metrics"]
FRAMES = Callable[[str, Rows], "pd.DataFrame | None"]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One comparison whose sign a claim predicts.

    Attributes:
      item: the reproduction whose finished runs are compared, "igr/table_1_vae_likelihood".
      what: the compared quantity in words, with its unit.
      value: its column.
      of, against: column -> value that selects the rows of either side.
      expected: whether `of` is higher or lower than `against` by the claim.
      pair_on: columns that have equal values in the rows of a pair.
      prepare: selects or derives rows and columns of the item's frame before the comparison.
      rows: whether the frame has one row per run or one per metrics row, see `Results`.
    """

    item: str
    what: str
    value: str
    of: Mapping[str, object]
    against: Mapping[str, object]
    expected: Literal["higher", "lower"]
    pair_on: Sequence[str] = ("seed",)
    prepare: Callable[["pd.DataFrame"], "pd.DataFrame"] | None = None
    rows: Rows = "runs"


@dataclass(frozen=True, kw_only=True)
class Hypothesis:
    """A claim, its source, the comparisons that test it, and a remark about them."""

    claim: str
    source: str
    evidence: Sequence[Evidence]
    remark: str = field(default="")


class Judged(NamedTuple):
    """A hypothesis with the difference and the outcome of every comparison, and the verdict over all."""

    hypothesis: Hypothesis
    differences: list[Difference | None]
    words: list[str]
    verdict: Verdict


def judge_all(hypotheses: Sequence[Hypothesis], results: Callable[[str], "Results"]) -> list[Judged]:
    """Tests claims, see `judge`.

    Args:
      hypotheses: the claims.
      results: name of a reproduction -> its results; called once for each.
    """
    load = functools.cache(results)
    return [judge(hypothesis, lambda item, rows: getattr(load(item), rows)) for hypothesis in hypotheses]


def judge(hypothesis: Hypothesis, frames: FRAMES) -> Judged:
    """Tests a claim at 95% confidence for all its comparisons together.

    With m comparisons each interval covers 1 - 0.05/m (Bonferroni). "confirmed": every comparison clearly has the sign
    of the claim; "not confirmed": at least one clearly has the other sign; "undecided": none contradicts the claim, but
    not all support it; "not measured": runs are missing.

    Args:
      hypothesis: claim and evidence.
      frames: (item, rows) -> frame of its finished runs; None or an empty frame where there are none.
    """
    confidence = 1 - (1 - CONFIDENCE) / len(hypothesis.evidence)
    differences = [
        _difference(evidence, frames(evidence.item, evidence.rows), confidence) for evidence in hypothesis.evidence
    ]
    words = [_word(difference, evidence) for difference, evidence in zip(differences, hypothesis.evidence)]
    if "not measured" in words:
        verdict = "not measured"
    elif "contradicts" in words:
        verdict = "not confirmed"
    else:
        verdict = "confirmed" if set(words) == {"supports"} else "undecided"
    return Judged(hypothesis, differences, words, verdict)


def _difference(evidence: Evidence, frame: "pd.DataFrame | None", confidence: float) -> Difference | None:
    if frame is None or not len(frame):
        return None
    prepared = evidence.prepare(frame) if evidence.prepare else frame
    if evidence.value not in prepared:
        return None
    difference = paired_by(
        prepared, evidence.value, dict(evidence.of), dict(evidence.against), evidence.pair_on, confidence
    )
    return difference if difference.pairs > 1 else None


def _word(difference: Difference | None, evidence: Evidence) -> str:
    if difference is None:
        return "not measured"
    if difference.verdict == "undecided":
        return "undecided"
    return "supports" if difference.verdict == evidence.expected else "contradicts"


def report(judged: Sequence[Judged], title: str, introduction: str) -> str:
    """Returns the page as Markdown: an overview table, then every claim with its comparisons."""
    lines = [f"# {title}", "", introduction, "", "| # | claim | verdict |", "|---|---|---|"]
    lines += [f"| {i} | {claim.hypothesis.claim} | **{claim.verdict}** |" for i, claim in enumerate(judged, start=1)]
    for i, (hypothesis, differences, words, verdict) in enumerate(judged, start=1):
        lines += ["", f"## {i}. {hypothesis.claim}", "", f"Source: {hypothesis.source}. Verdict: **{verdict}**.", ""]
        if hypothesis.remark:
            lines += [textwrap.fill(hypothesis.remark, 120, break_on_hyphens=False), ""]
        lines += [
            "| compared | claim says | difference [interval] | pairs | outcome | from |",
            "|---|---|---|---|---|---|",
        ]
        for evidence, difference, word in zip(hypothesis.evidence, differences, words):
            shown = ("-", "0") if difference is None else (difference.text(), str(difference.pairs))
            lines.append(
                f"| {evidence.what} | {evidence.expected} | {shown[0]} | {shown[1]} | {word} | {evidence.item} |"
            )
    return "\n".join(lines) + "\n"
