"""A disk that is full at every possible moment: a sentence, the right state, and with space again the same command
finishes the run."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from attack_common import Row, World
from attack_kills import HERE, make_climbing

PAGE = 4096  # tmpfs gives space in pages
PAGES = range(1, 41)  # sizes of the disk; the stand-in's two runs need fewer
ROOM = "16m"
UNTIL = "until=60"  # their metrics then take several pages


def attack(place: Path, step: int = 1, sizes: Sequence[int] = PAGES) -> Row:
    """Runs on disks of these numbers of pages (or every `step`-th), enlarges them, and gives the same command again."""
    row = Row("full disk (tmpfs), then space again")
    probe = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", str(place)]
    if shutil.which("unshare") is None or subprocess.run(probe, capture_output=True, check=False).returncode:
        row.skipped = "this process may not mount a small disk (it needs root, or a container that allows it)"
        return row
    world = World(place / "world")
    make_climbing(world.reproductions)
    world.variables["PYTHONPATH"] += os.pathsep + str(HERE)
    results = world.results
    results.mkdir()
    igr = shlex.join([sys.executable, "-m", "igr_suite"])
    settings = f"igr/climbing --scale smoke --set {UNTIL}"
    run = f"{igr} run {settings} --no-plot --jobs 1"

    def shell(lines: list[str]) -> str:
        environment = os.environ | world.variables | {"IGR_FRESH_WORKERS": "1", "IGR_CHECKPOINT_SECONDS": "0"}
        words = ["unshare", "--mount", "sh", "-c", "\n".join(lines)]
        done = subprocess.run(
            words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=300
        )
        return done.stdout.decode(errors="replace")

    alone, copied = place / "alone", place / "copied"
    text = shell([f"mount -t tmpfs -o size={ROOM} tmpfs {results}", f"{run} || exit 1", f"cp -r {results} {alone}"])
    assert alone.exists(), text
    filled = 0
    for pages in sizes[::step]:
        row.tried += 1
        text = shell(
            [
                f"mount -t tmpfs -o size={pages * PAGE} tmpfs {results}",
                f"{run}; echo first code $?",
                f"{igr} status {settings}; echo status code $?",
                f"mount -o remount,size={ROOM} {results}",
                f"{run}; echo second code $?",
                f"cp -r {results} {copied}",
            ]
        )
        what = f"disk of {pages} pages"
        codes = {
            words: text.partition(f"{words} code ")[2].partition("\n")[0] for words in ("first", "status", "second")
        }
        logs = "".join(path.read_text(errors="replace") for path in copied.rglob("worker.log"))
        if "Traceback" in text + logs:
            row.bad("tracebacks", f"{what}: {(text + logs)[(text + logs).index('Traceback') :][:600]}")
        elif codes["first"] != "0" and "No space left on device" not in text.partition("first code")[0]:
            row.bad("wrong", f"{what}: the full disk is not named: {text.partition('first code')[0][-300:]}")
        elif codes["first"] not in ("0", "2") or codes["status"] not in ("0", "1", "2"):
            row.bad("wrong", f"{what}: exit codes {codes}: {text[-300:]}")
        elif codes["first"] == "2" and not any(
            word in text.partition("status code")[0] for word in ("failed", "partial", "absent")
        ):
            row.bad("wrong", f"{what}: igr status does not say what became of the run: {text[-500:]}")
        if codes["second"] != "0":
            row.bad("lost", f"{what}: with space again the same command ends with {codes['second']}: {text[-400:]}")
        for path in alone.rglob("metrics.jsonl"):
            other = copied / path.relative_to(alone)
            row.compare_rows(what, other.read_bytes() if other.exists() else b"", path.read_bytes())
            summary = other.with_name("summary.json")
            if summary.exists() and summary.read_bytes() != path.with_name("summary.json").read_bytes():
                row.bad("wrong", f"{what}: another summary")
        left = [path.name for path in copied.rglob("*") if path.name.endswith((".tmp", ".part"))]
        if left:
            row.bad("wrong", f"{what}: {', '.join(left)} left behind")
        filled += codes["first"] == "2"
        shutil.rmtree(copied, ignore_errors=True)
    if not filled:
        row.bad("wrong", "no disk was ever full: this attack shows nothing")
    return row
