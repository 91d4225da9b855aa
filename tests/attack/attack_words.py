"""Malformed command lines and settings files, made with fixed seeds: a sentence and exit code 2, never a traceback or
an endless wait."""

import os
import random
import socket
from pathlib import Path

from attack_common import NAME, Row, World, every, judge, placed
from settings_files import settings_files

SEED = 20_240_607
NOT_UTF8 = os.fsdecode(b"caf\xe9-\xff")  # how Python passes on bytes that are not UTF-8
SILLY = (
    *(
        "",
        " ",
        "-",
        "--",
        "---",
        "-x",
        "--set",
        "=",
        "==",
        "a=",
        "=b",
        "a=b=c",
        ".",
        "..",
        "/",
        "//",
        "~",
        "~nobody-of-this-name",
        "*",
    ),
    *(
        "null",
        "none",
        "true",
        "nan",
        "inf",
        "-inf",
        "1e999",
        "-1",
        "0",
        "00",
        "1_000",
        "9" * 400,
        "0x10",
        "1.5",
        "1,2,3",
        ",",
        "()",
        "[1",
    ),
    *("ä", "日本語", "\u202e", "🙂", "a\nb", "a\tb", "\r", "\x1b[2J", "\x00", "a\x00b", NOT_UTF8, "\ud800"),
    *(
        "x" * 300,
        "y" * 5000,
        "/x" * 3000,
        "../../../etc/passwd",
        "/etc/passwd",
        "/dev/null",
        "/dev/null/x",
        "/dev/zero",
        "/proc/self/mem",
    ),
    *("{}", "$(id)", "`id`", "; ls", "%s%n", "?", "["),
)
VERBS = {  # verb -> options with a value, flags; all of them only read, or are given --dry-run
    "list": ((), ()),
    "run": (
        (
            "--scale",
            "--set",
            "--config",
            "--data",
            "--results",
            "--only",
            "--jobs",
            "--threads",
            "--strategy",
            "--data-dir",
        ),
        (),
    ),
    "plot": (("--scale", "--set", "--config", "--data", "--results"), ()),
    "status": (("--scale", "--set", "--config", "--data", "--results"), ()),
    "check": (("--scale", "--set", "--config", "--data", "--results", "--write"), ()),
    "findings": (("--scale", "--results", "--write"), ()),
    "report": (("--scale", "--results", "--out"), ()),
    "export": (
        ("--scale", "--set", "--config", "--results", "--where", "--only", "--what", "--out", "--tensorboard"),
        (),
    ),
    "merge": (("--out",), ("--dry-run",)),
    "pictures": (("--data-dir",), ()),
    "variance": (("--images", "--draws", "--reference", "--estimators", "--data-dir"), ()),
    "temperature": (
        ("--model", "--preset", "--criterion", "--grid", "--refine", "--epochs", "--data", "--scale", "--only"),
        (),
    ),
    "rebar-train": (("--results", "--hparams"), ()),
    "dni-train": (("--results", "--dataset", "--epochs"), ()),
    "dreg-train": (("--results", "--dataset", "--estimator"), ()),
    "half-mnist-train": (("--results", "--epochs"), ()),
    "data": (("--data-dir",), ()),
}
FIRST_WORD = {"data": "list", "dni-train": "B-dni", "half-mnist-train": "baselines"}
DRY = ("run", "temperature", "rebar-train", "dni-train", "dreg-train", "half-mnist-train")
GOOD = {
    "--scale": "smoke",
    "--jobs": "1",
    "--set": "until=4",
    "--out": "OUT/runs.csv",
    "--write": "OUT/page.md",
    "--what": "metrics",
}


def command_lines(count: int) -> list[list[str]]:
    """Random command lines, the same ones at every call."""
    source, lines = random.Random(SEED), []
    names = sorted(VERBS)
    while len(lines) < count:
        verb = source.choice(names)
        options, flags = VERBS[verb]
        words = [verb]
        if verb in ("run", "plot", "status", "check", "export", "list") and source.random() < 0.8:
            words.append(NAME if source.random() < 0.7 else source.choice(SILLY))
        elif verb in ("findings", "report", "merge", "pictures", "variance"):
            words += [
                source.choice((*SILLY, "igr", NAME, "RESULTS", "RUN", "PIPE", "SOCKET"))
                for _ in range(source.choice((0, 1, 1, 2)))
            ]
        elif verb in FIRST_WORD:
            words += [FIRST_WORD[verb]] if source.random() < 0.8 else [source.choice(SILLY)]
        if "--scale" in options and source.random() < 0.7:
            words += ["--scale", "smoke"]
        for _ in range(source.choice((0, 1, 1, 2, 3))):
            known = source.random() < 0.9 and (options or flags)
            option = source.choice((*options, *flags)) if known else source.choice(SILLY)
            words.append(option)
            if option in options:
                places = (
                    "OUT",
                    "RESULTS",
                    "RUN",
                    "PIPE",
                    "SOCKET",
                    "FILE",
                    "OUT/runs.csv",
                    "OUT/runs.parquet",
                    "PIPE/x.csv",
                )
                words.append(source.choice((*SILLY, GOOD.get(option, "x"), GOOD.get(option, "x"), *places)))
        if verb in DRY:
            words.append("--dry-run")
        lines.append(words)
    return lines


def attack(place: Path, count: int = 2_000, step: int = 1) -> list[Row]:
    """Calls `igr` with random words and with every `step`-th malformed settings file."""
    place.chmod(0o755)
    world, out = World(place / "world").finish(), place / "out"
    out.mkdir()
    os.mkfifo(place / "pipe")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(place / "socket"))
    (place / "file.csv").write_text("something of the user's\n")
    places = {
        "OUT": out,
        "RESULTS": world.results,
        "RUN": world.folder / world.ids[0],
        "PIPE": place / "pipe",
        "SOCKET": place / "socket",
    }
    places["FILE"] = place / "file.csv"
    words_row, files_row = Row("malformed command lines"), Row("malformed settings files")
    before = _content(world.folder)
    here = Path.cwd()
    os.chdir(out)
    try:
        for words in command_lines(count):
            code, text = world.igr(*placed(words, places))
            judge(words_row, f"igr {ascii(words)[:300]}", code, text)
        for number, (what, suffix, content) in enumerate(every(settings_files(), step)):
            path = out / f"settings{suffix}"
            path.write_bytes(content.replace(b"MARK", str(out / "mark").encode()))
            verb = ("run", "status", "plot", "export")[number % 4]
            more = {"run": ("--dry-run",), "export": ("--out", str(out / "x.csv"))}.get(verb, ())
            code, text = world.igr(verb, NAME, "--config", str(path), *more)
            if (
                judge(files_row, f"igr {verb} --config with {what}{suffix}", code, text)
                and code == 0
                and "equal keys" in what
            ):
                files_row.bad("wrong", f"{what}{suffix} is taken without a word")
            if (out / "mark").exists():
                files_row.bad("wrong", f"{what}{suffix} was executed")
    finally:
        os.chdir(here)
        listener.close()
    if _content(world.folder) != before:
        words_row.bad("lost", "finished runs are no longer what they were")
    return [words_row, files_row]


def _content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob("*/*")) if path.is_file()}
