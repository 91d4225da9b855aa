"""What the verbs print fits a terminal of 80 columns."""

import pytest
from sweeps import few

from igr_suite.cli.main import main
from igr_suite.cli.options import fitting, shortened


def widest(text: str) -> str:
    return max(text.splitlines(), key=len)


# whole lists take seconds: one paper each at every change
WORDS = [
    "list suite",
    "findings half_mnist --scale quick",
    "check rebar/figure_1_toy --scale quick",
    "status igr/figure_1_simplex_proximity --scale quick",
    "status igr/figure_3_elbo_curves --scale quick",
    "list",
    "status --scale quick",
    "findings igr --scale quick",
]
WHOLE = WORDS[-3:]


@pytest.mark.parametrize("words", few(WORDS, lambda words: words not in WHOLE))
def test_lines_fit_80_columns(words, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(words.split()) in (0, 1)
    assert len(widest(capsys.readouterr().out)) <= 80


def test_the_list_has_a_block_a_paper_and_a_time_a_scale(capsys):
    assert main(["list", "polynomial"]) == main(["list", "suite/est"]) == 0
    out = capsys.readouterr().out.split("\n")
    assert "    Polynomial programming: where biased estimators come to rest" in out
    line = next(line for line in out if line.startswith("suite/estimators"))
    assert line.count("/") == 4 and line.count("~") >= 1, "estimated where the experiment states no minutes"


def test_a_table_gives_way_column_by_column(monkeypatch):
    """First the column that matters least, then the middles of names; nothing without a terminal."""
    monkeypatch.delenv("COLUMNS", raising=False)
    rows = [["run", "metrics", "time"], ["n" * 30 + "-s0-12ab34cd", "m" * 30, "0:12"]]
    assert len(widest(fitting(rows, least=1, right=(2,)))) == 42 + 30 + 4 + 4, "no terminal here"
    monkeypatch.setenv("COLUMNS", "60")
    assert fitting(rows, least=1, right=(2,)).splitlines()[1] == "n" * 30 + "-s0-12ab34cd  0:12"
    monkeypatch.setenv("COLUMNS", "40")
    narrow = fitting(rows, least=1, right=(2,)).splitlines()
    assert [len(line) for line in narrow] == [40, 40] and narrow[1].endswith("-s0-12ab34cd  0:12") and "…" in narrow[1]
    assert shortened("abcdef", 5) == "ab…ef" and shortened("abc", 3) == "abc"
