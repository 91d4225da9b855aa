"""Text is read and written as UTF-8 with Unix line ends in any locale: no file or process is opened with the locale's
own encoding."""

import ast
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
FILES = sorted(
    path
    for folder in ("igr_suite", "reproductions", "benchmarks", ".ci")
    for path in (REPOSITORY / folder).rglob("*.py")
)
NOT_FILES = {"os", "webbrowser", "tarfile", "zipfile"}  # modules whose open() gives no text
PROCESSES = {"run", "Popen", "check_output", "check_call", "call", "getoutput", "getstatusoutput"}


def faults(source: str) -> list[str]:
    """Calls that open text without saying how it is encoded, or write it without saying how lines end: "line: code"."""
    return [
        f"{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and _fault(node)
    ]


def _fault(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    owner = (
        call.func.value.id if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name) else None
    )
    given = {word.arg for word in call.keywords}
    if name in ("read_text", "write_text"):
        return "encoding" not in given or (name == "write_text" and "newline" not in given)
    if name in (
        "open",
        "fdopen",
        "TemporaryFile",
        "NamedTemporaryFile",
        "SpooledTemporaryFile",
    ) and owner not in NOT_FILES - {"os"}:
        if owner == "os" and name == "open":
            return False
        mode = _mode(call, name, owner)
        if mode is None or "b" in mode:
            return False
        return "encoding" not in given or (any(letter in mode for letter in "wxa+") and "newline" not in given)
    if name == "TextIOWrapper":
        return "encoding" not in given
    if owner == "subprocess" and name in PROCESSES:
        as_text = [word for word in call.keywords if word.arg in ("text", "universal_newlines", "errors")]
        return name in ("getoutput", "getstatusoutput") or bool(as_text and "encoding" not in given)
    return name in ("getpreferredencoding", "getencoding", "setlocale") or (
        name in ("encode", "decode") and _other_encoding(call)
    )


def _mode(call: ast.Call, name: str, owner: str | None) -> str | None:
    """The mode of an opening call; None where it opens no file: `RunFolder(path).open(config)`."""
    binary = name.endswith("TemporaryFile") or owner in ("gzip", "bz2", "lzma")
    place = 1 if isinstance(call.func, ast.Name) or owner in ("gzip", "bz2", "lzma", "io", "codecs", "os") else 0
    given = [word.value for word in call.keywords if word.arg == "mode"] + call.args[place : place + 1]
    if not given:
        return "rb" if binary else "r"
    if isinstance(given[0], ast.Constant) and isinstance(given[0].value, str):
        return given[0].value
    return None


def _other_encoding(call: ast.Call) -> bool:
    return any(isinstance(value, ast.Constant) and value.value in ("latin-1", "locale", "ascii") for value in call.args)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("path.read_text()", True),
        ("path.read_text(encoding='utf-8')", False),
        ("path.write_text(text, encoding='utf-8')", True),
        ("path.write_text(text, encoding='utf-8', newline='\\n')", False),
        ("open(path)", True),
        ("open(path, 'rb')", False),
        ("open(path, 'w', encoding='utf-8')", True),
        ("path.open()", True),
        ("path.open('x')", True),
        ("path.open('ab', buffering=0)", False),
        ("path.open(newline='', encoding='utf-8')", False),
        ("folder.open(config)", False),
        ("os.open(path, os.O_RDONLY)", False),
        ("os.fdopen(number, 'w')", True),
        ("gzip.open(path, 'rt')", True),
        ("gzip.open(path)", False),
        ("tempfile.NamedTemporaryFile('w')", True),
        ("tempfile.TemporaryFile(dir=place)", False),
        ("subprocess.run(words, text=True)", True),
        ("subprocess.run(words, text=True, encoding='utf-8')", False),
        ("subprocess.run(words, capture_output=True)", False),
        ("subprocess.Popen(words, universal_newlines=True)", True),
    ],
)
def test_the_check_sees_what_it_should(source, found):
    assert bool(faults(source)) == found


@pytest.mark.parametrize("folder", ["igr_suite", "reproductions", "benchmarks", ".ci"])
def test_text_is_utf_8_whatever_the_locale(folder):
    place = REPOSITORY / folder
    found = [
        f"{path.relative_to(REPOSITORY)}:{fault}"
        for path in FILES
        if place in path.parents
        for fault in faults(path.read_text("utf-8"))
    ]
    assert not found, "\n".join(found)
