"""Published values against ours: when is it a pass, a fail, or no comparison."""

import pytest

from igr_suite.errors import UserError
from igr_suite.experiments.ledger import Published, judge, read_published


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


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [("exact", "exct", "did you mean 'exact'"), ("1.5", "one", "value must be a number"), ("kind", "sort", "no column 'kind'")],
)
def test_wrong_rows_are_named(tmp_path, old, new, sentence):
    path = tmp_path / "published.csv"
    path.write_text("quantity,setting,value,spread,source,kind,provenance\nelbo,a,1.5,,here,exact,read\n".replace(old, new))
    with pytest.raises(UserError, match=sentence):
        read_published(path)
