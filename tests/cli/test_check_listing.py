"""What `igr check NAME` prints: values by quantity and source, within the terminal's width; and why an item has
none."""

import pytest

from igr_suite.cli.check import listing
from igr_suite.lab.analysis.ledger import judge
from igr_suite.lab.analysis.references import Reference

LONG = "REBAR with a learned scale, nonlinear, binarized_mnist, step 2084"


def verdicts(*settings, source="paper", provenance="read"):
    references = [
        Reference("F", setting, -1.0, None, "Table 1", source, "exact", provenance, 0.5) for setting in settings
    ]
    return judge(references, {("F", "a"): (-1.2, 0.1, 3), ("F", LONG): (-1.2, 0.1, 3)})


def test_reasons_stand_behind_or_below():
    assert listing(verdicts("a"), 100).splitlines() == [
        "F",
        "  published, paper: Table 1",
        "  setting  reference          ours  seeds  verdict  reason",
        "  a               -1  -1.20 ± 0.10      3  pass     difference -0.2, tolerance 0.5",
    ]
    assert listing(verdicts("a", source="authors_code"), 60).splitlines() == [
        "F",
        "  authors' code, run by us: Table 1",
        "  setting  reference          ours  seeds  verdict",
        "  a               -1  -1.20 ± 0.10      3  pass",
        "      difference -0.2, tolerance 0.5",
    ]


def test_a_reason_that_all_share_is_said_once():
    assert listing(verdicts("b", "c"), 80).splitlines()[2:] == [
        "  not comparable: no value of ours at this scale and these settings",
        "  setting  reference  ours  seeds  verdict",
        "  b               -1     -      0  not comparable",
        "  c               -1     -      0  not comparable",
    ]
    recalled = listing(verdicts("a", "b", provenance="recalled"), 80).splitlines()
    assert recalled[1].startswith("  paper, recalled: ") and recalled[2].startswith(
        "  not comparable: recalled from memory"
    )


def test_a_long_setting_stands_above_its_values():
    lines = listing(verdicts(LONG), 80).splitlines()
    assert lines[3:5] == [f"  {LONG}", "           -1  -1.20 ± 0.10      3  pass"]


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        ("", "No reference value. The README of this item says why."),
        ("No one counted before.", "No reference value. No one counted before."),
    ],
)
def test_an_item_without_reference_values_says_why(igr, run, reason):
    item = igr.reproductions / "igr/counting"
    (item / "published.csv").write_text((item / "published.csv").read_text().splitlines()[0] + "\n")
    text = (item / "run.py").read_text()
    (item / "run.py").write_text(text.replace('title="Counting",', f'title="Counting", no_reference="{run}",'))
    code, out, err = igr("check", "igr/counting", "--scale", "smoke")
    assert code == 0 and " ".join(out.split()) == f"igr/counting: {reason}", err
