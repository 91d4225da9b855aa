"""A figure of a reader's own from committed results: `igr plot` with a style, a size, and curves from a file."""

import re
import shlex
from pathlib import Path

import guides
import pytest

from igr_suite.cli.main import main

NAME = ("plot", "igr/figure_3_elbo_curves", "--scale", "quick")
RESULTS = Path(__file__).resolve().parents[2] / "results" / "igr" / "figure_3_elbo_curves" / "quick"


def test_a_figure_of_ones_own_leaves_the_results_alone(tmp_path, capsys):
    (tmp_path / "mine.csv").write_text("method,epoch,seed,test_elbo_relaxed\nmine,1,0,-190\nmine,6,0,-125\n")
    (tmp_path / "thesis.mplstyle").write_text("font.family: serif\nfont.size: 8\n")
    before = {path: path.stat().st_mtime_ns for path in RESULTS.glob("figure.*")}
    words = ["--out", tmp_path / "out", "--style", tmp_path / "thesis.mplstyle", "--size", "3.3x2.4", "--no-title"]
    words += ["--only", "GS_Dis*", "--only", "IGR_I_Dis*", "--overlay", tmp_path / "mine.csv", "--colour", "mine=black"]
    assert main([*NAME, *map(str, words), "--label", "IGR-I=Gaussian softmax"]) == 0, capsys.readouterr().err
    pdf = (tmp_path / "out" / "figure.pdf").read_bytes()
    box = [float(value) for value in re.search(rb"/MediaBox \[ ?([\d. ]+)", pdf)[1].split()]
    assert box[2:] == pytest.approx([3.3 * 72, 2.4 * 72]) and b"/Type3" not in pdf
    table = (tmp_path / "out" / "figure.csv").read_text()
    assert {line.partition(",")[0] for line in table.splitlines()[1:]} == {"GS", "IGR-I", "mine"}
    assert {path: path.stat().st_mtime_ns for path in RESULTS.glob("figure.*")} == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--size", "3x2"), "--size makes a figure of your own: say with --out FOLDER where it goes"),
        (("--only", "GS"), "--only makes a figure of your own"),
        (("--out", "OUT", "--size", "3"), "--size takes width and height in inches, such as 3.3x2.4, got '3'"),
        (("--out", "OUT", "--size", "0x2"), "from 0.5 to 100 inches"),
        (("--out", "OUT", "--colour", "mine"), "--colour takes NAME=VALUE, such as --colour IGR-I=black, got 'mine'"),
        (("--out", "OUT", "--only", "zzz"), "no finished run"),
    ],
)
def test_wrong_options_are_sentences(tmp_path, capsys, words, sentence):
    assert main([*NAME, *(str(tmp_path) if word == "OUT" else word for word in words)]) == 2
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_commands_of_the_guide_do_what_it_says(tmp_path, monkeypatch, capsys):
    """docs/your_figure.md: its files are written, its command is run, and its lines of Python find the curve."""
    files = {block.file: block.code for block in guides.blocks("your_figure.md") if block.file}
    assert set(files) == {"thesis.mplstyle", "mine.csv"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (command,) = [block.code for block in guides.blocks("your_figure.md") if block.language == "bash"]
    monkeypatch.setenv("IGR_RESULTS", str(RESULTS.parents[2]))
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(command.replace("\\\n", " "))[1:]) == 0, capsys.readouterr().err
    assert {"figure.png", "figure.pdf", "figure.svg", "figure.csv", "table.tex"} <= {
        path.name for path in (tmp_path / "thesis").iterdir()
    }
    monkeypatch.chdir(RESULTS.parents[3])
    curve = guides.run_python("your_figure.md")["curve"]
    assert list(curve.columns) == ["mean", "seeds"] and len(curve) == 4
