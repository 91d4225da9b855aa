"""A package index as pip reads it: the files of a release, what they run on, and what a release needs."""

import io
import json
import re
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.parser import HeaderParser
from html.parser import HTMLParser

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

PYTHONS = ("3.11", "3.12", "3.13")
# Linux machines for which every package must have a file; files for macOS are listed too
MACHINES = ("x86_64", "aarch64")
TIMEOUT = 60  # seconds

Get = Callable[[str, str], tuple[bytes, str]]


class LockError(Exception):
    """Why no file was written, in a sentence."""


@dataclass(frozen=True)
class File:
    """A file of a release: its name, address and SHA-256, and whether its metadata can be fetched alone."""

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
        """Whether it can be installed there; a source archive can be installed everywhere."""
        return not self.name.endswith(".whl") or any(
            _runs_on(*tag, python) and _of(tag[2], machine) for tag in self.tags
        )

    @property
    def wanted(self) -> bool:
        """Whether it is for a Python and a system that the suite supports: Linux with glibc, or macOS."""
        return any(self.suits(python, machine) for python in PYTHONS for machine in (*MACHINES, "macosx"))


def _runs_on(interpreter: str, abi: str, _: str, python: str) -> bool:
    if interpreter in ("py3", f"py{python[0]}{python[2:]}"):
        return abi == "none"
    match = re.fullmatch(r"cp3(\d+)", interpreter)
    if not match:
        return False
    return interpreter == abi == f"cp3{python[2:]}" or (abi in ("abi3", "none") and int(match[1]) <= int(python[2:]))


def _of(platform: str, machine: str) -> bool:
    if machine == "macosx":
        return platform == "any" or platform.startswith("macosx_")
    return platform == "any" or (platform.startswith(("manylinux", "linux_")) and platform.endswith(machine))


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
      get: (address, part of the file or "") -> (bytes, content type or the part sent); raises HTTPError where there is
        nothing.
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
        files = [file for file in self._page(name) if _version(file.name, name) == Version(version) and file.wanted]
        if not files:
            raise LockError(f"{self.url} has no file of {name}=={version} for Python {', '.join(PYTHONS)}")
        for file in files:
            if not re.fullmatch(r"[0-9a-f]{64}", file.sha256):
                raise LockError(f"{self.url} does not say the SHA-256 of {file.name}")
        return sorted(files, key=lambda file: file.name)

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
        """Returns what a release requires, by the metadata of its wheels; [] for one of source archives only."""
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
        match = re.fullmatch(r"bytes \d+-\d+/(\d+)", sent)
        if not match:
            raise OSError("the server sends whole files only")
        self._size = int(match[1])

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
    for entry in page["files"]:
        metadata = bool(entry.get("core-metadata") or entry.get("dist-info-metadata"))
        yield File(entry["filename"], entry["url"], entry["hashes"].get("sha256", ""), metadata)


def _one_a_python(wheels: list[File]) -> list[File]:
    chosen = [next((wheel for wheel in wheels if wheel.suits(python, "x86_64")), None) for python in PYTHONS]
    return list(dict.fromkeys(wheel for wheel in chosen if wheel is not None)) or wheels[:1]


def _version(file: str, name: str) -> Version | None:
    """The version of a wheel or source archive of a package, None for other files."""
    try:
        project, version = (parse_wheel_filename(file) if file.endswith(".whl") else parse_sdist_filename(file))[:2]
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
    return version if project == canonicalize_name(name) else None


def _get(url: str, part: str) -> tuple[bytes, str]:
    accepted = "application/vnd.pypi.simple.v1+json, text/html;q=0.5, */*;q=0.1"
    headers = {"Range": f"bytes={part}"} if part else {"Accept": accepted}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT) as answer:
        return answer.read() if not part or answer.status == 206 else b"", answer.headers.get(
            "Content-Range" if part else "Content-Type", ""
        )
