"""Finished runs that two experiments have in common: trained once, copied to the other."""

import contextlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from igr_suite.experiments.experiment import Expansion, Experiment
from igr_suite.experiments.places import scale_folder
from igr_suite.experiments.store import RunFolder


def adopt(expansion: Expansion, experiment: Experiment, scale: str, root: Path, settings: dict[str, str]) -> dict[str, str]:
    """Copies runs that this experiment lacks and one it shares with has finished and has whole; equal ids are equal configs.

    Checkpoints stay there unless the experiment `copies_checkpoints`.

    Args:
      expansion: the runs to look for.
      experiment, scale, root, settings: where they belong, as in `scale_folder`.
    Returns:
      run_id -> name of the experiment it was copied from.
    """
    folder, copied = scale_folder(root, experiment, scale, settings), {}
    left = (".lock", ".owner") if experiment.copies_checkpoints else ("checkpoints", ".lock", ".owner")
    for name in experiment.shares_with:
        paper, item = name.split("/")
        other = scale_folder(root, Experiment(paper=paper, item=item, runs=lambda scale: []), scale, settings)
        for run_id in expansion.runs:
            if not (folder / run_id).exists() and RunFolder(other / run_id).whole:
                with copied_run(other / run_id, folder / run_id, shutil.ignore_patterns(*left)) as copy:
                    copy.write_meta(copied_from=name)
                copied[run_id] = name
    return copied


@contextlib.contextmanager
def copied_run(source: Path, target: Path, ignore: Callable[[str, list[str]], Iterable[str]]) -> Iterator[RunFolder]:
    """Copies a run's folder; the block may change the copy, which is at its place once the block has ended, whole or not at all.

    Args:
      source, target: run folders.
      ignore: what stays there, as in `shutil.copytree`.
    """
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(source, partial, ignore=ignore)
    yield RunFolder(partial)
    partial.rename(target)
