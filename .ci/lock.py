"""Writes requirements.txt and requirements-gpu.txt: every package exactly pinned, with the SHA-256 of every file that
may be installed.

    make lock             # the pins of requirements.txt as they are, hashes as the index has them now
    make lock FRESH=1     # new pins first: what pip makes of pyproject.toml in a fresh environment (minutes)

The index is pip's own (PIP_INDEX_URL or pip's configuration, PyPI without them). Nothing is written unless every
package that a pinned one needs, on every Python and machine below, is pinned too, in a version that it takes, and has a
file for each of them.
"""

import argparse
import io
import json
import re
import subprocess
import sys
import tempfile
import tomllib
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.parser import HeaderParser
from html.parser import HTMLParser
from pathlib import Path

try:
    from packaging.requirements import Requirement
    from packaging.utils import (
        InvalidSdistFilename,
        InvalidWheelFilename,
        canonicalize_name,
        parse_sdist_filename,
        parse_wheel_filename,
    )
    from packaging.version import Version
except ImportError:  # an interpreter with nothing but pip
    from pip._vendor.packaging.requirements import Requirement
    from pip._vendor.packaging.utils import (
        InvalidSdistFilename,
        InvalidWheelFilename,
        canonicalize_name,
        parse_sdist_filename,
        parse_wheel_filename,
    )
    from pip._vendor.packaging.version import Version

REPOSITORY = Path(__file__).resolve().parents[1]
PYTHONS = ("3.11", "3.12", "3.13")
# of Linux, for which a file of every package must exist; macOS's files are taken along
MACHINES = ("x86_64", "aarch64")
ABOUT = """# Exact pins of all packages{what}, Python 3.11 to 3.13, with the SHA-256 of their files: pip refuses any other file.
# Made from pyproject.toml by `make lock` (`make lock FRESH=1` for new versions); change pyproject.toml first.
"""
TIMEOUT = 60  # seconds


Get = Callable[[str, str], tuple[bytes, str]]
Locked = dict[str, list["File"]]


class LockError(Exception):
    """Why no file was written, in a sentence."""


@dataclass(frozen=True)
class File:
    """A file of a release: its name, address and SHA-256, and whether its metadata can be had alone."""

    name: str
    url: str
    sha256: str
    metadata: bool

    @property
    def tags(self) -> set[tuple[str, str, str]]:
        """(python, abi, platform) of a wheel; empty for a source archive."""
        if not self.name.endswith(".whl"):
            return set()
        return {(tag.interpreter, tag.abi, tag.platform) for tag in parse_wheel_filename(self.name)[3]}

    def suits(self, python: str, machine: str) -> bool:
        """Whether it can be installed there; a source archive can everywhere."""
        return not self.name.endswith(".whl") or any(
            _runs_on(*tag, python) and _of(tag[2], machine) for tag in self.tags
        )

    @property
    def wanted(self) -> bool:
        """Whether it is of a Python and a system that the suite is for: Linux with glibc, and macOS."""
        return any(self.suits(python, machine) for python in PYTHONS for machine in (*MACHINES, "macosx"))


def _runs_on(interpreter: str, abi: str, _: str, python: str) -> bool:
    if interpreter in ("py3", f"py{python[0]}{python[2:]}"):
        return abi == "none"
    found = re.fullmatch(r"cp3(\d+)", interpreter)
    if not found:
        return False
    return interpreter == abi == f"cp3{python[2:]}" or (abi in ("abi3", "none") and int(found[1]) <= int(python[2:]))


def _of(platform: str, machine: str) -> bool:
    if machine == "macosx":
        return platform == "any" or platform.startswith("macosx_")
    return platform == "any" or (platform.startswith(("manylinux", "linux_")) and platform.endswith(machine))


def main(arguments: list[str] | None = None) -> int:
    """Returns 0, or 2 when there is nothing that could be written."""
    parser = argparse.ArgumentParser(
        prog="make lock", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fresh", action="store_true", help="new pins")
    parser.add_argument("--out", type=Path, default=REPOSITORY, help="folder to write into (default: the checkout)")
    chosen = parser.parse_args(arguments)
    try:
        project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        index = Index(index_url())
        pins = fresh_pins() if chosen.fresh else pins_of((REPOSITORY / "requirements.txt").read_text(encoding="utf-8"))
        roots = [Requirement(text) for text in [*project["dependencies"], *project["optional-dependencies"]["dev"]]]
        cpu = lock(pins, roots, index)
        gpu = lock(extra_pins(project["optional-dependencies"]["gpu"], cpu, index), [], index, known=cpu)
        write(chosen.out / "requirements.txt", "", cpu)
        write(chosen.out / "requirements-gpu.txt", " that a GPU needs beside those of requirements.txt", gpu)
    except LockError as error:
        print(f"lock: {error}", file=sys.stderr)
        return 2
    print(
        f"lock: {len(cpu)} and {len(gpu)} packages, {sum(map(len, cpu.values())) + sum(map(len, gpu.values()))} files"
    )
    return 0


def pins_of(text: str) -> dict[str, str]:
    """Returns name -> version of a requirements file, whether or not it has hashes."""
    return {found[1]: found[2] for found in re.finditer(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", text, re.MULTILINE)}


def fresh_pins() -> dict[str, str]:
    """Returns what pip installs for pyproject.toml and its dev extra into a fresh environment."""
    with tempfile.TemporaryDirectory(prefix="lock-") as place:
        python = f"{place}/environment/bin/python"
        for command in (
            [sys.executable, "-m", "venv", f"{place}/environment"],
            [
                python,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "setuptools",
                f"{REPOSITORY}[dev]",
            ],
        ):
            if subprocess.run(command, check=False).returncode != 0:
                raise LockError(f"{' '.join(command)} failed")
        frozen = subprocess.run(
            [python, "-m", "pip", "freeze", "--all"], stdout=subprocess.PIPE, encoding="utf-8", check=True
        ).stdout
    return {
        name: version
        for name, version in pins_of(frozen).items()
        if canonicalize_name(name) not in ("pip", "igr-suite")
    }


def lock(pins: dict[str, str], roots: list[Requirement], index: "Index", known: "Locked | None" = None) -> "Locked":
    """Returns "name==version" -> its files, in the order of the pins.

    Args:
      pins: name -> version.
      roots: that they must satisfy.
      index: asked for files and metadata.
      known: packages that are locked beside these.
    Raises:
      LockError: a package or a file is missing.
    """
    versions = {canonicalize_name(name): Version(version) for name, version in pins.items()}
    beside = {canonicalize_name(name): Version(version) for name, version in (pin.split("==") for pin in known or {})}
    with ThreadPoolExecutor(8) as pool:
        files = dict(zip(pins, pool.map(lambda pair: index.files(*pair), pins.items())))
        needs = dict(zip(pins, pool.map(index.requires, files.values())))
    for name, found in files.items():
        for python in PYTHONS:
            for machine in MACHINES if known is None else MACHINES[:1]:
                if not any(file.suits(python, machine) for file in found):
                    raise LockError(
                        f"{name}=={pins[name]} has no file for Python {python} on {machine}; pin another version"
                    )
    check(roots, "pyproject.toml", versions | beside)
    for name, requirements in needs.items():
        check(requirements, f"{name}=={pins[name]}", versions | beside)
    return {f"{name}=={pins[name]}": files[name] for name in pins}


def check(requirements: list[Requirement], who: str, versions: dict[str, Version]) -> None:
    """Raises LockError for a requirement that no pin satisfies."""
    for requirement in requirements:
        if not applies(requirement):
            continue
        version = versions.get(canonicalize_name(requirement.name))
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            has = "is not pinned" if version is None else f"is pinned to {version}"
            raise LockError(f"{who} needs {requirement}, which {has}; make new pins with `make lock FRESH=1`")


def applies(requirement: Requirement, extra: str = "") -> bool:
    """Whether a requirement holds on one of the Pythons and machines, CPython on Linux."""
    if requirement.marker is None:
        return True
    linux = {"os_name": "posix", "sys_platform": "linux", "platform_system": "Linux", "implementation_name": "cpython"}
    linux |= {"platform_python_implementation": "CPython", "extra": extra}
    places = (
        {"python_version": p, "python_full_version": f"{p}.0", "platform_machine": m} for p in PYTHONS for m in MACHINES
    )
    return any(requirement.marker.evaluate(linux | place) for place in places)


def extra_pins(texts: list[str], cpu: Locked, index: "Index") -> dict[str, str]:
    """Returns the newest versions of what an extra adds, and of what that needs, as far as it is not pinned already.

    Args:
      texts: "tensorflow[and-cuda]==2.21.0".
      cpu: "name==version" -> files of the packages without the extra.
      index: asked for files and metadata.
    """
    pinned = {canonicalize_name(pin.split("==")[0]): files for pin, files in cpu.items()}
    waiting: list[Requirement] = []
    for requirement in map(Requirement, texts):
        for extra in requirement.extras:
            found = index.requires(pinned[canonicalize_name(requirement.name)], extra)
            waiting += [one for one in found if applies(one, extra) and not applies(one)]
    wanted: dict[str, list[Requirement]] = {}
    pins: dict[str, str] = {}
    while waiting:
        requirement = waiting.pop(0)
        name = canonicalize_name(requirement.name)
        if name in pinned or str(requirement.specifier) in {str(one.specifier) for one in wanted.get(name, [])}:
            continue
        wanted.setdefault(name, []).append(requirement)
        pins[name] = index.newest(
            name, lambda version, name=name: all(one.specifier.contains(version) for one in wanted[name])
        )
        waiting += [one for one in index.requires(index.files(name, pins[name])) if applies(one)]
    return dict(sorted(pins.items()))


def write(path: Path, what: str, locked: Locked) -> None:
    """Writes a requirements file."""
    lines = [ABOUT.format(what=what)]
    for pin, files in locked.items():
        lines.append(
            " \\\n".join([pin, *(f"    --hash=sha256:{digest}" for digest in sorted({file.sha256 for file in files}))])
            + "\n"
        )
    path.write_text("".join(lines), encoding="utf-8", newline="\n")


def index_url() -> str:
    """Returns the address of pip's index."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], stdout=subprocess.PIPE, encoding="utf-8", check=False
    )
    found = dict(re.findall(r"^(?:global|install|:env:)\.index-url='(.*)'()$", done.stdout, re.MULTILINE))
    return (next(reversed(found), None) or "https://pypi.org/simple").rstrip("/")


class Links(HTMLParser):
    """The files of an index that answers in HTML."""

    def __init__(self, base: str, text: str):
        super().__init__()
        self.files: list[File] = []
        self._base = base
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "a" and values.get("href"):
            url, _, digest = urllib.parse.urljoin(self._base, values["href"]).partition("#sha256=")
            metadata = "data-core-metadata" in values or "data-dist-info-metadata" in values
            self.files.append(File(urllib.parse.unquote(url.rpartition("/")[2]), url, digest, metadata))


class Index:
    """A package index ("simple" API, JSON or HTML).

    Args:
      url: "https://pypi.org/simple".
      get: (address, part of the file or "") -> (bytes, content type or the part sent); raises HTTPError for what is not
        there.
    """

    def __init__(self, url: str, get: "Get | None" = None):
        self.url = url
        self._get = get or _get
        self._pages: dict[str, list[File]] = {}

    def files(self, name: str, version: str) -> list[File]:
        """Returns the files of a release that may be installed, by name.

        Raises:
          LockError: there are none, or the index has no SHA-256 of one.
        """
        found = [file for file in self._page(name) if _version(file.name, name) == Version(version) and file.wanted]
        if not found:
            raise LockError(f"{self.url} has no file of {name}=={version} for Python {', '.join(PYTHONS)}")
        for file in found:
            if not re.fullmatch(r"[0-9a-f]{64}", file.sha256):
                raise LockError(f"{self.url} does not say the SHA-256 of {file.name}")
        return sorted(found, key=lambda file: file.name)

    def newest(self, name: str, suits: Callable[[Version], bool]) -> str:
        """Returns the newest released version that suits and has a file.

        Raises:
          LockError: there is none.
        """
        versions = {_version(file.name, name) for file in self._page(name) if file.wanted} - {None}
        fitting = [version for version in versions if not version.is_prerelease and suits(version)]
        if not fitting:
            raise LockError(f"{self.url} has no version of {name} that suits")
        return str(max(fitting))

    def requires(self, files: list[File], extra: str = "") -> list[Requirement]:
        """Returns what a release needs, by the metadata of its wheels; nothing is known of one that has source archives
        only."""
        wheels = [file for file in files if file.name.endswith(".whl")]
        if not wheels:
            return []
        texts: dict[str, None] = {}
        for wheel in (
            [wheels[0]] if all("any" in {tag[2] for tag in wheel.tags} for wheel in wheels) else _one_a_python(wheels)
        ):
            content = HeaderParser().parsestr(self._metadata(wheel))
            texts |= dict.fromkeys(content.get_all("Requires-Dist") or [])
        return [requirement for requirement in map(Requirement, texts) if extra or applies(requirement)]

    def _metadata(self, wheel: File) -> str:
        """The metadata of a wheel: a file beside it, or read out of the wheel without fetching the rest."""
        try:
            if wheel.metadata:
                return self._get(f"{wheel.url}.metadata", "")[0].decode("utf-8")
            with zipfile.ZipFile(Remote(wheel.url, self._get)) as archive:
                member = next(name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
                return archive.read(member).decode("utf-8")
        except (OSError, zipfile.BadZipFile, StopIteration) as error:
            raise LockError(f"the metadata of {wheel.name} cannot be read: {error}") from None

    def _page(self, name: str) -> list[File]:
        name = canonicalize_name(name)
        if name not in self._pages:
            url = f"{self.url}/{name}/"
            try:
                content, kind = self._get(url, "")
            except urllib.error.HTTPError as error:
                raise LockError(f"{url}: {error.code} {error.reason}") from None
            except OSError as error:
                raise LockError(f"{url} cannot be asked: {error}") from None
            self._pages[name] = (
                list(_files(json.loads(content))) if "json" in kind else Links(url, content.decode("utf-8")).files
            )
        return self._pages[name]


class Remote(io.RawIOBase):
    """A file on a server that sends parts of it.

    Args:
      url: of the file.
      get: (address, part such as "0-99" or "-100") -> (bytes, the part sent, "bytes 0-99/500").
    """

    BLOCK = 1 << 16

    def __init__(self, url: str, get: "Get"):
        self._url, self._ask, self._at = url, get, 0
        self._end, sent = get(url, f"-{self.BLOCK}")
        found = re.fullmatch(r"bytes \d+-\d+/(\d+)", sent)
        if not found:
            raise OSError("the server sends whole files only")
        self._size = int(found[1])

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        last = self._size if size < 0 else min(self._size, self._at + size)
        begin = self._size - len(self._end)
        if self._at >= last:
            return b""
        content = (
            self._end[self._at - begin : last - begin]
            if self._at >= begin
            else self._ask(self._url, f"{self._at}-{last - 1}")[0]
        )
        self._at = last
        return content


def _files(page: dict) -> Iterator[File]:
    for one in page["files"]:
        metadata = bool(one.get("core-metadata") or one.get("dist-info-metadata"))
        yield File(one["filename"], one["url"], one["hashes"].get("sha256", ""), metadata)


def _one_a_python(wheels: list[File]) -> list[File]:
    chosen = [next((wheel for wheel in wheels if wheel.suits(python, "x86_64")), None) for python in PYTHONS]
    return list(dict.fromkeys(wheel for wheel in chosen if wheel is not None)) or wheels[:1]


def _version(file: str, name: str) -> Version | None:
    """The version of a wheel or source archive of a package, None for other files."""
    try:
        found, version = (parse_wheel_filename(file) if file.endswith(".whl") else parse_sdist_filename(file))[:2]
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
    return version if found == canonicalize_name(name) else None


def _get(url: str, part: str) -> tuple[bytes, str]:
    accepted = "application/vnd.pypi.simple.v1+json, text/html;q=0.5, */*;q=0.1"
    headers = {"Range": f"bytes={part}"} if part else {"Accept": accepted}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT) as answer:
        return answer.read() if not part or answer.status == 206 else b"", answer.headers.get(
            "Content-Range" if part else "Content-Type", ""
        )


if __name__ == "__main__":
    sys.exit(main())
