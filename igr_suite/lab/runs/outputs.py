"""Output for people (figures, tables, pages): every file appears in its folder whole or not at all."""

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from igr_suite.lab.runs.files import writing

FIGURE_SUFFIXES = (".png", ".pdf", ".svg")
ABANDONED = 3600.0  # seconds without a change after which a temporary folder counts as left by a killed process


class Staging:
    """A temporary folder in which files are made.

    Attributes:
      path: the folder; its files are moved to their place at the end of the block of `staged`.
    """

    def __init__(self, path: Path, place: Path):
        self.path, self._place = path, place

    def at_their_place(self, paths: list[Path]) -> list[Path]:
        """Returns the final paths of files; a path outside this folder stays as it is."""
        return [self._place / path.relative_to(self.path) if path.is_relative_to(self.path) else path for path in paths]


@contextlib.contextmanager
def staged(place: Path) -> Iterator[Staging]:
    """Yields a folder for new files, and moves each to `place` when all of them are written and on the disk.

    Even if the process is killed, every file in `place` is the old or the new one and never half of it. Formats in
    which a figure no longer exists (an .svg that has become too large, say) are removed. When the block raises, nothing
    changes.

    Raises:
      UserError: the folder cannot be written.
    """
    with writing(place):
        place.mkdir(parents=True, exist_ok=True)
        sweep_abandoned(place, ".drawing.*")
        folder = place / f".drawing.{uuid.uuid4().hex}"
        folder.mkdir()
    try:
        with writing(place):
            yield Staging(folder, place)
            _move(folder, place)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _move(folder: Path, place: Path) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        with path.open("rb") as file:
            os.fsync(file.fileno())
    made = {path.relative_to(folder) for path in files}
    for name in sorted(made):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).replace(place / name)
    for name in made:
        if name.suffix == FIGURE_SUFFIXES[0]:
            for other in (name.with_suffix(suffix) for suffix in FIGURE_SUFFIXES):
                if other not in made:
                    (place / other).unlink(missing_ok=True)


def sweep_abandoned(folder: Path, pattern: str) -> None:
    """Removes the folders of killed processes: those that match the pattern and have not changed for ABANDONED seconds.

    Dates are compared with that of a new file on the same disk, not with this machine's clock.
    """
    left = [path for path in folder.glob(pattern) if path.is_dir() and not path.is_symlink()]
    if not left:
        return
    with contextlib.suppress(OSError), tempfile.NamedTemporaryFile(dir=folder, prefix=".now.", suffix=".tmp") as now:
        present = os.fstat(now.fileno()).st_ctime
        for path in left:
            newest = max((entry.lstat().st_ctime for entry in [path, *path.rglob("*")]), default=present)
            if present - newest > ABANDONED:
                shutil.rmtree(path, ignore_errors=True)
