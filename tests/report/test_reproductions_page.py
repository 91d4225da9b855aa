"""docs/reproductions.md names every reproduction once, and its rows are those that the committed results give."""

import re

import pandas as pd

from igr_suite.lab.running import discovery
from igr_suite.plotting.tables import markdown
from igr_suite.report import reproductions


def rows_of(text):
    """Cells of the tables' rows, by the reproduction that the first one links to."""
    lines = [line for line in text.splitlines() if line.startswith("| [")]
    return {re.match(r"\| \[(\S+)\]", line)[1]: [cell.strip() for cell in line.split("|")[1:-1]] for line in lines}


def test_every_reproduction_is_named_once():
    text = reproductions.PLACE.read_text(encoding="utf-8")
    assert sorted(rows_of(text)) == sorted(discovery.names())
    assert all(text.count(f"reproductions/{name}/README.md") == 1 for name in discovery.names())


def test_rows_follow_from_the_committed_results():
    """Two of them, one finished and one not; `python -m igr_suite.report.reproductions` writes all again."""
    written = rows_of(reproductions.PLACE.read_text(encoding="utf-8"))
    for name in ("igr/figure_1_simplex_proximity", "half_mnist/sg_loss"):
        row = reproductions.row(discovery.find(name))
        row.pop("submit")
        assert rows_of(markdown(pd.DataFrame([row])))[name] == written[name], "write docs/reproductions.md again"
