"""Claims judged by paired comparisons: each verdict, and the page."""

import pandas as pd
import pytest

from igr_suite.lab.analysis.hypotheses import Evidence, Hypothesis, judge, report

SEEDS = (1, 2, 3)


def frame(gap):
    """Method a lies `gap` above b, up to a small noise."""
    return pd.DataFrame(
        [
            {"method": m, "seed": s, "score": (gap if m == "a" else 0.0) + 0.01 * s * (1 if m == "a" else 2)}
            for m in "ab"
            for s in SEEDS
        ]
    )


def claim(*items, expected="higher"):
    sides = {"of": {"method": "a"}, "against": {"method": "b"}}
    evidence = [Evidence(item=item, what="score", value="score", expected=expected, **sides) for item in items]
    return Hypothesis(claim="a beats b", source="nobody", evidence=evidence)


@pytest.mark.parametrize(
    ("gaps", "verdict"),
    [
        ({"x": 1.0, "y": 1.0}, "confirmed"),
        ({"x": 1.0, "y": -1.0}, "not confirmed"),
        ({"x": 1.0, "y": 0.0}, "undecided"),
        ({"x": 1.0, "y": None}, "not measured"),
    ],
)
def test_verdict(gaps, verdict):
    frames = {item: None if gap is None else frame(gap) for item, gap in gaps.items()}
    assert judge(claim("x", "y"), lambda item, rows: frames[item]).verdict == verdict


def test_more_comparisons_ask_for_wider_intervals():
    alone, one_of_two = (
        judge(claim("x"), lambda item, rows: frame(0.02)),
        judge(claim("x", "y"), lambda item, rows: frame(0.02)),
    )
    width = [judged.differences[0].high - judged.differences[0].low for judged in (alone, one_of_two)]
    assert width[1] > 1.2 * width[0]


def test_prepared_frames_and_an_expected_lower_value():
    evidence = Evidence(
        item="x", what="cost", value="cost", of={"method": "b"}, against={"method": "a"}, expected="lower",
        prepare=lambda runs: runs.assign(cost=runs["score"] * 2),
    )  # fmt: skip
    judged = judge(
        Hypothesis(claim="b costs less", source="nobody", evidence=[evidence]), lambda item, rows: frame(1.0)
    )
    assert judged.verdict == "confirmed" and judged.differences[0].mean == pytest.approx(-1.96)


def test_page_shows_claim_difference_and_outcome():
    page = report([judge(claim("x"), lambda item, rows: frame(1.0))], "Findings", "Read from runs.")
    assert (
        "| 1 | a beats b | **confirmed** |" in page
        and "| score | higher | +0.980 [" in page
        and "| 3 | supports | x |" in page
    )


def test_evidence_of_metrics_rows_is_read_from_them():
    evidence = Evidence(
        item="x",
        what="s",
        value="score",
        of={"method": "a"},
        against={"method": "b"},
        expected="higher",
        rows="metrics",
    )
    tables = {"runs": frame(-1.0), "metrics": frame(1.0)}
    assert (
        judge(Hypothesis(claim="a", source="nobody", evidence=[evidence]), lambda item, rows: tables[rows]).verdict
        == "confirmed"
    )
