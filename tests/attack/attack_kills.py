"""SIGKILL at random moments and at every change of the file system: the same command then finishes the run, with the
same bytes."""

import contextlib
import os
import random
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from attack_common import REPOSITORY, Row, World

HOOKS, HERE = Path(__file__).parent / "hooks", Path(__file__).parent
SEED = 1_701


@dataclass(frozen=True)
class Family:
    """An experiment of which one run, the only one whose name contains `only`, is killed.

    Attributes:
      title: of the family, for the table.
      quick: whether it is the stand-in without TensorFlow.
    """

    title: str
    name: str
    only: str
    quick: bool = False


FAMILIES = {
    "climb": Family("stand-in without TensorFlow", "igr/climbing", "climb-12-s0", quick=True),
    "vae": Family("VAE", "igr/discrete_vae", "IGR_I_Dis"),
    "belief_network": Family("belief network", "rebar/figure_3_training_bound", "rebar-t0.5"),
    "dreg": Family("DReG", "dreg/figure_2_mnist", "iwae-K4"),
    "dni": Family("DNI", "dni/table_1", "fcn3-dni"),
}
CLIMBING = '''"""Climbs."""
from attack_runs import Climb
from igr_suite.lab import Experiment

EXPERIMENT = Experiment(paper="igr", item="climbing", title="Climbing", runs=lambda scale: [Climb(seed=seed) for seed in range(2)])
'''


def make_climbing(reproductions: Path) -> None:
    """Writes the run.py of the stand-in's experiment."""
    folder = reproductions / "igr" / "climbing"
    folder.mkdir(parents=True)
    (folder / "run.py").write_text(CLIMBING)


class Runs:
    """Folders of one family's run, and workers on them, started as `igr run` starts them.

    Attributes:
      reference: the folder of a run that nobody disturbed.
    """

    def __init__(self, family: Family, place: Path):
        for folder in (str(HERE), str(HOOKS)):
            if folder not in sys.path:
                sys.path.insert(0, folder)
        from igr_suite.lab.running import discovery
        from igr_suite.lab.running.experiment import expand
        from igr_suite.lab.running.launch import Launcher

        self.family, self.place = family, place
        if family.quick:
            make_climbing(place / "reproductions")
            os.environ["IGR_REPRODUCTIONS"] = str(place / "reproductions")
        else:
            os.environ["IGR_REPRODUCTIONS"] = str(REPOSITORY / "reproductions")
        # before the process that workers are forked from
        os.environ |= {"ATTACK_PLACE": str(place), "IGR_CHECKPOINT_SECONDS": "0"}
        runs = expand(discovery.find(family.name), "smoke", place / "none").runs
        self.run_id, self.config = next((run_id, config) for run_id, config in runs.items() if family.only in run_id)
        self.launcher = Launcher([self.config], 1, root=place / "results")
        if family.quick:  # a fresh process each: its own import takes less than a fork server's detour
            self.launcher._forking = None
        began = time.monotonic()
        self.reference = self.fresh("reference")
        code = self.work(self.reference)
        assert code == 0, (
            f"the undisturbed run of {family.title} ended with {code}: "
            f"{(self.reference / 'worker.log').read_text()[-2000:]}"
        )
        self.log = place / "calls"
        shutil.rmtree(self.reference)
        began = time.monotonic()
        self.reference = self.fresh("reference")
        self.work(self.reference, ATTACK_CALL="0", ATTACK_LOG=str(self.log))
        self.seconds = time.monotonic() - began  # with everything imported
        self.calls = len(self.log.read_text().splitlines())

    def fresh(self, name: str) -> Path:
        """A run folder that is ready for a worker."""
        from igr_suite.lab.runs.store import RunFolder

        folder = self.place / name / self.run_id
        RunFolder(folder).open(self.config).close()
        return folder

    def work(self, folder: Path, kill_after: float | None = None, **variables: str) -> int:
        """Runs a worker to its end, or kills it after some seconds; returns its exit code."""
        before = dict(self.launcher._variables)
        self.launcher._variables |= variables
        try:
            worker = self.launcher.start(folder)
        finally:
            self.launcher._variables = before
        until = None if kill_after is None else time.monotonic() + kill_after
        while worker.exit_code() is None:
            if until is not None and time.monotonic() >= until:
                worker.kill()
                until = None
            time.sleep(0.005)
        return worker.exit_code()

    def compare(self, row: Row, what: str, folder: Path) -> None:
        """Counts the differences between a disturbed run and the undisturbed one."""
        wanted = (self.reference / "metrics.jsonl").read_bytes()
        found = (folder / "metrics.jsonl").read_bytes() if (folder / "metrics.jsonl").exists() else b""
        row.compare_rows(what, found, wanted)
        if not (folder / "summary.json").exists():
            row.bad("lost", f"{what}: the run is not finished")
        elif (folder / "summary.json").read_bytes() != (self.reference / "summary.json").read_bytes():
            row.bad("wrong", f"{what}: another summary")
        newest = [max(path.glob("checkpoints/step_*.ckpt"), default=None) for path in (folder, self.reference)]
        if newest[0] is None or newest[1] is None or _weights(newest[0]) != _weights(newest[1]):
            row.bad("wrong", f"{what}: other weights")
        _nothing_left(row, what, folder)
        log = (folder / "worker.log").read_text(errors="replace") if (folder / "worker.log").exists() else ""
        if "Traceback (most recent call last)" in log:
            row.bad("tracebacks", f"{what}: {log.strip().splitlines()[-1]}")


def _nothing_left(row: Row, what: str, folder: Path) -> None:
    names = [path.name for path in folder.rglob("*")]
    left = [name for name in names if name.endswith((".tmp", ".part", ".partial")) or name == "progress.json"]
    if left:
        row.bad("wrong", f"{what}: {', '.join(left)} left behind")


def _weights(path: Path) -> list[bytes]:
    from igr_suite.training import checkpoints

    state = checkpoints.load(path)
    return [str(state.step).encode(), *(array.tobytes() for array in state.arrays)]


def at_random_moments(place: Path, family: Family, kills: int) -> Row:
    """Kills workers after random times, again and again on one folder until it is finished, then begins another."""
    row, source = Row(f"SIGKILL at random moments: {family.title}"), random.Random(SEED)
    runs = Runs(family, place)
    number = 0
    while row.tried < kills:
        number += 1
        folder, code = runs.fresh(f"random{number}"), -signal.SIGKILL
        while code == -signal.SIGKILL and row.tried < kills:
            code = runs.work(folder, kill_after=source.uniform(0.0, 1.0) * runs.seconds)
            row.tried += code == -signal.SIGKILL
        _finish(row, runs, folder, code, f"{family.title}, folder {number}")
        shutil.rmtree(folder.parent)
    return row


def at_every_call(place: Path, family: Family, step: int) -> Row:
    """Kills a worker at its n-th change of the file system, for every n (or every `step`-th), torn writes among them.

    Several kills hit one folder, which goes on from what the last one left; when it is finished the next folder begins.
    """
    row = Row(f"SIGKILL at file-system calls: {family.title}")
    runs = Runs(family, place)
    waiting, number = list(range(1, runs.calls + 1, step)), 0
    while waiting:
        number += 1
        folder, code = runs.fresh(f"call{number}"), -signal.SIGKILL
        reached = False
        while waiting and code == -signal.SIGKILL:
            code = runs.work(folder, ATTACK_CALL=str(waiting[0]), ATTACK_TORN=str(len(waiting) // 2 % 2))
            if code == -signal.SIGKILL:
                waiting.pop(0)
                row.tried += 1
                reached = True
        _finish(
            row, runs, folder, code, f"{family.title}, call {waiting[0] if waiting else runs.calls}, folder {number}"
        )
        shutil.rmtree(folder.parent)
        if not reached:  # this call does not come in every process
            waiting.pop(0)
    return row


def _finish(row: Row, runs: Runs, folder: Path, code: int, what: str) -> None:
    from igr_suite.lab.runs.store import RunFolder

    for _ in range(2):
        if (folder / "summary.json").exists():  # `igr run` starts nothing then
            RunFolder(folder).tidy()
            code = 0
            break
        code = runs.work(folder)
    if code != 0:
        log = (folder / "worker.log").read_text(errors="replace").strip().splitlines()
        row.bad("wrong", f"{what}: the same command ends with {code}: {log[-1] if log else ''}")
    runs.compare(row, what, folder)


def of_the_whole_command(place: Path, family: Family, kills: int) -> Row:
    """Kills `igr run` with all its processes, then gives the same command until it is done."""
    row, source = Row(f"SIGKILL of `igr run` with its workers: {family.title}"), random.Random(SEED)
    world = World(place / "world")
    make_climbing(world.reproductions)
    if not family.quick:
        world.variables["IGR_REPRODUCTIONS"] = str(REPOSITORY / "reproductions")
    world.variables["PYTHONPATH"] += os.pathsep + str(HERE)
    words = ["run", family.name, "--scale", "smoke", "--only", family.only, "--no-plot"]
    fresh = {"IGR_FRESH_WORKERS": "1"} if family.quick else {}

    def start(root: str):
        return world.process(*words, "--results", str(place / root), **fresh)

    began = time.monotonic()
    done = start("reference")
    text = done.communicate()[0].decode(errors="replace")
    assert done.returncode == 0, text
    seconds = time.monotonic() - began
    reference = next((place / "reference").glob("*/*/smoke/*/summary.json")).parent
    number = 0
    while row.tried < kills:
        number += 1
        root = f"killed{number}"
        code = None
        while row.tried < kills:
            process = start(root)
            with contextlib.suppress(Exception):
                process.communicate(timeout=source.uniform(0.2, 1.1) * seconds)
            code = process.poll()
            if code is not None:
                break
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            row.tried += 1
        what = f"{family.title}, folder {number}"
        for _ in range(2):
            process = start(root)
            text, code = process.communicate()[0].decode(errors="replace"), process.returncode
            if code == 0:
                break
        if code != 0 or "Traceback" in text:
            row.bad(
                "tracebacks" if "Traceback" in text else "wrong",
                f"{what}: the same command ends with {code}: {text[-400:]}",
            )
        folder = place / root / reference.relative_to(place / "reference")
        row.compare_rows(what, (folder / "metrics.jsonl").read_bytes(), (reference / "metrics.jsonl").read_bytes())
        if (folder / "summary.json").read_bytes() != (reference / "summary.json").read_bytes():
            row.bad("wrong", f"{what}: another summary")
        _nothing_left(row, what, place / root)
        code, said = world.igr("status", family.name, "--scale", "smoke", "--results", str(place / root))
        if code or "finished" not in said:
            row.bad("wrong", f"{what}: igr status ends with {code}")
        shutil.rmtree(place / root)
    return row
