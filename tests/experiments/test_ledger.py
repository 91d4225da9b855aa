"""Published values against ours: when is it a pass, a fail, or no comparison."""

import pytest

from igr_suite.errors import UserError
from igr_suite.experiments.ledger import OurValue, Published, judge, read_published


def row(setting="a", value=1.0, spread=None, kind="exact", provenance="read", tolerance=None):
    return Published("elbo", setting, value, spread, "somewhere", kind, provenance, tolerance)


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
    assert ranks(OurValue(19.0, 10.0, 3, {1: 1.0}), OurValue(20.0, 10.0, 3, {2: 1.0})).verdict == "not comparable", "no common seed"


def test_single_runs_are_ranked_and_the_reason_says_that_there_is_no_interval():
    found = ranks((2.0, 0.0, 1), (1.0, 0.0, 1))
    assert found.verdict == "pass" and "no interval" in found.reason
    assert ranks((1.0, None, 1), (2.0, None, 1)).verdict == "fail"


def test_unpaired_intervals_are_welch_s():
    from scipy import stats

    from igr_suite.experiments.ledger import _between

    theirs = stats.ttest_ind_from_stats(5.0, 2.0, 4, 3.0, 1.0, 6, equal_var=False)
    found = _between(OurValue(5.0, 2.0, 4), OurValue(3.0, 1.0, 6), 1 - theirs.pvalue)
    assert abs(found.low) < 1e-9, "at one minus the p-value the interval ends at zero"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [("exact", "exct", "did you mean 'exact'"), ("1.5", "one", "value must be a number"), ("kind", "sort", "no column 'kind'")],
)
def test_wrong_rows_are_named(tmp_path, old, new, sentence):
    path = tmp_path / "published.csv"
    path.write_text("quantity,setting,value,spread,source,kind,provenance\nelbo,a,1.5,,here,exact,read\n".replace(old, new))
    with pytest.raises(UserError, match=sentence):
        read_published(path)
