"""`igr export --spreadsheet`: no cell is a formula, numbers stay numbers, and without the option bytes are as they
were."""

import csv
import json
import math

import pytest
from igr_process import Igr

from igr_suite.cli.main import main
from igr_suite.lab.analysis.table_files import as_it_is, for_spreadsheet, write_table
from igr_suite.lab.runs.store import RunFolder
from igr_suite.lab.runs.wholeness import seal

NAME = "igr/counting"
FORMULAS = (
    '=HYPERLINK("http://x";"y")',
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "-",
    "+",
    "-inf",
    "\uff1d1",
    "-1.5e",
    "--1",
)
OTHERS = ("-1.5", "+3", "-1e-300", ".5", "3", "1.", "", "nan", "inf", "a=b", "true", "'=1", "[-1, 2]", " =1", "3-1")


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """Finished runs, whose summaries and metrics hold formulas as names and values."""
    igr = Igr(tmp_path_factory.mktemp("counted"))
    assert igr("run", NAME, "--scale", "smoke", "--no-plot")[0] == 0
    for number, folder in enumerate(sorted((igr.results / NAME / "smoke").glob("count-*"))):
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        summary |= {
            "text": FORMULAS[number],
            "=name": -1.5,
            "mixed": -2 if number else "=x",
            "low": "-Infinity",
            "negative": -number,
        }
        (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
        with (folder / "metrics.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps({"schema": 1, "step": 9, "=cmd": -1.5, "low": "-Infinity"}) + "\n")
        RunFolder(folder).write_meta(sealed=seal(folder))
    return igr


@pytest.fixture
def export(counted, monkeypatch, capsys):
    monkeypatch.setenv("IGR_REPRODUCTIONS", str(counted.reproductions))
    monkeypatch.setenv("IGR_RESULTS", str(counted.results))
    return lambda *words: (main(["export", NAME, "--scale", "smoke", *words]), *capsys.readouterr())


def read(path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def computed(cell: str) -> bool:
    """Whether a spreadsheet does more with a cell than to show it, told without the code that is tested."""
    try:
        return cell[:1] in tuple("=+-@\t\r\n\uff1d") and not math.isfinite(float(cell))
    except ValueError:
        return True


@pytest.mark.parametrize("what", ["summaries", "metrics", "configs"])
def test_no_cell_is_a_formula_and_no_number_changes(export, tmp_path, what):
    plain, quoted = tmp_path / "plain.csv", tmp_path / "quoted.csv"
    assert export("--what", what, "--out", str(plain))[0] == 0
    assert export("--what", what, "--out", str(quoted), "--spreadsheet")[0] == 0
    before, after = (read(path) for path in (plain, quoted))
    assert [len(row) for row in before] == [len(row) for row in after]
    for old, new in zip(sum(before, []), sum(after, [])):
        assert not computed(new)
        assert new == (f"'{old}" if computed(old) else old)
    changed = [old for old, new in zip(sum(before, []), sum(after, [])) if old != new]
    expected = {"summaries": {*FORMULAS[:3], "=name", "=x", "-inf"}, "metrics": {"=cmd", "-inf"}, "configs": set()}[
        what
    ]
    assert set(changed) == expected
    assert what == "configs" or any(cell.startswith("-") for row in after for cell in row), (
        "numbers below zero are still there"
    )


def test_cells_one_by_one():
    assert [for_spreadsheet(cell) for cell in FORMULAS] == [f"'{cell}" for cell in FORMULAS]
    assert [for_spreadsheet(cell) for cell in OTHERS] == list(OTHERS)
    assert [as_it_is(cell) for cell in FORMULAS] == list(FORMULAS)


def test_without_the_option_bytes_are_as_they_were(tmp_path):
    write_table(tmp_path / "a.csv", [{"=a": "=1", "b": -1.5}, {"=a": "x,y", "b": 2}])
    assert (tmp_path / "a.csv").read_bytes() == b'=a,b\n=1,-1.5\n"x,y",2.0\n'


@pytest.mark.parametrize("words", [("--out", "x.parquet"), ("--tensorboard", "logs")])
def test_other_files_have_no_such_cells(export, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    code, out, err = export(*words, "--spreadsheet")
    assert (
        code == 2
        and "--spreadsheet applies to the cells of a .csv file: name one with --out" in err
        and not list(tmp_path.iterdir())
    )


def test_a_run_with_half_a_character_is_left_out(export, counted, tmp_path):
    """JSON can hold one, UTF-8 cannot; it counts as damage."""
    folder = next((counted.results / NAME / "smoke").glob("count-*"))
    summary = (folder / "summary.json").read_text(encoding="utf-8")
    try:
        (folder / "summary.json").write_text(json.dumps(json.loads(summary) | {"\ud800": "a\udfff"}), encoding="utf-8")
        code, out, err = export("--out", str(tmp_path / "x.csv"))
        assert code == 1 and f"{folder.name} is not whole" in err
        rows = read(tmp_path / "x.csv")
        assert len(rows) > 1 and folder.name not in {row[2] for row in rows}
    finally:
        (folder / "summary.json").write_text(summary, encoding="utf-8")
