"""What the repository's texts refer to exists: files, links, and sections of docs/papers; nothing cites a document that
is not here."""

import csv
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
HERE = Path(__file__).relative_to(REPOSITORY).as_posix()  # its own planted references are not there on purpose
SUFFIXES = ("py", "md", "csv", "toml")

FILE = re.compile(
    r"(?<![\w/.{}<>*$-])((?:[\w.+-]+/)+[\w.+-]*\w\.(?:py|md|csv|toml|json|sh|def|png|svg))(?![\w/*{<]|\.\w)"
)
PLACEHOLDER = re.compile(r"(?:^|/)(?:NAME|PAPER|ITEM|SCALE)(?=[/_.])")  # reproductions/NAME/run.py
LINK = re.compile(r"\]\(([^)\s]+)\)")
GAP = r"[\s#]+"  # a citation may be broken by the end of a line, in a comment too
NUMBERS = rf"\d+(?:\.\d+)*(?:(?:,?{GAP}and|,?{GAP}to|,){GAP}\d+(?:\.\d+)*(?![\w]|,\d|\.\d))*"
CITATION = re.compile(rf"docs/papers/(\w+)\.md,?{GAP}sections?{GAP}({NUMBERS})")
ABSENT = re.compile(
    r"\bspecs?/\w+\.md|\bproject spec\b|\bspec (?:section|igr|rebar|dreg|dni|\d)|\b[Tt]he spec\b(?!\s*=)|\bof the spec\b"
)


@cache
def tracked(suffix: str) -> tuple[str, ...]:
    """Paths of the repository's files with a suffix, this file left out."""
    listed = subprocess.run(
        ["git", "ls-files", f"*.{suffix}"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    return tuple(path for path in listed.split("\n") if path and path != HERE)


@cache
def rooms() -> frozenset[str]:
    """First parts of paths that mean this repository: its folders and the packages of igr_suite."""
    inside = [path.parent.name for path in REPOSITORY.glob("igr_suite/*/__init__.py")]
    return frozenset(["benchmarks", "docs", "igr_suite", "reproductions", "results", "tests", *inside])


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, which a link may name behind #."""
    plain = (
        re.sub(r"[^\w\s-]", "", heading.lower()).strip().replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    )
    return set(plain)


@cache
def sections(page: str) -> frozenset[str]:
    """Numbers of a page's headings, and of the items of its numbered lists behind the number of their section: 7,
    7.18."""
    numbers, section, fence = set(), "", False
    for line in (REPOSITORY / "docs" / "papers" / f"{page}.md").read_text(encoding="utf-8").splitlines():
        fence ^= line.startswith("```")
        heading, item = re.match(r"#+ (\d+(?:\.\d+)*)\.? ", line), re.match(r"(\d+)\. ", line)
        if heading and not fence:
            section = heading[1]
            numbers.add(section)
        elif item and section and not fence:
            numbers.add(f"{section}.{item[1]}")
    return frozenset(numbers)


def faults(text: str, path: str) -> list[str]:
    """References of a file's text to what is not there.

    Args:
      text: of the file.
      path: of the file, relative to the repository.
    """
    missing, folder = [], (REPOSITORY / path).parent
    for reference in FILE.findall(text):
        own = reference.split("/")[0] in rooms() or (reference.endswith(".md") and not path.startswith("tests/"))
        there = any((root / reference).exists() for root in (REPOSITORY, REPOSITORY / "igr_suite", folder))
        if own and not there and not PLACEHOLDER.search(reference):
            missing.append(f"{path}: there is no {reference}")
    for page, numbers in CITATION.findall(text):
        if (REPOSITORY / "docs" / "papers" / f"{page}.md").exists():
            missing += [
                f"{path}: docs/papers/{page}.md has no section {n}"
                for n in re.findall(r"\d+(?:\.\d+)*", numbers)
                if n not in sections(page)
            ]
    missing += [f"{path}: '{words}' is no document of this repository" for words in ABSENT.findall(text)]
    return missing + (broken_links(text, path) if path.endswith(".md") else [])


def broken_links(text: str, path: str) -> list[str]:
    """Links and pictures of a Markdown file that lead to no file or no heading of this repository."""
    missing = []
    for link in LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        file = (REPOSITORY / path).parent / target if target else REPOSITORY / path
        if not file.exists():
            missing.append(f"{path}: the link {link} leads to no file")
        elif anchor and anchor not in anchors(file.read_text(encoding="utf-8") if target else text):
            missing.append(f"{path}: the link {link} leads to no heading")
    return missing


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_everything_that_is_referred_to_is_there(suffix):
    missing = [
        fault for path in tracked(suffix) for fault in faults((REPOSITORY / path).read_text(encoding="utf-8"), path)
    ]
    assert not missing, "\n".join(missing[:40])


def test_sections_that_the_pages_name_are_there():
    """Within docs/papers, where half_mnist.md and dni.md share one numbering."""
    missing = []
    for file in sorted((REPOSITORY / "docs" / "papers").glob("*.md")):
        page = file.stem
        known = sections("dni") | sections("half_mnist") if page in ("dni", "half_mnist") else sections(page)
        for numbers in re.findall(rf"\bsections?\s+({NUMBERS})", file.read_text(encoding="utf-8")):
            missing += [f"{file.name}: section {n}" for n in re.findall(r"\d+(?:\.\d+)*", numbers) if n not in known]
    assert not missing, missing


def numbers_of(text: str) -> set[float]:
    """Sizes of all numbers in a text, written 12, 1,024, .5 or 4e-5."""
    return {
        float(number.replace(",", ""))
        for number in re.findall(
            r"(?<![\w.])(\d*\.\d+(?:e-?\d+)?|\d{1,3}(?:,\d{3})+|\d+(?:e-?\d+)?)(?![\w]|\.\d)", text
        )
    }


def test_reference_values_stand_on_the_page_that_they_cite():
    """Size only: a page may write a loss where a published.csv has a bound."""
    pages = {
        file.stem: numbers_of(file.read_text(encoding="utf-8"))
        for file in (REPOSITORY / "docs" / "papers").glob("*.md")
    }
    missing, rows = [], 0
    for path in (path for path in tracked("csv") if path.endswith("/published.csv")):
        with (REPOSITORY / path).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                page = re.search(r"docs/papers/(\w+)\.md", row["source"])
                if page:
                    rows += 1
                    if abs(float(row["value"])) not in pages[page[1]]:
                        missing.append(
                            f"{path}: {row['quantity']}, {row['setting']}: {row['value']} is not in "
                            f"docs/papers/{page[1]}.md"
                        )
    assert not missing, "\n".join(missing)
    assert rows > 400


@pytest.mark.parametrize(
    "text, path",
    [
        ("# as in docs/papers/nowhere.md, section 1", "igr_suite/errors.py"),
        ("Source: docs/papers/igr.md, section 9.4.", "igr_suite/errors.py"),
        ("Source: docs/papers/igr.md,\n# sections 2.1 and\n# 7.77.", "igr_suite/errors.py"),
        ("a,docs/papers/rebar.md section 5.99,b", "reproductions/rebar/toy/published.csv"),
        ("the rule of igr_suite/models/nowhere.py", "docs/architecture.md"),
        ("says why (models/nowhere.py)", "igr_suite/errors.py"),
        ("tests/nowhere/test_it.py holds it", "README.md"),
        ("Source: spec/igr.md section 2.1", "igr_suite/errors.py"),
        ("read in the project spec", "README.md"),
        ("computed (spec rebar 5.8)", "reproductions/rebar/toy/published.csv"),
        ("[page](nowhere.md)", "docs/architecture.md"),
        ("![figure](results/nowhere.png)", "README.md"),
        ("[part](papers/igr.md#99-nowhere)", "docs/architecture.md"),
    ],
)
def test_a_reference_to_nothing_is_seen(text, path):
    assert len(faults(text, path)) >= 1


def test_what_is_there_and_what_is_no_reference_pass():
    text = """docs/papers/igr.md, sections 1.9, 3 and 7.18; docs/papers/dni.md, section 5, numbers 1-8; families/vae/config.py; README.md;
    https://example.org/docs/nowhere.md; reproductions/NAME/run.py; results/<paper>/table.md; [here](papers/igr.md#0-orientation)"""
    assert faults(text, "docs/architecture.md") == []


def test_the_examples_of_the_readme_run():
    names: dict = {}
    for code in re.findall(r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text(encoding="utf-8"), re.DOTALL):
        exec(compile(code, "README.md", "exec"), names)
    assert names["gradient"].shape == (32, 4) and names["model"].output_shape == (None, 784)
