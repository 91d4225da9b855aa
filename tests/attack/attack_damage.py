"""Damaged run folders, read by every verb: one damaged run is named in a sentence, exits with 1 and never hides the
others."""

import os
import shutil
from pathlib import Path

from attack_common import NAME, READERS, SCALE, Row, World, every, judge, placed, remove
from damage_kinds import damages

NOT_BEGUN = (
    "its folder is absent",
    "its folder is a folder",
    "summary.json is absent",
    "summary.json is a link to nowhere",
)
VERBS = (
    *READERS,
    ("export", NAME, *SCALE, "--tensorboard", "OUT/logs"),
    ("run", NAME, *SCALE, "--dry-run"),
    ("list",),
    ("merge", "RESULTS", "--out", "OUT/merged"),
    ("status", "igr/stages", *SCALE),
    ("export", "igr/stages", *SCALE, "--out", "OUT/stages.csv"),
    ("pictures", "RUN"),
    ("variance", "RUN"),
)


def attack(place: Path, step: int = 1, verbs_each: int = len(VERBS)) -> Row:
    """Damages the first run of an experiment in every `step`-th way and reads the results folder with some verbs each
    time.

    The oracle is a table of the same results without damage: afterwards it must be equal, or lack the first run and
    nothing else, and then the run must have been named and the exit code be 1.
    """
    row = Row("damaged run folders, read by every verb")
    world, out = World(place / "world").finish(), place / "out"
    out.mkdir()
    place.chmod(0o755)
    first = world.ids[0]
    wanted = _tables(world, out)
    number = 0
    others_come_in = os.geteuid() == 0 and all(folder.stat().st_mode & 0o001 for folder in (place, *place.parents))
    for words, damage in every([one for one in damages() if others_come_in or "no rights" not in one[0]], step):
        backup = place / "backup"
        shutil.copytree(world.results, backup, symlinks=True)
        run = world.folder / first
        try:
            damage(run)
            twin = world.results / "igr" / "stages" / "smoke" / first
            if run.is_dir() and "folder" not in words.partition(" is ")[0]:
                damage(twin)
            for verb in range(verbs_each):
                number += 1
                verb = VERBS[(number * 5 if verbs_each < len(VERBS) else verb) % len(VERBS)]
                _read(row, world, out, first, words, verb, wanted)
        finally:
            remove(world.results)
            backup.rename(world.results)
            remove(out)
            out.mkdir()
    return row


def _tables(world: World, out: Path) -> dict[str, bytes]:
    """What the exports write of undamaged results, by file."""
    tables = {}
    for verb in VERBS:
        if "--out" in verb and verb[0] == "export":
            words = placed(verb, {"OUT": out})
            code, text = world.igr(*words)
            assert code == 0, text
            path = Path(words[-1])
            tables[path.name] = path.read_bytes()
    return tables


def _read(
    row: Row, world: World, out: Path, first: str, words: str, verb: tuple[str, ...], wanted: dict[str, bytes]
) -> None:
    places = {"OUT": out, "RESULTS": world.results, "RUN": world.folder / first}
    words_of_verb = placed(verb, places)
    as_nobody = "no rights" in words
    if as_nobody:  # root may read everything
        for folder in (
            out,
            world.results,
            *(path for path in world.results.rglob("*") if path.is_dir() and path.name != first),
        ):
            folder.chmod(0o777)
        os.seteuid(65534)
    try:
        code, text = world.igr(*words_of_verb)
    finally:
        if as_nobody:
            os.seteuid(0)
    what = f"{words}; igr {' '.join(verb)}"
    if not judge(row, what, code, text):
        return
    second = world.ids[1]
    if verb == ("status", NAME) and (second not in text or world.ids[2] not in text):
        row.bad("lost", f"{what}: the other runs are not shown: {text.strip()[-300:]}")
    for name, content in wanted.items():
        path = out / name
        if verb[0] != "export" or not words_of_verb[-1].endswith(f"/{name}"):
            continue
        if not path.exists():
            row.bad("lost", f"{what}: no table of the other runs was written: {text.strip()[-300:]}")
            continue
        kept = [line for line in content.splitlines() if first.encode() not in line]
        found = path.read_bytes()
        without = [line for line in found.splitlines() if first.encode() not in line]
        if sorted(without) != sorted(kept) and not _columns_only(without, kept):
            row.bad("lost", f"{what}: rows of other runs are missing from the table")
        elif first.encode() in found and found != content:
            row.bad("wrong", f"{what}: the damaged run is in the table with other numbers")
        elif (
            first.encode() not in found
            and not (code == 1 and (first in text or "mine" in text))
            and words not in NOT_BEGUN
        ):
            row.bad("wrong", f"{what}: the run is left out with exit code {code} and this: {text.strip()[-300:]}")


def _columns_only(found: list[bytes], wanted: list[bytes]) -> bool:
    """Whether tables differ only in columns that all their runs share once one run is left out."""
    return len(found) == len(wanted) and [line.split(b",")[2] for line in found] == [
        line.split(b",")[2] for line in wanted
    ]
