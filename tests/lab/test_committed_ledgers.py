"""Ledgers beside the committed results: every item that has reference values has one, and it is what `igr check`
writes."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from igr_suite.cli.check import listing
from igr_suite.lab.analysis.ledger import VERDICTS, ledger_text
from igr_suite.lab.analysis.references import SOURCES, read_references
from igr_suite.lab.analysis.results import Results
from igr_suite.lab.analysis.verdicts import verdicts_of
from igr_suite.lab.running import discovery

REPOSITORY = Path(__file__).resolve().parents[2]
RESULTS = REPOSITORY / "results"


def committed():
    """(item, scale) of every results folder of an item with reference values."""
    for name in discovery.names():
        if read_references(discovery.folder_of(name) / "published.csv"):
            yield from (
                (name, scale) for scale in ("quick", "paper") if list((RESULTS / name / scale).glob("*/summary.json"))
            )


@pytest.mark.parametrize(("name", "scale"), list(committed()))
def test_the_committed_ledger_is_what_check_computes(name, scale):
    verdicts, reason = verdicts_of(Results(discovery.find(name), scale, RESULTS))
    assert verdicts, reason
    path = RESULTS / name / scale / "ledger.csv"
    assert path.exists(), f"igr check {name} --scale {scale}"
    assert path.read_text() == ledger_text(verdicts), f"igr check {name} --scale {scale} writes another one"
    lines = listing(verdicts, 80).splitlines()
    assert max(map(len, lines)) <= 80, "fits a terminal of 80 columns"
    assert not [row.reference.setting for row in verdicts if not any(row.reference.setting in line for line in lines)]


def test_every_item_with_reference_values_has_committed_results():
    judged = {name for name in discovery.names() if read_references(discovery.folder_of(name) / "published.csv")}
    assert {name for name, _ in committed()} == judged and len(judged) > 20


def test_no_reference_value_is_without_a_place():
    """Sources name a paper, a README, a program or a page of docs/papers with its section; none cites what is not
    here."""
    for name in discovery.names():
        for row in read_references(discovery.folder_of(name) / "published.csv"):
            assert row.source.strip(), f"{name}: {row.quantity}, {row.setting}"
            assert "spec" not in row.source.replace("specif", ""), f"{name}: {row.source}"
            if row.kind_of_source in ("authors_code", "replication", "computed"):
                assert "docs/papers/" in row.source and " section" in row.source, f"{name}: {row.source}"
            assert (row.kind_of_source == "authors_readme") == ("README" in row.source), f"{name}: {row.source}"


def test_the_readme_s_tally_is_that_of_the_committed_ledgers():
    section = (
        (REPOSITORY / "docs" / "published_values.md")
        .read_text()
        .split("<!-- igr check -->")[1]
        .split("<!-- end of igr check -->")[0]
    )
    rows, name = [], ""
    for line in section.splitlines():
        if line.startswith("| ") and "kind of source" not in line:
            first, *cells = (cell.strip() for cell in line.strip("|").split("|"))
            name = first or name
            rows.append((name, *cells))
    counts = {}
    for item, scale in committed():
        if scale == "quick":
            with (RESULTS / item / scale / "ledger.csv").open(newline="") as file:
                for row in csv.DictReader(file):
                    label = SOURCES[row["kind_of_source"]].name + (
                        ", recalled" if row["provenance"] == "recalled" else ""
                    )
                    for place in ((item, label), ("all", label), ("all", "together")):
                        counts.setdefault(place, Counter())[row["verdict"]] += 1
    expected = {(*place, *(str(numbers[word]) for word in VERDICTS)) for place, numbers in counts.items()}
    assert set(rows) == expected and len(rows) == len(expected), (
        "igr check --scale quick --write docs/published_values.md"
    )
