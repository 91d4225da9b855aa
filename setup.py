"""Puts `reproductions/` into the wheel as `igr_suite/reproductions`; all else about the package is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SUFFIXES = (".py", ".csv", ".md")


class BuildWithReproductions(build_py):
    """Copies the declarations of all experiments beside the modules, except where the checkout itself is installed."""

    def run(self):
        super().run()
        if not self.editable_mode:
            for source, target in self._reproductions():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)

    def get_outputs(self, include_bytecode=True):
        copied = [] if self.editable_mode else [str(target) for _, target in self._reproductions()]
        return [*super().get_outputs(include_bytecode), *copied]

    def _reproductions(self) -> list[tuple[Path, Path]]:
        """(file, where it goes)."""
        place = Path(self.build_lib) / "igr_suite"
        files = sorted(path for path in Path("reproductions").rglob("*") if path.suffix in SUFFIXES)
        return [(path, place / path) for path in files]


setup(cmdclass={"build_py": BuildWithReproductions})
