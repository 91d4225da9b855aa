"""Reference values against ours: when is it a pass, a fail, or no comparison; and where every value comes from."""

import csv
import io
from collections import Counter

import pytest

from igr_suite.errors import UserError
from igr_suite.lab.analysis.ledger import OurValue, judge, ledger_text, tally
from igr_suite.lab.analysis.references import COLUMNS, SOURCES, Reference, read_references

HEADER = "quantity,setting,value,spread,source,kind_of_source,kind,provenance\n"


def row(setting="a", value=1.0, spread=None, kind="exact", provenance="read", tolerance=None, source="paper", **more):
    return Reference("elbo", setting, value, spread, "somewhere", source, kind, provenance, tolerance, **more)


def read(tmp_path, *lines):
    path = tmp_path / "published.csv"
    path.write_text(HEADER + "".join(f"{line}\n" for line in lines))
    return read_references(path)


@pytest.mark.parametrize(
    ("published", "ours", "verdict"),
    [
        (row(tolerance=0.5), (1.4, 0.0, 1), "pass"),
        (row(tolerance=0.5), (1.6, 0.0, 1), "fail"),
        (row(spread=0.3), (1.9, 0.4, 3), "pass"),
        (row(spread=0.3), (2.1, 0.4, 3), "fail"),
        (row(spread=0.3), (1.0, float("nan"), 1), "not comparable"),
        (row(), (1.0, 0.1, 3), "not comparable"),
        (row(provenance="recalled", tolerance=9.0), (1.0, 0.1, 3), "not comparable"),
        (row(kind="trend", value=-1.0), (-3.0, 0.1, 3), "pass"),
        (row(kind="trend", value=-1.0), (3.0, 0.1, 3), "fail"),
        (row(kind="trend", value=-1.0), (-0.2, 0.1, 3), "not comparable"),  # t of 2 degrees of freedom: +- 0.248
        (row(kind="trend", value=-1.0), (-0.3, 0.1, 3), "pass"),
        (row(kind="trend", value=-1.0), (-0.2, float("nan"), 1), "pass"),
        (row(kind="order"), (3.0, 0.1, 3), "not comparable"),
    ],
)
def test_verdicts(published, ours, verdict):
    assert judge([published], {("elbo", "a"): ours})[0].verdict == verdict
    assert judge([published], {})[0].verdict == "not comparable"


def test_order_compares_ranks():
    published = [row("a", 3.0, kind="order"), row("b", 2.0, kind="order"), row("c", 1.0, kind="order")]
    ours = {("elbo", "a"): (30.0, 1, 3), ("elbo", "b"): (20.0, 1, 3), ("elbo", "c"): (25.0, 1, 3)}
    assert [verdict.verdict for verdict in judge(published, ours)] == ["pass", "fail", "fail"]


def ranks(a, b):
    published = [row("a", 3.0, kind="order"), row("b", 2.0, kind="order")]
    return judge(published, {("elbo", "a"): a, ("elbo", "b"): b})[0]


def test_ranks_are_tested_seed_by_seed_where_seeds_are_known():
    """Seeds vary far more than the two settings differ: only pairs show the rank."""
    a, b = {1: 10.0, 2: 20.0, 3: 30.1}, {1: 9.0, 2: 19.0, 3: 29.0}
    assert ranks(OurValue(20.0, 10.0, 3, a), OurValue(19.0, 10.0, 3, b)).verdict == "pass"
    unpaired = ranks(OurValue(20.0, 10.0, 3), OurValue(19.0, 10.0, 3))
    assert unpaired.verdict == "not comparable" and "undecided at 95% confidence" in unpaired.reason
    assert ranks(OurValue(19.0, 10.0, 3, b), OurValue(20.0, 10.0, 3, a)).verdict == "fail"
    assert ranks(OurValue(19.0, 10.0, 3, {1: 1.0}), OurValue(20.0, 10.0, 3, {2: 1.0})).verdict == "not comparable", (
        "no common seed"
    )


def test_single_runs_are_ranked_and_the_reason_says_that_there_is_no_interval():
    found = ranks((2.0, 0.0, 1), (1.0, 0.0, 1))
    assert found.verdict == "pass" and "no interval" in found.reason
    assert ranks((1.0, None, 1), (2.0, None, 1)).verdict == "fail"


def test_unpaired_intervals_are_welch_s():
    from scipy import stats

    from igr_suite.lab.analysis.ledger import _between

    theirs = stats.ttest_ind_from_stats(5.0, 2.0, 4, 3.0, 1.0, 6, equal_var=False)
    found = _between(OurValue(5.0, 2.0, 4), OurValue(3.0, 1.0, 6), 1 - theirs.pvalue)
    assert abs(found.low) < 1e-9, "at one minus the p-value the interval ends at zero"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("exact", "exct", "published.csv, line 2: unknown kind 'exct': did you mean 'exact'"),
        ("1.5", "one", "published.csv, line 2: value must be a number, got 'one'"),
        ("1.5", "lower", "value must be a number, got 'lower'"),
        ("1.5", "", "value is empty"),
        ("kind,", "sort,", "no column 'kind'"),
        (
            "kind_of_source,",
            "",
            "has no column 'kind_of_source'; it needs .*; kind_of_source is one of paper, authors_readme, third_party",
        ),
        (
            "paper",
            "papers",
            "csv, line 2: unknown kind_of_source 'papers': did you mean 'paper'. known: authors_code, .*computed",
        ),
        (
            "paper",
            "",
            "line 2: unknown kind_of_source '': known: authors_code, authors_readme, computed, paper, replication, "
            "third_party",
        ),
        (",paper,exact,read", "", "line 2: unknown kind_of_source ''"),
    ],
)
def test_wrong_rows_are_named(tmp_path, old, new, sentence):
    path = tmp_path / "published.csv"
    path.write_text((HEADER + "elbo,a,1.5,,here,paper,exact,read\n").replace(old, new))
    with pytest.raises(UserError, match=sentence):
        read_references(path)


def test_every_kind_of_source_is_read_and_counted_by_itself(tmp_path):
    """Published ones first, recalled ones apart; a recalled value is never judged, whatever its kind."""
    lines = [f"elbo,a,1.0,0.1,here,{kind},exact,{how}" for kind in reversed(SOURCES) for how in ("recalled", "read")]
    verdicts = judge(read(tmp_path, *lines), {("elbo", "a"): (1.05, 0.1, 3)})
    counts = tally(verdicts)
    names = ("paper", "authors' README", "third party", "authors' code", "replication", "computed")
    assert list(counts) == [label for name in names for label in (name, f"{name}, recalled")]
    assert all(counts[name] == Counter({"pass": 1}) for name in names)
    assert all(counts[f"{name}, recalled"] == Counter({"not comparable": 1}) for name in names)
    headings = {verdict.reference.heading for verdict in verdicts if verdict.reference.provenance == "read"}
    assert {heading for heading in headings if "published" in heading} == {
        *("published, paper: here", "published, authors' README: here", "published, third party: here"),
    }
    assert headings >= {"authors' code, run by us: here", "independent replication: here", "computed: here"}


def test_signs_are_words(tmp_path):
    """In published.csv, in what is shown, in the reason and in the ledger; a number whose sign is judged stands beside
    the word."""
    ours = {
        ("gap", "a"): OurValue(-0.3, 0.01, 3),
        ("gap", "b"): OurValue(-0.3, 0.01, 3),
        ("gap", "c"): OurValue(0.3, None, 1),
    }
    lines = (
        "gap,a,lower,,here,paper,trend,read",
        "gap,b,higher,,here,paper,trend,read",
        "gap,c,1.8,,here,paper,trend,read",
    )
    verdicts = judge(read(tmp_path, *lines), ours)
    assert [verdict.verdict for verdict in verdicts] == ["pass", "fail", "pass"]
    assert [verdict.reference.text for verdict in verdicts] == ["lower", "higher", "higher (1.8)"]
    assert [verdict.reason for verdict in verdicts] == [
        "lower, as in the source: -0.300 [-0.325, -0.275], 95% confidence",
        "lower, higher in the source: -0.300 [-0.325, -0.275]",
        "higher, as in the source: +0.300, one run, no interval",
    ]
    ledger = list(csv.DictReader(io.StringIO(ledger_text(verdicts))))
    assert [line["reference"] for line in ledger] == ["lower", "higher", "1.8"]
    assert {line["kind_of_source"] for line in ledger} == {"paper"} and {line["source"] for line in ledger} == {"here"}
    with pytest.raises(
        UserError, match="line 2: a trend needs a sign, got '0'; write lower, higher or a number that is not 0"
    ):
        read(tmp_path, "gap,a,0,,here,paper,trend,read")


def test_ranks_are_words():
    published = [row("a", 3.0, kind="order"), row("b", 2.0, kind="order"), row("c", 1.0, kind="order")]
    ours = {("elbo", name): (value, 0.01, 3) for name, value in (("a", 30.0), ("b", 20.0), ("c", 10.0))}
    assert judge(published, ours)[1].reason == "higher than c; lower than a, as in the source, 95% confidence"
    reason = judge(published, ours | {("elbo", "c"): (25.0, 0.01, 3)})[1].reason
    assert reason == "lower than c (-5.000 [-5.029, -4.971]), higher in the source"


def test_ranks_are_those_of_one_kind_of_source():
    published = [row("a", 3.0, kind="order"), row("b", 2.0, kind="order", source="computed")]
    verdicts = judge(published, {("elbo", "a"): (1.0, 0.1, 3), ("elbo", "b"): (2.0, 0.1, 3)})
    assert {verdict.verdict for verdict in verdicts} == {"not comparable"}


def test_a_single_run_shows_no_deviation():
    shown = [
        judge([row()], {("elbo", "a"): ours})[0].our_text for ours in ((5.81, 0.0, 1), (5.81, 0.0, 3), (5.81, 0.02, 1))
    ]
    assert shown == ["5.81", "5.81 ± 0", "5.810 ± 0.020"], (
        "0.02 of one run is an error of another kind, which `ours` gives"
    )


def test_the_ledger_says_of_every_value_where_it_comes_from():
    text = ledger_text(
        judge(
            [row(source="authors_code", spread=0.5), row("b", provenance="recalled")], {("elbo", "a"): (1.0, None, 1)}
        )
    )
    first, second = csv.DictReader(io.StringIO(text))
    assert set(COLUMNS) - {"value", "spread"} <= set(first)
    assert (first["kind_of_source"], first["provenance"], first["ours"], first["our_spread"]) == (
        "authors_code",
        "read",
        "1",
        "",
    )
    assert (second["kind_of_source"], second["provenance"], second["ours"]) == ("paper", "recalled", "")
