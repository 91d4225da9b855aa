"""The documentation site's contents, without mkdocs: navigation, API reference, glossary, and the first pages' code."""

import importlib
import itertools
import json
import re
from pathlib import Path

import guides
import pytest
import yaml

from igr_suite.objectives.names import FACTS
from igr_suite.plotting.estimators import LABELS
from igr_suite.plotting.looks import METHODS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PACKAGES = ("layers", "models", "estimators", "objectives", "relaxations", "decoupling", "data", "presets")
DOCUMENTED = re.compile(r"^::: ([\w.]+)$", re.MULTILINE)


def entries(nav) -> list[str]:
    """Paths that a navigation names."""
    if isinstance(nav, str):
        return [nav]
    return [path for part in (nav.values() if isinstance(nav, dict) else nav) for path in entries(part)]


def documented(page: str) -> set[str]:
    """Full names that a page of the API reference describes."""
    return set(DOCUMENTED.findall((DOCS / "api" / page).read_text(encoding="utf-8")))


def test_every_page_is_in_the_navigation_and_every_entry_exists():
    named = entries(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    assert len(named) == len(set(named))
    outside = {path for path in named if path.startswith("repository/")}
    assert all((ROOT / path.removeprefix("repository/")).is_file() for path in outside)
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*") if path.suffix in (".md", ".ipynb")}
    assert set(named) - outside == pages


def test_the_api_reference_has_every_public_name_and_no_other():
    reference = {name for page in (DOCS / "api").glob("*.md") for name in documented(page.name)}
    reference -= documented("formulas.md")
    public = {f"igr_suite.{package}.{name}" for package in PACKAGES for name in names_of(f"igr_suite.{package}")}
    public |= {f"igr_suite.{name}" for name in set(names_of("igr_suite")) - {*PACKAGES, "errors"}}
    # The page of models says that these two are those of decoupling.
    twice = {f"igr_suite.models.{name}" for name in names_of("igr_suite.decoupling")} & public
    assert reference == public - twice
    assert len(twice) == 2


def names_of(package: str) -> list[str]:
    """What a package says is public; each name has to be there."""
    module = importlib.import_module(package)
    assert [name for name in module.__all__ if getattr(module, name, None) is None] == []
    return module.__all__


def test_the_glossary_is_in_order_and_has_the_names_of_figures_and_tables():
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r"^- \*\*(.+?)\*\*:", text, re.MULTILINE)
    plain = [re.sub(r"[^a-z0-9 ]", "", term.lower()) for term in terms]
    assert plain == sorted(plain) and len(set(terms)) == len(terms) > 80
    names = {*LABELS.values(), *itertools.chain(*METHODS.values()), *(facts.title for facts in FACTS.values())}
    assert len(names) > 60
    assert [name for name in sorted(names) if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)] == []


@pytest.mark.parametrize("page", ["index.md", "start.md"])
def test_the_code_of_the_first_pages_runs(page):
    scope = guides.run_python(page)
    if page == "index.md":
        assert scope["digits"].shape == (7, 784)
    else:
        assert scope["gradient"].shape == (32, 4) and scope["model"].output_shape == (None, 784)


def test_notebooks_hold_what_they_printed_and_drew():
    for path in sorted((DOCS / "tutorials").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = [cell for cell in cells if cell["cell_type"] == "code"]
        assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1)), path.name
        outputs = [output for cell in code for output in cell["outputs"]]
        assert not [output for output in outputs if output["output_type"] == "error"], path.name
        assert any("image/png" in output.get("data", {}) for output in outputs), path.name
