"""Tests the library with the oldest versions that pyproject.toml allows.

    make lowest          # makes .venv-lowest, which needs network; 10 minutes on 2 cores

The tests are those of the parts that users import, and one run of every family that they compare with golden values.
Deprecation warnings of old packages are no errors here.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PLACE = REPOSITORY / ".venv-lowest"
EXTRAS = ("plot", "parquet")
TOOLS = ("pytest", "pytest-xdist")
PARTS = ("relaxations", "estimators", "objectives", "decoupling", "networks", "end_to_end/test_golden_runs.py")


def main() -> int:
    """Returns the exit code of pip or of the tests."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [text for extra in EXTRAS for text in project["optional-dependencies"][extra]]
    packages = [*map(lowest, [*project["dependencies"], *extras]), *TOOLS]
    print(*packages, flush=True)
    python = str(PLACE / "bin" / "python")
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(PLACE)],
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages, str(REPOSITORY)],
        [python, "-m", "pytest", "-n", "2", "--dist", "loadfile", "-W", "ignore", *(f"tests/{part}" for part in PARTS)],
    ):
        done = subprocess.run(command, cwd=REPOSITORY, check=False)
        if done.returncode:
            return done.returncode
    return 0


def lowest(requirement: str) -> str:
    """Returns "numpy==2.1" for "numpy>=2.1,<2.4"."""
    name, least = re.match(r"([\w.-]+)>=([\w.]+)", requirement).groups()
    return f"{name}=={least}"


if __name__ == "__main__":
    sys.exit(main())
