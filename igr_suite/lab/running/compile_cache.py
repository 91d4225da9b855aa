"""Programs that XLA has compiled, kept in the folder IGR_COMPILE_CACHE for later runs with the same program.

TensorFlow reads and writes the folder. A damaged file in it would end a run, so a file is used only if it has the
checksum that was written when a worker ended; programs are kept apart by processor and by TensorFlow's version.
"""

import contextlib
import hashlib
import importlib.metadata
import os
import platform
import shutil
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from igr_suite.errors import UserError
from igr_suite.lab.runs.files import write_atomically, writing

VARIABLE, FLAGS = "IGR_COMPILE_CACHE", "TF_XLA_FLAGS"
FLAG = "--tf_xla_persistent_cache_directory="
KEPT = 1 << 30  # bytes of programs; the oldest go
FREE = 1 << 30  # bytes that the disk must have left, since a program that cannot be written ends a run
WAY_OUT = "choose another folder with IGR_COMPILE_CACHE, or unset it"


def prepared(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Returns the variables that make a worker use the cache, none where IGR_COMPILE_CACHE is not set; removes what is
    damaged or old.

    Raises:
      UserError: the folder cannot be written, its path has a space, or its disk is nearly full.
    """
    given = environment.get(VARIABLE)
    if not given:
        return {}
    folder = Path(given).expanduser().resolve() / machine()
    if any(letter.isspace() for letter in str(folder)):
        raise UserError(f"TensorFlow takes no path with a space for compiled programs, got '{folder}'; {WAY_OUT}")
    with writing(folder, WAY_OUT):
        folder.mkdir(parents=True, exist_ok=True)
        _clean(folder)
        free = shutil.disk_usage(folder).free
    if free < FREE:
        raise UserError(f"{folder} has {free / 2**20:.0f} MB left, and {FREE / 2**20:.0f} are needed; {WAY_OUT}")
    return {FLAGS: f"{FLAG}{folder}"}


def make(environment: Mapping[str, str] = os.environ) -> None:
    """Makes the folder that IGR_COMPILE_CACHE names, where it is set.

    Raises:
      UserError: it cannot be written.
    """
    if given := environment.get(VARIABLE):
        with writing(Path(given).expanduser(), WAY_OUT):
            Path(given).expanduser().mkdir(parents=True, exist_ok=True)


def use(environment: MutableMapping[str, str] = os.environ) -> None:
    """Makes this process use the cache where whoever started it has not seen to it, as for a task of a job array; before
    anything is compiled.

    Raises:
      UserError: as `prepared`.
    """
    if FLAG not in environment.get(FLAGS, ""):
        environment.update(prepared(environment))


def seal(environment: Mapping[str, str] = os.environ) -> None:
    """Writes the checksums of new programs; called when a worker ends. Programs without one are removed later."""
    flag = environment.get(FLAGS, "")
    if flag.startswith(FLAG) and environment.get(VARIABLE):
        with contextlib.suppress(OSError, UserError):
            for program, checksum in _programs(Path(flag.removeprefix(FLAG))).items():
                if not checksum.exists():
                    write_atomically(checksum, _checksum(program))


def machine() -> str:
    """Returns a name for what compiled programs depend on: processor and TensorFlow."""
    facts = [platform.system(), platform.machine(), importlib.metadata.version("tensorflow")]
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        facts += sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))})
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]


def _clean(folder: Path) -> None:
    kept = 0
    for program, checksum in sorted(_programs(folder).items(), key=lambda entry: _written(entry[0]), reverse=True):
        with contextlib.suppress(FileNotFoundError):  # another invocation cleans, too
            kept += program.stat().st_size
            whole = checksum.exists() and checksum.read_bytes() == _checksum(program)
            if not whole or kept > KEPT:
                program.unlink()
                checksum.unlink()


def _written(program: Path) -> float:
    return program.stat().st_mtime if program.exists() else 0.0


def _programs(folder: Path) -> dict[Path, Path]:
    """Returns the compiled programs, each with the place of its checksum."""
    return {path: path.with_name(f"{path.name}.sha256") for path in folder.glob("xla_compile_cache*.pb")}


def _checksum(program: Path) -> bytes:
    with program.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest().encode()
