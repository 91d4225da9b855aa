"""What a person looks at (figures, tables, pages) appears in its folder file by file, each whole or not at all."""

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from igr_suite.lab.runs.files import writing

FIGURE_SUFFIXES = (".png", ".pdf", ".svg")
ABANDONED = 3600.0  # seconds without a change after which a folder of files in the making counts as a killed process's


class Staging:
    """A folder beside the place of its files, where they are made.

    Attributes:
      path: the folder; everything that is written into it goes to its place when the block of `staged` has ended.
    """

    def __init__(self, path: Path, place: Path):
        self.path, self._place = path, place

    def at_their_place(self, paths: list[Path]) -> list[Path]:
        """Returns the paths that files of this folder have afterwards; those of other folders stay."""
        return [self._place / path.relative_to(self.path) if path.is_relative_to(self.path) else path for path in paths]


@contextlib.contextmanager
def staged(place: Path) -> Iterator[Staging]:
    """Makes files elsewhere and moves each to `place` when all of them are written and on the disk.

    Readers, and a process killed at any moment, see every file old or new and never half of it. Files of a figure that
    it no longer has (an .svg that has become too large, say) are removed. When the block raises, nothing changes.

    Raises:
      UserError: the folder is not writable, the disk is full ...
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
    """Removes folders that a killed process left: those that fit the pattern and in which nothing has changed for
    ABANDONED seconds.

    The dates of two files on the same disk are compared, not a date with this machine's clock.
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
