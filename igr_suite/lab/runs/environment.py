"""What a run's meta.json records about the machine and the code: versions, git commit, host, cores, threads."""

import importlib.metadata
import os
import platform
import socket
import subprocess
from pathlib import Path
from typing import Any

from igr_suite.lab.runs.own_settings import recorded

PACKAGES = (
    "igr-suite",
    "tensorflow",
    "keras",
    "tf-keras",
    "tensorflow-probability",
    "tensorflow-datasets",
    "numpy",
    "scipy",
    "mlxtend",
)

# git sets these variables for its hooks; they would take precedence over -C
OTHER_REPOSITORY = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE")


def version(package: str) -> str | None:
    """Returns the installed version of a distribution, None when it is not installed; imports nothing."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def cores() -> int:
    """Returns the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def git_state(folder: Path | None = None) -> dict[str, Any]:
    """Returns the commit of the checkout that holds this package and whether files differ from it (None outside a
    checkout)."""
    folder = folder or Path(__file__).parent

    def ask(*words: str) -> str | None:
        command = ["git", "-C", str(folder), *words]
        variables = {name: value for name, value in os.environ.items() if name not in OTHER_REPOSITORY}
        try:
            done = subprocess.run(
                command, capture_output=True, encoding="utf-8", errors="replace", check=True, timeout=10, env=variables
            )
            return done.stdout.strip()
        except (OSError, subprocess.SubprocessError):
            return None

    commit = ask("rev-parse", "HEAD")
    changes = (
        ask("status", "--porcelain", "--untracked-files=no", "--", ":/igr_suite", ":/reproductions") if commit else None
    )
    return {"commit": commit, "dirty": None if changes is None else bool(changes)}


def environment(threads: int | None = None) -> dict[str, Any]:
    """Returns a JSON-valid description of code and machine for meta.json; does not import TensorFlow.

    Args:
      threads: threads given to this run; by default the value of IGR_THREADS.
    """
    threads = threads or int(os.environ.get("IGR_THREADS", 0)) or None
    return {
        "versions": {package: version(package) for package in PACKAGES},
        "python": platform.python_version(),
        "git": git_state(),
        "host": socket.gethostname(),
        "platform": platform.platform(),
        "cores": cores(),
        "threads": threads,
        "variables": recorded(),
    }
