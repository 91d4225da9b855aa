"""Attacks the suite and writes the table of docs/reliability.md: `make attack`, or a part of it with the options below.

    python tests/attack                                   everything, about 20 minutes on two quiet cores
    python tests/attack --every 8 --kills 2               a reduced form
    python tests/attack --only words damage --write none  some parts, printed only
    python tests/attack --list                            the parts

All seeds are fixed, so equal options repeat the same attacks; only the moment at which a kill or a race meets a run
depends on the machine. The exit code is 1 when any count of lost, doubled, wrong or tracebacks is not 0.
"""

import argparse
import dataclasses
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import attack_damage  # noqa: E402
import attack_disk  # noqa: E402
import attack_kills  # noqa: E402
import attack_planted  # noqa: E402
import attack_races  # noqa: E402
import attack_words  # noqa: E402
from attack_common import REPOSITORY, Row  # noqa: E402

PAGE, SECTION = REPOSITORY / "docs" / "reliability.md", "attack"
COLUMNS = ("tried", "lost", "doubled", "wrong", "tracebacks")
KILLS = 12  # random moments a family; ten times as many for the stand-in, which takes a second
CALLS_STEP = 3  # every third file-system call of a family, every one of the stand-in
SPACE = 4 << 30  # bytes that a place in memory needs


def parts(every: int, kills: int) -> dict[str, Callable[[Path], Row | list[Row]]]:
    """Returns name -> function that makes the attack in an empty folder, the longest attack first.

    Args:
      every: take only every n-th of all inputs, moments and trials.
      kills: random moments a family.
    """

    def share(count: int) -> int:
        return max(1, count // every)

    found: dict[str, Callable[[Path], Row | list[Row]]] = {}
    for name, family in attack_kills.FAMILIES.items():
        if not family.quick:
            found[f"calls-{name}"] = lambda place, f=family: attack_kills.at_every_call(place, f, CALLS_STEP * every)
            found[f"moments-{name}"] = lambda place, f=family: attack_kills.at_random_moments(place, f, kills)
    climb, vae = attack_kills.FAMILIES["climb"], attack_kills.FAMILIES["vae"]
    return found | {
        "damage": lambda place: attack_damage.attack(place, every, 8),
        "planted": lambda place: attack_planted.attack(place, every),
        "command-vae": lambda place: attack_kills.of_the_whole_command(place, vae, max(1, kills // 3)),
        "disk": lambda place: attack_disk.attack(place, every),
        "locks": lambda place: attack_races.locks(place, share(100)),
        "deletions": lambda place: attack_races.deletions(place, share(24)),
        "runners": lambda place: attack_races.runners(place, share(20)),
        "calls-climb": lambda place: attack_kills.at_every_call(place, climb, every),
        "command-climb": lambda place: attack_kills.of_the_whole_command(place, climb, share(20)),
        "copies": lambda place: attack_races.copies(place, share(200)),
        "moments-climb": lambda place: attack_kills.at_random_moments(place, climb, 10 * kills),
        "words": lambda place: attack_words.attack(place, share(6_000), every),
    }


def main() -> int:
    """Runs the parts, prints and writes the table; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python tests/attack", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--every",
        type=int,
        default=1,
        metavar="N",
        help="only every N-th input, file-system call and trial (default 1)",
    )
    parser.add_argument(
        "--kills", type=int, default=KILLS, metavar="N", help=f"random moments a family (default {KILLS})"
    )
    parser.add_argument("--only", nargs="+", metavar="PART", help="these parts; see --list")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="parts at once (default 2)")
    parser.add_argument(
        "--place",
        type=Path,
        metavar="FOLDER",
        help="where to work (default: memory with 4 GB, else the temporary folder)",
    )
    parser.add_argument(
        "--write", default=str(PAGE), metavar="FILE", help="page for the table, or none (default: docs/reliability.md)"
    )
    parser.add_argument("--list", action="store_true", help="name the parts and end")
    parser.add_argument("--part", metavar="PART", help=argparse.SUPPRESS)  # how the parts are started
    arguments = parser.parse_args()
    if arguments.every < 1 or arguments.kills < 1 or arguments.jobs < 1:
        parser.error("--every, --kills and --jobs must be at least 1")
    known = parts(arguments.every, arguments.kills)
    if unknown := [name for name in arguments.only or () if name not in known]:
        parser.error(f"unknown part {unknown[0]}; there are {', '.join(known)}")
    if arguments.list:
        print("\n".join(known))
        return 0
    if arguments.part:
        return _one(known[arguments.part], Path(arguments.place))
    names = [name for name in known if name in (arguments.only or known)]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="igr-attack-", dir=arguments.place or _room()) as place:
        Path(place).chmod(0o755)  # one attack reads as somebody else
        with ThreadPoolExecutor(arguments.jobs) as pool:
            found = list(pool.map(lambda name: _started(name, Path(place) / name, arguments), names))
    rows = [row for one in found for row in one]
    minutes = (time.monotonic() - began) / 60
    text = table(rows, minutes)
    print(text)
    for row in rows:
        for words in row.examples:
            print(f"{row.attack}: {words}")
    if arguments.write != "none":
        from igr_suite.lab.runs.files import write_section

        write_section(Path(arguments.write), SECTION, text)
        print(f"written to {arguments.write}")
    return 0 if all(row.clean for row in rows) else 1


def _room() -> str:
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > SPACE else tempfile.gettempdir()


def _started(name: str, place: Path, arguments: argparse.Namespace) -> list[Row]:
    """Runs one part in a process of its own and returns its rows."""
    place.mkdir()
    began = time.monotonic()
    options = ["--every", str(arguments.every), "--kills", str(arguments.kills), "--place", str(place), "--part", name]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("IGR_", "ATTACK_"))}
    paths = [str(REPOSITORY), str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment |= {"PYTHONPATH": os.pathsep.join(paths), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, str(HERE), *options], cwd=place, env=environment, capture_output=True, check=False
    )
    try:
        rows = [Row(**content) for content in json.loads((place / "rows.json").read_bytes())]
    except (OSError, ValueError):
        words = done.stderr.decode(errors="replace").strip()[-1500:]
        rows = [Row(f"{name} (the attack itself broke off)", 0, tracebacks=1, examples=[words])]
    marks = ", ".join(
        f"{row.tried} tried" + ", NOT clean" * (not row.clean) + f", skipped: {row.skipped}" * bool(row.skipped)
        for row in rows
    )
    print(f"{name}: {marks}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    shutil.rmtree(place, ignore_errors=True)
    return rows


def _one(attack: Callable[[Path], Row | list[Row]], place: Path) -> int:
    work = place / "work"
    work.mkdir()
    try:
        rows = attack(work)
    except BaseException:
        rows = Row(
            f"{place.name} (the attack itself broke off)", 0, tracebacks=1, examples=[traceback.format_exc()[-1500:]]
        )
    rows = rows if isinstance(rows, list) else [rows]
    (place / "rows.json").write_text(json.dumps([dataclasses.asdict(row) for row in rows]))
    return 0


def table(rows: list[Row], minutes: float) -> str:
    """Returns the section of the page: where and when it was made, and a line an attack."""
    lines = ["| attack | " + " | ".join(COLUMNS) + " |", "|---|" + "---:|" * len(COLUMNS)]
    for row in rows:
        counts = (
            [str(getattr(row, column)) for column in COLUMNS]
            if not row.skipped
            else ["not tried", *[""] * (len(COLUMNS) - 1)]
        )
        lines.append(f"| {row.attack} | " + " | ".join(counts) + " |")
    lines.append(
        "| **together** | "
        + " | ".join(f"**{sum(getattr(row, column) for row in rows)}**" for column in COLUMNS)
        + " |"
    )
    command = " ".join(["python tests/attack", *(word for word in sys.argv[1:])])
    cores, python = len(os.sched_getaffinity(0)), platform.python_version()
    where = f"{platform.system()} {platform.release()} on {_processor()}, {cores} cores, Python {python}"
    when = time.strftime("%Y-%m-%d")
    said = f"Made by `{command}` on {when} in {minutes:.0f} minutes: {where}; commit {_commit()}."
    skipped = "".join(f" Not tried: {row.attack} ({row.skipped})." for row in rows if row.skipped)
    return f"\n{said}{skipped}\n\n" + "\n".join(lines) + "\n\n"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _commit() -> str:
    from igr_suite.lab.runs.environment import git_state

    state = git_state(REPOSITORY)
    return f"{(state['commit'] or 'unknown')[:8]}{' with changes' if state['dirty'] else ''}"


if __name__ == "__main__":
    sys.exit(main())
