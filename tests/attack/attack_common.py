"""What all attacks share: the row of the table that each fills, a small experiment to attack, and `igr` called in this
process."""

import contextlib
import io
import os
import random
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

REPOSITORY = Path(__file__).resolve().parents[2]
DUMMY = REPOSITORY / "tests" / "lab"  # dummy_runs.py, whose Count stands in for training
for place in (str(REPOSITORY), str(DUMMY)):
    if place not in sys.path:
        sys.path.insert(0, place)

from igr_process import HYPOTHESES  # noqa: E402

NAME, SCALE = "igr/counting", ("--scale", "smoke")
PATIENCE = 60  # seconds that a reading verb may take; more is a hang and counts as a traceback
EXAMPLES = 5  # failures of a row that are shown
READERS = (  # command lines that read results; OUT is an empty folder
    ("status", NAME),
    ("status",),
    ("plot", NAME, *SCALE),
    ("check", NAME, *SCALE),
    ("check", *SCALE),
    ("findings", "igr", *SCALE),
    ("report", *SCALE),
    ("export", NAME, *SCALE, "--out", "OUT/runs.csv"),
    ("export", NAME, *SCALE, "--what", "metrics", "--out", "OUT/rows.csv"),
)

RUN = '''"""Counts."""
from dummy_runs import Count, Pace
from igr_suite.cli.entry import main
from igr_suite.lab import Experiment

def runs(scale):
    return [Count(until=3, seed=seed) for seed in range(3)]

EXPERIMENT = Experiment(paper="igr", item="counting", title="Counting", runs=runs, minutes={"smoke": 0.1})
'''
STAGES = (
    RUN.replace(
        """def runs(scale):
    return [Count(until=3, seed=seed) for seed in range(3)]
""",
        """def first(scale, results):
    return [Count(until=3, seed=seed) for seed in range(3)]

def second(scale, results):
    found = [one["total"] + 1 for one in map(results.summary, first(scale, results)) if one is not None]
    return [Count(until=max(found, default=1), seed=9)]
""",
    )
    .replace("runs=runs", "stages=(first, second)")
    .replace("counting", "stages")
)
PLOT = """
from igr_suite.plotting import style

def plot(results, out):
    lines = "".join(f"| {r.seed:d} | {r.total:.1f} |\\n" for r in results.runs.itertuples())
    (out / "table.md").write_text("| seed | total |\\n|---|---|\\n" + lines)
    return [out / "table.md"]

def ours(results):
    return {("total", f"seed {row.seed}"): (float(row.total), 0.1, 3) for row in results.runs.itertuples() if row.until == 3}
"""
PUBLISHED = """quantity,setting,value,spread,source,kind_of_source,kind,provenance,tolerance
total,seed 0,3,,"Counting, Table 1",paper,exact,read,0.5
total,seed 1,6,0.1,"Counting, Table 1",paper,exact,read,
"""


@dataclass
class Row:
    """One line of the table.

    Attributes:
      attack: what was done.
      tried: how often.
      lost: finished work, or a whole run, that was gone or hidden afterwards.
      doubled: metrics rows that were there twice.
      wrong: results, exit codes or sentences other than they must be.
      tracebacks: Python's own error output, endless waits and unknown exit codes.
      examples: what went wrong, in words.
      skipped: why it could not be tried here, "" where it was.
    """

    attack: str
    tried: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    tracebacks: int = 0
    examples: list[str] = field(default_factory=list)
    skipped: str = ""

    def bad(self, kind: str, words: str) -> None:
        """Counts one failure of a kind, the name of a column."""
        setattr(self, kind, getattr(self, kind) + 1)
        if len(self.examples) < EXAMPLES:
            self.examples.append(f"{kind}: {words}")

    @property
    def clean(self) -> bool:
        """Whether nothing went wrong."""
        return not (self.lost or self.doubled or self.wrong or self.tracebacks)

    def compare_rows(self, what: str, found: bytes, wanted: bytes) -> None:
        """Counts the difference between the metrics of a disturbed run and those of an undisturbed one."""
        if found == wanted:
            return
        ours, theirs = found.splitlines(keepends=True), wanted.splitlines(keepends=True)
        missing = [line for line in theirs if line not in set(ours)]
        if len(set(ours)) < len(ours):
            self.bad("doubled", f"{what}: a row is there twice")
        elif missing:
            self.bad("lost", f"{what}: {len(missing)} of {len(theirs)} rows are missing")
        else:
            self.bad("wrong", f"{what}: rows are other, or in another order")


class World:
    """A reproductions folder with two experiments that count, and finished, sealed runs of the first.

    Attributes:
      folder: the scale's folder of igr/counting.
      ids: names of its runs; the first one is what is damaged.
    """

    def __init__(self, place: Path):
        self.place, self.reproductions, self.results = place, place / "reproductions", place / "results"
        for item, text in (("counting", RUN), ("stages", STAGES)):
            folder = self.reproductions / "igr" / item
            folder.mkdir(parents=True)
            for name, content in (("run.py", text), ("plot.py", PLOT), ("published.csv", PUBLISHED)):
                (folder / name).write_text(content)
        (self.reproductions / "igr" / "hypotheses.py").write_text(HYPOTHESES)
        self.folder = self.results / NAME / "smoke"
        self.ids: list[str] = []
        self.variables = {
            "IGR_REPRODUCTIONS": str(self.reproductions),
            "IGR_RESULTS": str(self.results),
            "PYTHONPATH": os.pathsep.join((str(REPOSITORY), str(DUMMY))),
        }

    def finish(self) -> "World":
        """Makes the runs, as a worker leaves them."""
        from dummy_runs import Count, execute

        from igr_suite.lab.runs.store import RunFolder
        from igr_suite.lab.runs.wholeness import seal

        for experiment in ("counting", "stages"):
            for config in (Count(seed=seed) for seed in range(3)):
                path = self.results / "igr" / experiment / "smoke" / config.run_id
                with (
                    RunFolder(path).open(config) as folder,
                    contextlib.redirect_stdout(None),
                    contextlib.redirect_stderr(io.StringIO()),
                ):
                    execute(config, folder)
                    note = {"reason": "finished", "message": ""}
                    folder.write_meta(
                        exit=note,
                        wall_seconds=1.5,
                        versions={"numpy": "2.1"},
                        git={"commit": "0" * 40},
                        sealed=seal(path),
                    )
                if experiment == "counting":
                    self.ids.append(config.run_id)
        return self

    def igr(self, *words: str) -> tuple[int, str]:
        """Calls `igr words` in this process; returns (exit code, everything that it printed). The code is -1, with a
        traceback, for an exception that escapes, and -2 for a hang."""
        with mock.patch.dict(os.environ, self.variables):
            return call(words)

    def process(self, *words: str, python: Sequence[str] = ("-m", "igr_suite"), **variables: str) -> subprocess.Popen:
        """Starts `igr words` as a process of its own, in a process group of its own."""
        environment = os.environ | self.variables | {"IGR_CHECKPOINT_SECONDS": "0"} | variables
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        command = [sys.executable, *python, *words]
        return subprocess.Popen(command, **streams, env=environment, cwd=self.place, start_new_session=True)


class Hang(BaseException):
    """A verb took longer than PATIENCE."""


def call(words: Sequence[str], run: Callable[[list[str]], int] | None = None) -> tuple[int, str]:
    """Calls `igr words` here; see `World.igr`."""
    from igr_suite.cli.main import main

    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)

    def ring(*_: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(PATIENCE)
    try:
        with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
            try:
                code = (run or main)(list(words))
            except SystemExit as ended:  # argparse's
                code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
            except Hang:
                code = -2
            except BaseException:
                traceback.print_exc()
                code = -1
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    stream.flush()
    return code, stream.buffer.getvalue().decode("utf-8", "replace")


def judge(row: Row, what: str, code: int, text: str) -> bool:
    """Counts a traceback, a hang or an exit code that `igr` does not have; returns whether there was none."""
    row.tried += 1
    if code == -2:
        row.bad("tracebacks", f"{what}: still at work after {PATIENCE} s")
    elif code == -1 or "Traceback (most recent call last)" in text:
        row.bad("tracebacks", f"{what}: {_error(text)}")
    elif code not in (0, 1, 2):
        row.bad("tracebacks", f"{what}: exit code {code}")
    elif code and not text.strip():
        row.bad("wrong", f"{what}: exit code {code} without a word")
    else:
        return True
    return False


def placed(words: Sequence[str], places: dict[str, Path]) -> list[str]:
    """Returns the words with paths in the place of names such as OUT and OUT/runs.csv."""
    names = [word.partition("/")[0] for word in words]
    return [str(places[name]) + word[len(name) :] if name in places else word for name, word in zip(names, words)]


def _error(text: str) -> str:
    """The exception of a traceback, and the two places nearest to it."""
    lines = text.splitlines()
    frames = [number for number, line in enumerate(lines) if line.startswith("  File ")]
    if not frames:
        return text.strip()[-300:]
    words = next((line for line in lines[frames[-1] + 1 :] if line and not line.startswith(" ")), "")
    return f"{words} ({'; '.join(lines[number].strip() for number in frames[-2:])})"


def every(items: Sequence, step: int, seed: int = 0) -> list:
    """Every `step`-th of the items, after they were shuffled in a way that depends on the seed only; all of them, in
    order, for 1."""
    if step <= 1:
        return list(items)
    shuffled = list(items)
    random.Random(seed).shuffle(shuffled)
    return shuffled[::step]


@contextlib.contextmanager
def copy_of(source: Path, target: Path) -> Iterator[Path]:
    """A copy of a folder that is removed afterwards, whatever was done to it."""
    shutil.copytree(source, target, symlinks=True)
    try:
        yield target
    finally:
        remove(target)


def remove(path: Path) -> None:
    """Removes a folder, also one whose rights were taken away."""
    for folder, _, _ in os.walk(path):
        with contextlib.suppress(OSError):
            Path(folder).chmod(0o755)
    shutil.rmtree(path, ignore_errors=True)
