"""Runs that are longer than a finished one but otherwise equal: they continue from its last checkpoint."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from igr_suite.errors import UserError
from igr_suite.lab.running.sharing import OWN_FILES, copied_run
from igr_suite.lab.runs.config import RunConfig, config_to_json, flatten
from igr_suite.lab.runs.files import write_atomically
from igr_suite.lab.runs.reading import not_to_be_copied
from igr_suite.lab.runs.store import RunFolder

BEGINS = ("checkpoints", "metrics.jsonl", "meta.json")


def prolong(runs: Mapping[str, RunConfig], folder: Path, sources: Iterable[Path]) -> dict[str, str]:
    """Makes the folders of runs that have none, each from the longest finished run that differs only in length and
    still has its checkpoint.

    The weights are, bit by bit, those of a run that was trained as a whole. Metrics before the checkpoint are those of
    the shorter run, whose rows may be denser. The entry "continued_from" of meta.json holds the name, length and code
    of the shorter run, which stays as it is.

    Args:
      runs: run_id -> config; those whose class names no `extendable_by` are left alone.
      folder: the folder of the run folders.
      sources: folders to look for shorter runs in.
    Returns:
      run_id -> name of the run that it continues.
    """
    wanted = {
        run_id: config for run_id, config in runs.items() if config.extendable_by and not (folder / run_id).exists()
    }
    if not wanted:
        return {}
    finished = [pair for source in sources for pair in _finished(source)]
    begun = {}
    for run_id, config in wanted.items():
        shorter = [(other, path) for other, path in finished if _begins_as(config, other)]
        if shorter:
            other, path = max(shorter, key=lambda pair: RunFolder(pair[1]).metrics.last_step() or 0)
            if _begin(folder, config, other, path):
                begun[run_id] = other.run_id
    return begun


def _begins_as(config: RunConfig, other: RunConfig) -> bool:
    """Returns whether `other` is the same run, only shorter."""
    if type(other) is not type(config):
        return False
    ours, theirs = (flatten(c.to_dict()) for c in (config, other))
    differs = [path for path in {*ours, *theirs} if ours.get(path) != theirs.get(path)]
    if len(differs) != 1 or differs[0] not in config.extendable_by:
        return False
    mine, its = ours.get(differs[0]), theirs.get(differs[0])
    return mine is not None and its is not None and its < mine


def _finished(folder: Path) -> list[tuple[RunConfig, Path]]:
    """Returns the whole finished runs that can be prolonged and have a checkpoint, with their folders."""
    pairs = []
    for path in sorted(folder.glob("[!.]*/checkpoints")) if folder.is_dir() else ():
        run = RunFolder(path.parent)
        try:
            config = run.config() if run.finished and not run.fault(named=False) else None
        except UserError:  # a run of an older version, which no run can continue
            continue
        if config is not None and config.extendable_by and any(path.iterdir()) and not not_to_be_copied(path.parent):
            pairs.append((config, path.parent))
    return pairs


def _begin(folder: Path, config: RunConfig, other: RunConfig, path: Path) -> bool:
    """Makes the folder of a run from a shorter one; returns False when another process has made it meanwhile."""
    unfinished = shutil.ignore_patterns(*OWN_FILES)

    def left(place: str, names: list[str]) -> list[str]:
        return [name for name in names if Path(place) == path and name not in BEGINS] + list(unfinished(place, names))

    with copied_run(path, folder / config.run_id, left) as run:
        write_atomically(run.path / "config.json", config_to_json(config).encode())
        kept = {name: run.meta().get(name) for name in ("git", "versions")}
        begun = {"run_id": other.run_id, "step": run.metrics.last_step(), **kept}
        run.write_meta(continued_from=begun, started=None, ended=None)
    return run.made
