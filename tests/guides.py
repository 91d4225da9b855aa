"""Runs the code of a guide in docs/ as it stands: Python blocks in one scope, shell blocks in a folder of their own.

A block below a line that ends with a path and a colon, as in "`plot.py`:", is written into that file. Shell blocks of
one guide share their variables; in them `igr` is the one of this interpreter.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"(?:`([\w./-]+)`:\n\n)?```(\w+)\n(.*?)```", re.S)


class Block(NamedTuple):
    """One block of a guide; `file` is "" for one that is run."""

    file: str
    language: str
    code: str


def blocks(name: str) -> list[Block]:
    """Returns the blocks of docs/<name> in their order."""
    return [Block(*found) for found in BLOCK.findall((DOCS / name).read_text())]


def run_python(name: str, files: tuple[str, ...] = ()) -> dict[str, Any]:
    """Executes the Python blocks of a guide one after the other, those of these files too; returns their scope."""
    scope: dict[str, Any] = {"__name__": "guide"}
    for number, block in enumerate(blocks(name)):
        if block.language == "python" and (not block.file or block.file in files):
            exec(compile(block.code, f"{name}, block {number}", "exec"), scope)
    return scope


def run_shell(name: str, place: Path, before: str = "") -> str:
    """Writes the files of a guide below a folder and runs its shell blocks there, or only the commands `before` the first
    one with these words; returns what they print.

    Raises:
      AssertionError: a command fails; shows its output.
    """
    for block in blocks(name):
        if block.file:
            path = place / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.code)
    commands = "".join(block.code for block in blocks(name) if block.language == "bash")
    if before:
        assert before in commands, f"{name} has no command with {before}"
        commands = commands[: commands[: commands.index(before)].rindex("\nigr") + 1]
    # -P: the working folder is not searched for modules, as by the installed igr
    igr = f'igr() {{ "{sys.executable}" -P -m igr_suite.cli.main "$@"; }}\n'
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith("IGR_") and key != "PYTHONPATH"
    }
    done = subprocess.run(
        ["bash", "-euc", igr + commands], cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{name}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout
