"""Processes that meet: two runners on one results folder, copies of one run, takers of one lock, a folder that is
deleted meanwhile."""

import contextlib
import io
import json
import os
import random
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from attack_common import Row, World
from attack_kills import HERE, make_climbing

SEED = 90_210
WORDS = ("run", "igr/climbing", "--scale", "smoke", "--no-plot", "--jobs", "2")


def together(count: int, work: Callable[[int], None], place: Path) -> list[str]:
    """Runs `work(number)` in several forked processes that begin at the same moment; returns the error of each, ""
    where there was none."""
    start = place / "start"
    start.unlink(missing_ok=True)
    children = []
    for number in range(count):
        child = os.fork()
        if child == 0:
            said = ""
            try:
                with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                    while not start.exists():
                        time.sleep(0.0005)
                    work(number)
            except BaseException as error:
                said = f"{type(error).__name__}: {error}"
            (place / f"said-{number}").write_text(said)
            os._exit(0)
        children.append(child)
    start.touch()
    for child in children:
        os.waitpid(child, 0)
    return [(place / f"said-{number}").read_text() for number in range(count)]


def runners(place: Path, trials: int) -> Row:
    """Two `igr run` on one results folder, the second one a little later; then the same command once more."""
    row, source = Row("two runners on one results folder"), random.Random(SEED)
    world = World(place / "world")
    make_climbing(world.reproductions)
    world.variables["PYTHONPATH"] += os.pathsep + str(HERE)
    words = (*WORDS, "--set", "seconds=0.02")

    def start(root: str):
        return world.process(*words, "--results", str(place / root), IGR_FRESH_WORKERS="1")

    alone = start("alone")
    text = alone.communicate()[0].decode()
    assert alone.returncode == 0, text
    for trial in range(trials):
        row.tried += 1
        first = start(f"both{trial}")
        time.sleep(source.choice((0.0, 0.0, source.uniform(0.0, 1.0))))
        second = start(f"both{trial}")
        texts = [process.communicate()[0].decode() for process in (first, second)]
        for process, text in zip((first, second), texts):
            if "Traceback" in text:
                row.bad("tracebacks", f"trial {trial}: {text.strip().splitlines()[-1]}")
            elif process.returncode not in (0, 2) or (process.returncode == 2 and "is being written by" not in text):
                row.bad("wrong", f"trial {trial}: exit code {process.returncode}: {text[-300:]}")
        again = start(f"both{trial}")
        text = again.communicate()[0].decode()
        if again.returncode:
            row.bad("wrong", f"trial {trial}: the same command ends with {again.returncode}: {text[-300:]}")
        _compare(row, f"trial {trial}", place / "alone", place / f"both{trial}")
        shutil.rmtree(place / f"both{trial}")
    return row


def _compare(row: Row, what: str, alone: Path, both: Path) -> None:
    for path in alone.glob("igr/climbing/*/*/metrics.jsonl"):
        for name in ("metrics.jsonl", "summary.json"):
            other = both / path.parent.relative_to(alone) / name
            if not other.exists():
                row.bad("lost", f"{what}: {other.parent.name} has no {name}")
            elif name == "metrics.jsonl":
                row.compare_rows(f"{what}, {other.parent.name}", other.read_bytes(), path.read_bytes())
            elif other.read_bytes() != (path.parent / name).read_bytes():
                row.bad("wrong", f"{what}: another summary of {other.parent.name}")


def copies(place: Path, trials: int) -> Row:
    """Four processes copy one finished run at once (`adopt`), or begin a longer one from it (`prolong`)."""
    if str(HERE) not in sys.path:
        sys.path.insert(0, str(HERE))
    from attack_runs import Climb, execute

    from igr_suite.lab.running.experiment import Experiment, expand
    from igr_suite.lab.running.prolonging import prolong
    from igr_suite.lab.running.sharing import adopt
    from igr_suite.lab.runs.store import RunFolder

    row = Row("four processes that copy one run (adopt, prolong)")
    short, long = Climb(until=12), Climb(until=18)
    source = place / "p/first/smoke" / short.run_id
    for path, config in ((source, short), (place / "reference" / long.run_id, long)):
        with RunFolder(path).open(config) as folder, contextlib.redirect_stderr(io.StringIO()):
            execute(config, folder)
            folder.write_meta(versions={})
    for number in range(20):
        (source / f"picture-{number}").write_bytes(bytes(5000))
    for trial in range(trials):
        row.tried += 1
        kind = ("adopt", "prolong")[trial % 2]
        target = place / f"p/copy{trial}/smoke"
        if kind == "adopt":
            options = {"shares_with": ("p/first",), "copies_checkpoints": True}
            second = Experiment(paper="p", item=f"copy{trial}", runs=lambda scale: [short], **options)
            expansion = expand(second, "smoke", target)
            said = together(4, lambda _, e=expansion, s=second: adopt(e, s, "smoke", place, {}) and None, place)
        else:
            said = together(4, lambda _, t=target: prolong({long.run_id: long}, t, [source.parent]) and None, place)
        for words in filter(None, said):
            row.bad("tracebacks", f"{kind}, trial {trial}: {words}")
        names = sorted(path.name for path in target.iterdir()) if target.exists() else []
        config = short if kind == "adopt" else long
        if names != [config.run_id]:
            row.bad(
                "lost" if config.run_id not in names else "wrong", f"{kind}, trial {trial}: {names} instead of one copy"
            )
        else:
            made = target / config.run_id
            wanted = [path.relative_to(source) for path in source.rglob("*") if path.is_file()]
            if kind == "prolong":
                with RunFolder(made).open(config) as folder, contextlib.redirect_stderr(io.StringIO()):
                    execute(config, folder)
                found, right = (
                    (made / "metrics.jsonl").read_bytes(),
                    (place / "reference" / long.run_id / "metrics.jsonl").read_bytes(),
                )
                row.compare_rows(f"{kind}, trial {trial}", found, right)
            else:
                other = [p for p in wanted if p.name not in ("meta.json", ".lock") and not _equal(made / p, source / p)]
                if other:
                    row.bad("wrong", f"{kind}, trial {trial}: {', '.join(map(str, other))} are not copied right")
                elif RunFolder(made).fault(named=False):
                    row.bad("wrong", f"{kind}, trial {trial}: {RunFolder(made).fault(named=False)}")
        shutil.rmtree(target, ignore_errors=True)
    return row


def _equal(one: Path, other: Path) -> bool:
    return one.exists() and one.read_bytes() == other.read_bytes()


def locks(place: Path, trials: int) -> Row:
    """Several processes find the lock of a dead owner, with the kernel's flock, without it, or with one that outlived
    its machine.

    Every holder writes when it came and when it went; two that hold at once are two writers of one run.
    """
    from igr_suite.errors import UserError
    from igr_suite.lab.runs import lock

    row = Row("takers of a dead owner's lock")
    source = random.Random(SEED)
    for trial in range(trials):
        row.tried += 1
        kernel, count = (True, None)[trial % 2], source.choice((2, 3, 4))
        folder = place / f"run{trial}"
        folder.mkdir()
        owner = {"token": "x", "machine": "node-that-died", "pid": 1, "place": folder.stat().st_ino}
        if trial % 3:
            (folder / ".owner").write_text(json.dumps(owner) if trial % 5 else "")
        log = place / "log"
        log.write_text("")

        delay = source.uniform(0, 0.1)

        def take(number: int, kernel=kernel, folder=folder, log=log, delay=delay) -> None:
            lock.PATIENCE, lock.BEAT, lock.STALE, lock.SETTLING = 0.05, 0.05, 0.4, 0.1
            if kernel is None:
                lock._flock = lambda *_: None
                lock.machine = lambda: f"node{number}"
            time.sleep(delay * number)
            mine = lock.Lock(folder)
            try:
                mine.take()
            except UserError:
                return
            with log.open("a") as file:
                file.write(f"{number} comes\n")
                file.flush()
                time.sleep(0.3)
                mine.check()
                file.write(f"{number} goes\n")
            mine.release()

        said = together(count, take, place)
        for words in filter(None, said):
            row.bad("tracebacks", f"trial {trial}: {words}")
        inside: set[str] = set()
        lines = log.read_text().splitlines()
        if not lines:
            row.bad("lost", f"trial {trial}: none of {count} takers has it")
        for line in lines:
            number, _, what = line.partition(" ")
            (inside.add if what == "comes" else inside.discard)(number)
            if len(inside) > 1:
                row.bad("wrong", f"trial {trial}: {' and '.join(sorted(inside))} hold the lock at once")
                break
        shutil.rmtree(folder)
    return row


def deletions(place: Path, trials: int) -> Row:
    """The scale's folder is deleted or moved away in the middle of a run, a plot, an export or a look; then the command
    is given again."""
    row, source = Row("results folder deleted in the middle"), random.Random(SEED)
    world = World(place / "world")
    make_climbing(world.reproductions)
    (world.reproductions / "igr/climbing/plot.py").write_text("def plot(results, out):\n    return []\n")
    world.variables["PYTHONPATH"] += os.pathsep + str(HERE)
    verbs = (
        (*WORDS, "--set", "seconds=0.03"),
        ("status", "igr/climbing", "--set", "seconds=0.03"),
        ("export", "igr/climbing", "--scale", "smoke", "--set", "seconds=0.03", "--out", str(place / "runs.csv")),
        ("plot", "igr/climbing", "--scale", "smoke", "--set", "seconds=0.03"),
    )
    for trial in range(trials):
        row.tried += 1
        words, root = verbs[trial % len(verbs) if trial % 8 > 3 else 0], place / f"gone{trial}"
        variables = {"IGR_FRESH_WORKERS": "1", "IGR_RESULTS": str(root)}
        if words[0] != "run":
            world.process(*verbs[0], **variables).communicate()
        process = world.process(*words, **variables)
        time.sleep(source.uniform(0.1, 1.3))
        for _ in range(20):  # files may come while others go
            shutil.rmtree(root / "igr/climbing", ignore_errors=True)
            if not (root / "igr/climbing").exists():
                break
        text = process.communicate()[0].decode(errors="replace")
        if "Traceback" in text:
            row.bad("tracebacks", f"igr {words[0]}, trial {trial}: {text.strip().splitlines()[-1]}")
        elif process.returncode not in (0, 1, 2):
            row.bad("wrong", f"igr {words[0]}, trial {trial}: exit code {process.returncode}: {text[-300:]}")
        if words[0] == "run":
            again = world.process(*words, **variables)
            text = again.communicate()[0].decode(errors="replace")
            if again.returncode:
                row.bad("lost", f"trial {trial}: the same command ends with {again.returncode}: {text[-300:]}")
        shutil.rmtree(root, ignore_errors=True)
    return row
