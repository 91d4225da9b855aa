"""What the runs of a paper say: its claims, judged, and its reference values beside ours."""

from collections import Counter
from typing import get_args

from igr_suite.lab.analysis.hypotheses import Judged, Verdict
from igr_suite.report.collect import PaperReport
from igr_suite.report.markup import Html, cell, fill, joined, table

KINDS = {"confirmed": "pass", "not confirmed": "fail"}  # others are quiet
HOW = Html(
    "<p>Claims are judged by differences at equal seeds, at 95% confidence for all comparisons of a claim together.</p>"
)


def findings(paper: PaperReport) -> Html:
    """Returns a paragraph for every scale and, below it, the claims; empty where nothing can be said."""
    scales = dict.fromkeys(scale.scale for item in paper.items for scale in item.scales)
    return joined([*(_at(paper, scale) for scale in scales), HOW if paper.claims else Html()])


def _at(paper: PaperReport, scale: str) -> Html:
    judged = paper.claims.get(scale, [])
    sentences = [_claims(judged), _references(paper, scale)]
    if not any(sentences):
        return Html()
    rows = [
        joined(
            [
                cell(claim.hypothesis.claim),
                cell(claim.verdict, kind=KINDS.get(claim.verdict, "not comparable")),
                cell(f"{claim.words.count('supports')} of {len(claim.words)}", float(claim.words.count("supports"))),
            ]
        )
        for claim in judged
        if claim.verdict != "not measured"
    ]
    claims = table(["claim", "verdict", "comparisons that support it"], rows, (2,), kind="claims") if rows else Html()
    return fill("<p>At {} scale, {}</p>{}", scale, " ".join(filter(None, sentences)), claims)


def _claims(judged: list[Judged]) -> str:
    counts = Counter(claim.verdict for claim in judged)
    if not judged:
        return ""
    shown = ", ".join(f"{counts[verdict]} {verdict}" for verdict in get_args(Verdict) if counts[verdict])
    return f"{len(judged)} claim{'s' * (len(judged) > 1)}: {shown}."


def _references(paper: PaperReport, scale: str) -> str:
    """Returns the sentence on reference values, "" where there are none."""
    verdicts = [row.verdict for item in paper.items for of in item.scales if of.scale == scale for row in of.verdicts]
    counts = Counter(verdicts)
    judged = counts["pass"] + counts["fail"]
    if not verdicts:
        return ""
    others = f"{counts['not comparable']} others are not comparable with these runs" if counts["not comparable"] else ""
    passed = f"{counts['pass']} of {judged} reference values that can be compared pass" if judged else ""
    return f"{'; '.join(filter(None, [passed, others]))}."
