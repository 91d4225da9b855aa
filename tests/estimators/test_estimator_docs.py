"""The committed pages are those of the registry and of the results, and the guide's code runs as it stands."""

import json
import re

import guides
import pytest
from sweeps import few

from igr_suite.estimators import base, registered
from igr_suite.report import choosing as choose
from igr_suite.report.estimators import PLACE, PLACE_OF_FORMULAS, document, formulas


def test_the_committed_pages_are_the_generated_ones():
    """Mended by `python -m igr_suite.report.estimators`."""
    assert PLACE.read_text() == document() and PLACE_OF_FORMULAS.read_text() == formulas()
    for name, cls in registered().items():
        assert f"| `{name}`" in document()
        assert "Source:" in cls.__doc__, f"{name} names no source"


def test_the_committed_advice_is_the_generated_one():
    """Mended by `python -m igr_suite.report.choosing`; every name that the advice gives is a registered one."""
    written = choose.document()
    assert choose.PLACE.read_text() == written
    advice = written.partition("## Which one")[2]
    assert set(re.findall(r"`(\w+)`", advice)) <= set(registered())
    found = choose.measured()
    for kind in set(found.index.get_level_values(0)):
        comparable = {name for name, cls in registered(kind).items() if cls.facts.target == "expectation"}
        assert comparable == set(found.loc[kind].index), (
            f"`igr run suite/estimators --scale quick` measures all ({kind})"
        )


def test_what_was_not_measured_is_a_dash(monkeypatch, tmp_path):
    monkeypatch.setattr(choose, "MEASURED", tmp_path)
    monkeypatch.setattr(choose, "TRACKED", tmp_path / "table.csv")
    row = next(line for line in choose.document().splitlines() if line.startswith("| `disarm`"))
    assert [cell.strip() for cell in row.split("|")][8:12] == ["-"] * 4
    assert "variance 0" not in choose.document()


def test_the_guide_runs(monkeypatch, capsys):
    monkeypatch.setattr(base, "_registry", dict(base._registry))
    guides.run_python("add_an_estimator.md", files=("mirrored.py",))
    assert "mirrored_reinforce" in registered()
    printed = capsys.readouterr().out
    variances = {name: float(value) for name, value in re.findall(r"(\w+) variance ([\d.]+)", printed)}
    assert variances["mirrored_reinforce"] > variances["disarm"] > 0


def test_the_guide_to_loops_runs(capsys):
    guides.run_python("use_an_estimator.md")
    printed = capsys.readouterr().out
    trained = re.findall(r"ELBO (-\d+) -> (-\d+)", printed)
    assert len(trained) == 2 and all(int(after) > int(before) + 250 for before, after in trained), printed
    assert "gradient (4, 50)" in printed and "two layers [TensorShape([4, 3]), TensorShape([3, 2])]" in printed


@pytest.mark.parametrize(
    ("before", "kinds"),
    few(
        [("--only '*-bernoulli*'", ["TrainSBN"]), ("", ["TrainHalfMNIST", "TrainHardVAE", "TrainSBN"])],
        lambda case: case[0],
    ),
)
def test_the_guide_s_estimator_trains_from_a_file_of_its_own(before, kinds, tmp_path):
    """A belief network, and in the sweep a VAE and half-MNIST, from the command line, in a folder outside the
    checkout."""
    guides.run_shell("add_an_estimator.md", tmp_path, before)
    assert kinds == sorted(json.loads(path.read_text())["kind"] for path in tmp_path.rglob("config.json"))
    assert len(list(tmp_path.rglob("summary.json"))) == len(kinds)
