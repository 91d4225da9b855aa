"""The lists of packages: all pinned, with hashes, nothing missing; and `make lock`, which makes them from an index,
here a small one."""

import hashlib
import importlib.metadata
import io
import json
import re
import sys
import tomllib
import urllib.error
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / ".ci"))
lock, package_index = importlib.import_module("lock"), importlib.import_module("package_index")

URL = "https://index.example/simple"
DIGEST = hashlib.sha256(b"a file").hexdigest()


def locked(name: str) -> dict[str, tuple[str, list[str]]]:
    """name -> (version, hashes) of a list, every line of which is a comment, a pin or a hash."""
    found: dict[str, tuple[str, list[str]]] = {}
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    for line in text.replace("\\\n", " ").splitlines():
        if not line.startswith("#"):
            pin = re.fullmatch(r"([A-Za-z0-9_.-]+)==([\w.+-]+)((?:\s+--hash=sha256:[0-9a-f]{64})+)", line)
            assert pin, line
            found[canonicalize_name(pin[1])] = (pin[2], re.findall("sha256:(.*?)(?: |$)", pin[3]))
    return found


def test_every_package_is_pinned_once_and_has_hashes():
    for name in ("requirements.txt", "requirements-gpu.txt"):
        pins = locked(name)
        assert len(pins) == (REPOSITORY / name).read_text(encoding="utf-8").count("==") > 10
        assert all(hashes and len(set(hashes)) == len(hashes) for _, hashes in pins.values())
    assert not set(locked("requirements.txt")) & set(locked("requirements-gpu.txt"))


def test_nothing_that_an_installed_package_needs_is_left_out():
    """Read from the packages themselves, not by the code that makes the lists."""
    pins = {name: Version(version) for name, (version, _) in locked("requirements.txt").items()}
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [text for extra in ("tfds", "plot", "dev") for text in project["optional-dependencies"][extra]]
    needs = {"pyproject.toml": [*project["dependencies"], *extras]}
    needs |= {
        name: importlib.metadata.requires(name) or []
        for name in pins
        if importlib.metadata.version(name) == str(pins[name])
    }
    assert len(needs) > 70, "the environment is that of requirements.txt"
    for name, texts in needs.items():
        for requirement in map(Requirement, texts):
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                version = pins.get(canonicalize_name(requirement.name))
                assert version is not None and requirement.specifier.contains(version, prereleases=True), (
                    f"{name} needs {requirement}"
                )


def test_setup_and_image_take_no_file_without_a_hash():
    """What `make docs` installs builds pages in an environment of its own, and is left out."""
    for name in ("Makefile", "singularity.def"):
        text = (REPOSITORY / name).read_text(encoding="utf-8").replace("\\\n", " ")
        installs = [line for line in re.split("&&|\n", text) if "pip install" in line and "apptainer" not in line]
        installs = [line for line in installs if "DOCS_PY" not in line]
        hashed = [line for line in installs if "--require-hashes" in line]
        assert len(hashed) >= 2 and len(installs) == len(hashed) + 1
        (own,) = set(installs) - set(hashed)
        assert "--no-deps --editable" in own and "--no-build-isolation" in own
        assert all(re.search(r"-r \S*(build|requirements|requirements-gpu)\.txt", line) for line in hashed)
        assert all("--no-build-isolation" in line for line in hashed if "requirements.txt" in line), (
            "or pip would fetch what builds"
        )
        assert "/^setuptools==/" in text
    assert locked("requirements.txt")["setuptools"]


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("a-1-py3-none-any.whl", "all"),
        ("a-1-py2.py3-none-any.whl", "all"),
        ("a-1.tar.gz", "all"),
        ("a-1-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", {("3.12", "x86_64")}),
        ("a-1-cp311-abi3-manylinux_2_28_aarch64.whl", {("3.11", "aarch64"), ("3.12", "aarch64"), ("3.13", "aarch64")}),
        ("a-1-cp312-abi3-linux_x86_64.whl", {("3.12", "x86_64"), ("3.13", "x86_64")}),
        ("a-1-py3-none-manylinux2014_x86_64.whl", {("3.11", "x86_64"), ("3.12", "x86_64"), ("3.13", "x86_64")}),
        ("a-1-cp313-cp313t-manylinux_2_28_x86_64.whl", set()),
        ("a-1-cp314-cp314-manylinux_2_28_x86_64.whl", set()),
        ("a-1-cp310-cp310-manylinux_2_28_x86_64.whl", set()),
        ("a-1-cp311-cp311-musllinux_1_2_x86_64.whl", set()),
        ("a-1-cp311-cp311-win_amd64.whl", set()),
        ("a-1-py2-none-any.whl", set()),
        ("a-1-pp311-pypy311_pp73-manylinux_2_28_x86_64.whl", set()),
    ],
)
def test_where_a_file_can_be_installed(name, places):
    file = package_index.File(name, "", DIGEST, False)
    every = {(python, machine) for python in package_index.PYTHONS for machine in package_index.MACHINES}
    assert {place for place in every if file.suits(*place)} == (every if places == "all" else places)
    assert file.wanted == bool(places)
    assert package_index.File("a-1-cp311-cp311-macosx_11_0_arm64.whl", "", DIGEST, False).wanted


class Server:
    """An index of a few packages: {"name-1.0-py3-none-any.whl": "metadata"}."""

    def __init__(self, files: dict[str, str], html: bool = False, metadata: bool = True, parts: bool = True):
        self.files, self.html, self.metadata, self.parts, self.asked = files, html, metadata, parts, []

    def __call__(self, url: str, part: str) -> tuple[bytes, str]:
        self.asked.append((url, part))
        name = url.removeprefix(URL).strip("/")
        if url.startswith(URL + "/files/"):
            return self._file(name.removeprefix("files/"), part)
        found = [file for file in self.files if canonicalize_name(re.split(r"-\d", file)[0]) == name]
        if not found:
            raise urllib.error.HTTPError(url, 404, "Not Found", {}, None)
        if self.html:
            beside = ' data-core-metadata="sha256=1"' * self.metadata
            links = (f'<a href="../files/{file}#sha256={self.digest(file)}"{beside}>{file}</a>' for file in found)
            return f"<html>{''.join(links)}</html>".encode(), "text/html; charset=utf-8"
        hashes = {file: {"sha256": self.digest(file)} if self.digest(file) else {} for file in found}
        page = [
            {"filename": f, "url": f"{URL}/files/{f}", "hashes": hashes[f], "core-metadata": self.metadata}
            for f in found
        ]
        return json.dumps({"files": page}).encode(), "application/vnd.pypi.simple.v1+json"

    def _file(self, name: str, part: str) -> tuple[bytes, str]:
        if name.endswith(".metadata"):
            return self.files[name.removesuffix(".metadata")].encode(), ""
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr("data", bytes(300_000))
            archive.writestr("a-1.dist-info/METADATA", self.files[name])
            archive.writestr("more", bytes(100_000))
        whole = content.getvalue()
        begin, _, end = part.partition("-")
        first, last = (int(begin), int(end)) if begin else (len(whole) - int(end), len(whole) - 1)
        return (whole[first : last + 1], f"bytes {first}-{last}/{len(whole)}") if self.parts else (b"", "")

    @staticmethod
    def digest(file: str) -> str:
        return "" if "unhashed" in file else hashlib.sha256(file.encode()).hexdigest()


PACKAGES = {
    "one-1.0-py3-none-any.whl": "Name: one\nRequires-Dist: two>=2\nRequires-Dist: win; sys_platform == 'win32'\n"
    "Requires-Dist: plus>=1,<3; extra == 'more'\nRequires-Dist: old; python_version < '3.11'\n",
    "one-1.0.tar.gz": "",
    "one-0.9-py3-none-any.whl": "",
    **{
        f"Two_b-2.0-cp3{n}-cp3{n}-manylinux_2_28_{m}.whl": "Name: two-b\n"
        for n in (11, 12, 13)
        for m in ("x86_64", "aarch64")
    },
    "Two_b-2.0-cp313-cp313-win_amd64.whl": "",
    "two-2.0-py3-none-any.whl": "Name: two\nRequires-Dist: two-b; python_version >= '3.13'\n",
    "plus-2.0-py3-none-manylinux2014_x86_64.whl": "Name: plus\nRequires-Dist: minus<2\nRequires-Dist: two\n",
    "plus-2.1rc1-py3-none-manylinux2014_x86_64.whl": "",
    "plus-3.0-py3-none-any.whl": "",
    "minus-1.9-py3-none-any.whl": "Name: minus\n",
    "minus-2.0-py3-none-any.whl": "",
}
PINS = {"one": "1.0", "two": "2.0", "two-b": "2.0"}


@pytest.mark.parametrize("how", [{}, {"html": True}, {"metadata": False}])
def test_all_files_of_the_pins_and_what_an_extra_adds(tmp_path, how):
    index = package_index.Index(URL, Server(PACKAGES, **how))
    cpu = lock.lock(PINS, [Requirement("one>=1")], index)
    assert {pin: [file.name for file in files] for pin, files in cpu.items()} == {
        "one==1.0": ["one-1.0-py3-none-any.whl", "one-1.0.tar.gz"],
        "two==2.0": ["two-2.0-py3-none-any.whl"],
        "two-b==2.0": sorted(name for name in PACKAGES if name.startswith("Two") and "win" not in name),
    }
    pins = lock.extra_pins(["one[more]==1.0"], cpu, index)
    assert pins == {"minus": "1.9", "plus": "2.0"}
    lock.lock(pins, [], index, known=cpu)
    lock.write(tmp_path / "r.txt", "", cpu)
    text = (tmp_path / "r.txt").read_text(encoding="utf-8")
    digests = sorted(Server.digest(name) for name in ("one-1.0-py3-none-any.whl", "one-1.0.tar.gz"))
    assert f"\none==1.0 \\\n    --hash=sha256:{digests[0]} \\\n    --hash=sha256:{digests[1]}\ntwo==2.0 \\\n" in text
    assert lock.pins_of(text) == PINS, "it can be read again"


def test_metadata_are_read_out_of_a_wheel_without_fetching_it():
    server = Server(PACKAGES, metadata=False)
    package_index.Index(URL, server).requires(
        [package_index.File("one-1.0-py3-none-any.whl", f"{URL}/files/one-1.0-py3-none-any.whl", DIGEST, False)]
    )
    parts = [part for _, part in server.asked]
    assert (
        len(parts) > 1
        and parts[0] == "-65536"
        and all(int(last) - int(first) < 1000 for first, _, last in (p.partition("-") for p in parts[1:]))
    )


@pytest.mark.parametrize(
    ("pins", "files", "root", "sentence"),
    [
        (
            {"one": "1.0", "two": "2.0"},
            {},
            "one",
            'two==2.0 needs two-b; python_version >= "3.13", which is not pinned',
        ),
        (
            PINS,
            {},
            "one>1",
            "pyproject.toml needs one>1, which is pinned to 1.0; make new pins with `make lock FRESH=1`",
        ),
        (PINS, {}, "three", "pyproject.toml needs three, which is not pinned"),
        (PINS | {"four": "1"}, {}, "one", "https://index.example/simple/four/: 404 Not Found"),
        (PINS | {"one": "7"}, {}, "one", "has no file of one==7"),
        (
            PINS | {"x": "1"},
            {"x-1-cp311-cp311-manylinux_2_28_x86_64.whl": ""},
            "one",
            "x==1 has no file for Python 3.11 on aarch64",
        ),
        (
            PINS | {"unhashed": "1"},
            {"unhashed-1-py3-none-any.whl": ""},
            "one",
            "does not say the SHA-256 of unhashed-1-py3-none-any.whl",
        ),
    ],
)
def test_what_is_missing_is_a_sentence(pins, files, root, sentence):
    with pytest.raises(package_index.LockError, match=re.escape(sentence)):
        lock.lock(pins, [Requirement(root)], package_index.Index(URL, Server(PACKAGES | files)))


def test_a_server_that_sends_whole_files_only_is_named():
    with pytest.raises(
        package_index.LockError, match="the metadata of .*one-1.0.* cannot be read: the server sends whole files only"
    ):
        lock.lock({"one": "1.0"}, [], package_index.Index(URL, Server(PACKAGES, metadata=False, parts=False)))


def test_nothing_is_written_when_something_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(package_index, "_get", Server({}))
    monkeypatch.setattr(lock, "index_url", lambda: URL)
    assert lock.main(["--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("lock: https://index.example/simple/") and not list(tmp_path.iterdir())
