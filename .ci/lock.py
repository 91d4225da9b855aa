"""Writes requirements.txt and requirements-gpu.txt: every package exactly pinned, with the SHA-256 of every file that
may be installed.

    make lock             # keeps the pins of requirements.txt and takes the hashes from the index
    make lock FRESH=1     # makes new pins first: what pip installs for pyproject.toml in a fresh environment (minutes)

The index is pip's own (PIP_INDEX_URL or pip's configuration, else PyPI). Nothing is written unless every requirement of
a pinned package, on every Python and machine of package_index.py, is pinned in a version that satisfies it and has a
file for each of them.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from package_index import MACHINES, PYTHONS, File, Index, LockError, Requirement, Version, applies, canonicalize_name

REPOSITORY = Path(__file__).resolve().parents[1]
EXTRAS = ("tfds", "plot", "dev")  # what the pinned environment has besides the dependencies
ABOUT = """# Exact pins of all packages{what}, Python 3.11 to 3.13, with the SHA-256 of their files: pip refuses any other file.
# Made from pyproject.toml by `make lock` (`make lock FRESH=1` for new versions); change pyproject.toml first.
"""
Locked = dict[str, list[File]]


def main(arguments: list[str] | None = None) -> int:
    """Returns 0, or 2 when nothing could be written."""
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
        extras = [text for extra in EXTRAS for text in project["optional-dependencies"][extra]]
        roots = [Requirement(text) for text in [*project["dependencies"], *extras]]
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
    return {pin[1]: pin[2] for pin in re.finditer(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", text, re.MULTILINE)}


def fresh_pins() -> dict[str, str]:
    """Returns what pip installs for pyproject.toml and `EXTRAS` into a fresh environment."""
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
                f"{REPOSITORY}[{','.join(EXTRAS)}]",
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
      roots: requirements that the pins must satisfy.
      index: has the files and their metadata.
      known: packages that are locked already.
    Raises:
      LockError: a package or a file is missing.
    """
    versions = {canonicalize_name(name): Version(version) for name, version in pins.items()}
    beside = {canonicalize_name(name): Version(version) for name, version in (pin.split("==") for pin in known or {})}
    with ThreadPoolExecutor(8) as pool:
        files = dict(zip(pins, pool.map(lambda pair: index.files(*pair), pins.items())))
        needs = dict(zip(pins, pool.map(index.requires, files.values())))
    for name, candidates in files.items():
        for python in PYTHONS:
            for machine in MACHINES if known is None else MACHINES[:1]:
                if not any(file.suits(python, machine) for file in candidates):
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


def extra_pins(texts: list[str], cpu: Locked, index: "Index") -> dict[str, str]:
    """Returns the newest versions of what an extra adds, and of what that needs, as far as it is not pinned already.

    Args:
      texts: "tensorflow[and-cuda]>=2.20".
      cpu: "name==version" -> files of the packages without the extra.
      index: has the files and their metadata.
    """
    pinned = {canonicalize_name(pin.split("==")[0]): files for pin, files in cpu.items()}
    waiting: list[Requirement] = []
    for requirement in map(Requirement, texts):
        for extra in requirement.extras:
            requirements = index.requires(pinned[canonicalize_name(requirement.name)], extra)
            waiting += [need for need in requirements if applies(need, extra) and not applies(need)]
    wanted: dict[str, list[Requirement]] = {}
    pins: dict[str, str] = {}
    while waiting:
        requirement = waiting.pop(0)
        name = canonicalize_name(requirement.name)
        if name in pinned or str(requirement.specifier) in {str(need.specifier) for need in wanted.get(name, [])}:
            continue
        wanted.setdefault(name, []).append(requirement)
        pins[name] = index.newest(
            name, lambda version, name=name: all(need.specifier.contains(version) for need in wanted[name])
        )
        waiting += [need for need in index.requires(index.files(name, pins[name])) if applies(need)]
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
    urls = dict(re.findall(r"^(?:global|install|:env:)\.index-url='(.*)'()$", done.stdout, re.MULTILINE))
    return (next(reversed(urls), None) or "https://pypi.org/simple").rstrip("/")


if __name__ == "__main__":
    sys.exit(main())
