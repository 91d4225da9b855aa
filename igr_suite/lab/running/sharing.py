"""Finished runs that two experiments have in common: trained once, copied to the other."""

import contextlib
import errno
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from igr_suite.lab.running.experiment import Expansion, Experiment
from igr_suite.lab.running.grids import Settings
from igr_suite.lab.running.places import scale_folder
from igr_suite.lab.running.sweeps import beside
from igr_suite.lab.runs.files import LEFT_BEHIND, writing
from igr_suite.lab.runs.outputs import sweep_abandoned
from igr_suite.lab.runs.reading import not_to_be_copied
from igr_suite.lab.runs.store import RunFolder

OWN_FILES = (".lock", ".owner", *LEFT_BEHIND)  # what belongs to the folder and its writers, and not to the run


def adopt(expansion: Expansion, experiment: Experiment, scale: str, root: Path, settings: Settings) -> dict[str, str]:
    """Copies the runs that this experiment lacks and that an experiment of `shares_with`, or a sweep of its own, has
    finished and whole; equal ids mean equal configs. A sweep copies from all folders of its scale.

    Checkpoints are not copied unless the experiment `copies_checkpoints`.

    Args:
      expansion: the runs to look for.
      experiment, scale, root, settings: where the runs belong, as in `scale_folder`.
    Returns:
      run_id -> name of the experiment or folder that it was copied from.
    """
    folder, copied = scale_folder(root, experiment, scale, settings), {}
    left = OWN_FILES if experiment.copies_checkpoints else ("checkpoints", *OWN_FILES)
    sweep_abandoned(folder, ".*.partial")
    sources = {folder.name: folder for folder in beside(root, experiment, scale, settings)}
    for name in experiment.shares_with:
        paper, item = name.split("/")
        sources[name] = scale_folder(root, Experiment(paper=paper, item=item, runs=lambda scale: []), scale, settings)
    for name, other in sources.items():
        for run_id in expansion.runs:
            source, target = other / run_id, folder / run_id
            if not target.exists() and RunFolder(source).whole and not not_to_be_copied(source):
                with copied_run(source, target, shutil.ignore_patterns(*left)) as copy:
                    copy.write_meta(copied_from=name)
                if copy.made:
                    copied[run_id] = name
    return copied


class Copy(RunFolder):
    """A copy of a run that is made under a temporary name; `made` is whether it has then been moved to its place."""

    made = False


@contextlib.contextmanager
def copied_run(source: Path, target: Path, ignore: Callable[[str, list[str]], Iterable[str]]) -> Iterator[Copy]:
    """Copies a run's folder; the block may change the copy, which is moved to its place, whole, when the block ends.

    Of several processes that copy to one place at once, the first to finish wins; the others discard their copies.

    Args:
      source, target: run folders.
      ignore: what is not copied, as in `shutil.copytree`.
    Raises:
      UserError: the copy cannot be written.
    """
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex}.partial")
    copy = Copy(partial)
    try:
        with writing(target):
            shutil.copytree(source, partial, ignore=ignore)
        yield copy
        with writing(target):
            try:
                partial.rename(target)
                copy.made = True
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
