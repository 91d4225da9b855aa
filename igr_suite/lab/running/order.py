"""What one invocation runs: an experiment at a scale, with its settings and a choice of its runs."""

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from igr_suite.errors import UserError
from igr_suite.lab.running import sweeps
from igr_suite.lab.running.experiment import Expansion, Experiment, expand, grid_of
from igr_suite.lab.running.grids import Settings
from igr_suite.lab.running.places import scale_folder
from igr_suite.lab.running.prolonging import prolong
from igr_suite.lab.running.sharing import adopt


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to run and how.

    Attributes:
      experiment, scale, root, settings: what, and where the results go.
      only: substrings or fnmatch patterns on run_ids, of which one must fit; none means all.
      jobs, threads: see `threads.share`.
      data_dir: TFDS_DATA_DIR of the workers.
      strategy: how each run divides its batches among devices; see `training/strategy.py`.
      track: where the metrics of running runs are sent, of `trackers.TRACKERS`; None sends them nowhere.
    """

    experiment: Experiment
    scale: str
    root: Path
    settings: Settings = field(default_factory=dict)
    only: Sequence[str] = ()
    jobs: int | None = None
    threads: int | None = None
    data_dir: str | None = None
    strategy: str | None = None
    track: str | None = None

    @property
    def folder(self) -> Path:
        """The scale's folder, which holds the run folders."""
        return scale_folder(self.root, self.experiment, self.scale, self.settings)

    @property
    def grid(self) -> dict[str, tuple[str, ...]]:
        """The settings with several values, path -> texts; empty unless this is a sweep."""
        return grid_of(self.experiment, self.scale, self.folder, self.settings, self.data_dir)

    def expand(self) -> Expansion:
        """Returns the runs that are known so far and match `only`."""

        def wanted(run_id: str) -> bool:
            return matches(run_id, self.only)

        return expand(self.experiment, self.scale, self.folder, self.settings, wanted, data_dir=self.data_dir)

    def expand_and_adopt(self) -> tuple[Expansion, list[str]]:
        """Copies the runs that other experiments have finished, and returns the runs that are known then, with a
        sentence for each run that was copied or will continue a shorter one.

        A later stage may have waited for the copied runs, and its own runs may have been finished elsewhere too.

        Raises:
          UserError: no run matches `only`.
        """
        expansion, notes = self.expand(), []
        if grid := self.grid:
            sweeps.record(self.folder, sweeps.Sweep(self.settings, grid, tuple(self.only)))
        while copied := adopt(expansion, self.experiment, self.scale, self.root, self.settings):
            notes += [f"copied {run_id} from {name}" for run_id, name in copied.items()]
            expansion = self.expand()
        self.check_matches(expansion)
        own = self.root / self.experiment.paper / self.experiment.item
        folders = [folder / self.scale for folder in (own, *(self.root / name for name in self.experiment.shares_with))]
        longer = prolong(expansion.runs, self.folder, dict.fromkeys((self.folder, *folders)))
        return expansion, notes + [f"{run_id} goes on from {name}" for run_id, name in longer.items()]

    def check_matches(self, expansion: Expansion) -> None:
        """Raises UserError when `only` leaves no run."""
        if not expansion.runs:
            later = (
                f" (stage {expansion.waiting} is not known before the stages ahead of it are finished)"
                if expansion.waiting
                else ""
            )
            wanted = f"no run of {self.experiment.name} at scale {self.scale} matches --only {' or '.join(map(repr, self.only))}"
            names = "their names, as --set changes them" if self.settings else "them"
            raise UserError(f"{wanted}{later}; --dry-run without --only lists {names}")


def matches(run_id: str, only: Sequence[str]) -> bool:
    """Returns whether a part of a run_id equals one of `only` or matches it as a pattern such as 'GS*-s1-'; true
    without any."""
    return not only or any(part in run_id or fnmatch.fnmatchcase(run_id, f"*{part}*") for part in only)
