"""Joins the results folders of several machines: takes the best copy of every run, and never overwrites a copy with a
worse one."""

import contextlib
import os
import re
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from igr_suite.errors import UserError
from igr_suite.lab.running import discovery
from igr_suite.lab.runs.files import alone_in, writing
from igr_suite.lab.runs.lock import locked
from igr_suite.lab.runs.reading import not_to_be_copied, parse_json, read_regular
from igr_suite.lab.runs.store import RunFolder
from igr_suite.lab.runs.wholeness import FILES, fault_of, name_fault

NOT_WHOLE, UNFINISHED, WHOLE = range(3)
# name of a folder beside the runs in which copies are made and from which they are moved when they are complete
TEMPORARY = ".merging-"
# files of the process that writes a run, which are not copied
STAYS = shutil.ignore_patterns(".lock*", ".owner*", "progress.json", ".*.tmp")


@dataclass(frozen=True)
class Copy:
    """One copy of a run.

    Attributes:
      root: the results folder that holds it.
      path: its own folder.
      rank: WHOLE, UNFINISHED or NOT_WHOLE.
      progress: of an unfinished copy: step of its newest checkpoint, step of its last metrics row, and whether it
        diverged there.
      fault: why the copy is not whole.
    """

    root: Path
    path: Path
    rank: int
    progress: tuple[int, int, bool] = (-1, -1, False)
    fault: str = ""

    def __str__(self) -> str:
        step = max(self.progress[:2])
        unfinished = f"unfinished, step {step}" if step >= 0 else "begun"
        return f"{self.root} ({(f'not whole: {self.fault}', unfinished, 'finished')[self.rank]})"


@dataclass
class Plan:
    """What a merge does.

    Attributes:
      copies: place below the results folder -> the copy that goes there, where there is no run yet.
      replacements: place -> the copy that replaces a worse one there.
      kept: places whose run stays as it is.
      problems: place -> why nothing is done there, as the end of a sentence; all copies stay as they are.
      passed_over: place -> copies that are not whole where another one is taken or kept.
    """

    copies: dict[str, Copy] = field(default_factory=dict)
    replacements: dict[str, Copy] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    passed_over: dict[str, list[Copy]] = field(default_factory=dict)


def plan(sources: Sequence[Path], out: Path) -> Plan:
    """Chooses a copy of every run of the sources.

    A whole finished run is better than an unfinished one; of two unfinished ones, the one with the later checkpoint
    (then the later metrics row) is better. Equal results count as one. A run that is not whole is never copied, and is
    replaced by a whole one only.

    Args:
      sources: results folders.
      out: the results folder to fill; its runs are copies like the others, and stay where no other is better.
    Raises:
      UserError: a source holds no run.
    """
    places: dict[str, list[Path]] = defaultdict(list)
    others = [source for source in dict.fromkeys(sources) if source.resolve() != out.resolve()]
    for source in others:
        runs = list(runs_below(source))
        if not runs:
            way_out = "give the folder that holds <paper>/<item>/<scale>/<run>"
            raise UserError(
                f"{source} holds no run; {way_out}" if source.is_dir() else f"there is no folder {source}; {way_out}"
            )
        for place in runs:
            places[place].append(source)
    _load({place.rsplit("/", 2)[0] for place in places})
    result = Plan()
    for place, roots in sorted(places.items()):
        _choose(result, place, out, roots)
    return result


def _load(items: Iterable[str]) -> None:
    """Loads the run.py of those items that exist here, so that their config classes are registered; other items can be
    merged too."""
    for name in sorted(set(items) & set(discovery.names())):
        with contextlib.suppress(UserError):
            discovery.find(name)


def runs_below(root: Path) -> Iterator[str]:
    """Returns the places of all run folders below a results folder: '<paper>/<item>/<scale>/<run>'."""
    folders = {path.parent for file in FILES for path in root.glob(f"[!.]*/[!.]*/[!.]*/[!.]*/{file}")}
    return (path.relative_to(root).as_posix() for path in sorted(folders))


def look(root: Path, place: str) -> Copy:
    """Returns the copy of a run in a results folder, with its rank."""
    path = root / place
    run = RunFolder(path)
    if fault := fault_of(path, thorough=True, foreign=True) or name_fault(path):
        return Copy(root, path, NOT_WHOLE, fault=fault)
    if run.finished:
        return Copy(root, path, WHOLE)
    try:
        step = run.metrics.last_step()
    except UserError as error:
        return Copy(root, path, NOT_WHOLE, fault=str(error))
    saved = [
        int(number) for name in run.checkpoints.glob("step_*") for number in re.findall(r"^step_(\d+)\.", name.name)
    ]
    return Copy(root, path, UNFINISHED, (max(saved, default=-1), -1 if step is None else step, run.diverged))


def merge(sources: Sequence[Path], out: Path) -> Plan:
    """Makes a plan, carries it out and returns it. A run appears at its place complete or not at all; a run that was
    there is moved away first.

    Raises:
      UserError: as in `plan`, or the folder cannot be written.
    """
    plan(sources, out)  # before the folder is made
    with alone_in(out):
        chosen = plan(sources, out)
        for place, copy in sorted((chosen.copies | chosen.replacements).items()):
            target = out / place
            with writing(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                for left in target.parent.glob(f"{TEMPORARY}*"):  # of a merge that was killed
                    shutil.rmtree(left)
                problem = _put(copy, target)
            if problem:
                chosen.copies.pop(place, None)
                chosen.replacements.pop(place, None)
                chosen.problems[place] = problem
    return chosen


def _choose(result: Plan, place: str, out: Path, roots: Iterable[Path]) -> None:
    """Enters one run into the plan."""
    there = any((out / place / file).exists() for file in FILES)
    mine = look(out, place) if there else None
    theirs = [look(root, place) for root in roots]
    copies = [*([mine] if mine else []), *theirs]
    running = [copy for copy in copies if copy.rank != WHOLE and locked(copy.path)]
    whole = _different([copy for copy in copies if copy.rank == WHOLE])
    damaged = [copy for copy in copies if copy.rank == NOT_WHOLE]
    if len(whole) > 1:
        result.problems[place] = (
            f"finished with different results in {' and '.join(str(copy.root) for copy in whole)}; delete one of them"
        )
    elif mine in running:
        result.problems[place] = f"is running in {out}; wait for it, or stop it"
    elif whole:
        _enter(result, place, mine, whole[0])
    elif running:
        result.problems[place] = (
            f"is running in {' and '.join(str(copy.root) for copy in running)}; wait for it, or stop it"
        )
    else:
        unfinished = [copy for copy in theirs if copy.rank == UNFINISHED]
        best = max(unfinished, key=lambda copy: copy.progress, default=None)
        if damaged and (best is None or mine in damaged):
            result.problems[place] = f"is nowhere whole: {'; '.join(map(str, [*damaged, *unfinished]))}"
        else:
            _enter(result, place, mine, best)
    if damaged and place not in result.problems:
        result.passed_over[place] = damaged


def _enter(result: Plan, place: str, mine: Copy | None, best: Copy) -> None:
    if mine is None:
        result.copies[place] = best
    elif (best.rank, best.progress) > (mine.rank, mine.progress):
        result.replacements[place] = best
    else:
        result.kept.append(place)


def _different(copies: list[Copy]) -> list[Copy]:
    """Returns the first copy of every different result."""
    different: list[Copy] = []
    for copy in copies:
        if not any(_equal(copy.path, other.path) for other in different):
            different.append(copy)
    return different


def _equal(run: Path, other: Path) -> bool:
    """Returns whether two finished runs have equal summaries, and metrics that are equal byte by byte."""
    summaries = [parse_json(read_regular(path / "summary.json")) for path in (run, other)]
    rows = [path / "metrics.jsonl" for path in (run, other)]
    if summaries[0] != summaries[1] or rows[0].exists() != rows[1].exists():
        return False
    return not rows[0].exists() or read_regular(rows[0]) == read_regular(rows[1])


def _put(copy: Copy, target: Path) -> str:
    """Copies a run under a temporary name and moves it to its place; returns why that failed, "" where it did not."""
    temporary = target.parent / f"{TEMPORARY}{os.getpid()}"
    arriving, leaving = temporary / target.name, temporary / "before"
    if strange := not_to_be_copied(copy.path):
        return f"cannot be copied from {copy.root}: it holds {strange}; remove that"
    try:
        shutil.copytree(copy.path, arriving, ignore=STAYS)
        if copy.rank == WHOLE and not (RunFolder(arriving).finished and _equal(copy.path, arriving)):
            return f"changed in {copy.root} while it was copied; merge again"
        if target.exists():
            if locked(target):
                return f"began to run in {target.parent}; merge again when it has ended"
            target.rename(leaving)
        try:
            arriving.rename(target)
        except OSError:
            if leaving.exists():
                leaving.rename(target)
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return ""
