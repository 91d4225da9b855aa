"""Malformed command lines and settings files, made with fixed seeds: a sentence and exit code 2, never a traceback or
an endless wait."""

import json
import os
import random
import socket
from pathlib import Path

from attack_common import NAME, Row, World, every, judge

SEED = 20_240_607
NOT_UTF8 = os.fsdecode(b"caf\xe9-\xff")  # how Python hands over bytes that are no UTF-8
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
SHORT = (
    b"",
    b"null",
    b"3",
    b"[]",
    b"[1]",
    b'"a"',
    b"{}",
    b"\0" * 9,
    b"{",
    b"}",
    b"a",
    b"a:",
    b"a: b: c",
    b"- a",
    b"=",
    b"[a",
)
TAGS = (
    "!!python/object/apply:os.system ['touch MARK']",
    "!!python/name:os.system",
    "!!python/tuple [1, 2]",
    "!unknown 3",
    "!!binary x",
)
VERBS = {  # verb -> options with a value, flags; all of them read only, or are told to
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


def settings_files() -> list[tuple[str, str, bytes]]:
    """(words, suffix, content) of settings files that are none."""
    flat = "\n".join(f"k{i}: {i}" for i in range(20_000))
    bomb = "a0: &a0 {x: 1}\n" + "\n".join(
        f"a{i}: &a{i} {{{', '.join(f'k{j}: *a{i - 1}' for j in range(10))}}}" for i in range(1, 9)
    )
    merges = "a0: &a0 {x: 1}\n" + "\n".join(
        f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 10)}], k{i}: 1}}" for i in range(1, 9)
    )
    lists = "a0: &a0 [1]\n" + "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9))
    found = [
        ("many keys", ".yaml", flat.encode()),
        ("many keys", ".json", json.dumps({f"k{i}": i for i in range(20_000)}).encode()),
        ("many keys", ".toml", "\n".join(f"k{i} = {i}" for i in range(20_000)).encode()),
        ("many dotted keys", ".toml", "\n".join(f"a.b.k{i} = {i}" for i in range(5_000)).encode()),
        ("maps of maps", ".yaml", bomb.encode()),
        ("merges of merges", ".yaml", merges.encode()),
        ("lists of lists", ".yaml", lists.encode()),
        ("a circle", ".yaml", b"a: &a {b: *a}"),
        ("a circle of lists", ".yaml", b"a: &a [*a]"),
        ("a merged circle", ".yaml", b"a: &a {<<: *a}"),
        ("deep lists", ".json", b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        ("deep lists", ".yaml", b"a: " + b"[" * 3_000 + b"]" * 3_000),
        ("deep lists", ".toml", b"a = " + b"[" * 3_000 + b"]" * 3_000),
        ("deep keys", ".toml", b".".join([b"a"] * 3_000) + b" = 1"),
        ("equal keys", ".json", b'{"until": 3, "until": 4}'),
        ("equal keys", ".yaml", b"until: 3\nuntil: 4"),
        ("equal keys", ".toml", b"until = 3\nuntil = 4"),
        ("equal keys, dotted and nested", ".json", b'{"pace.seconds": 1, "pace": {"seconds": 2}}'),
        ("not UTF-8", ".json", b'{"a": "\xff"}'),
        ("not UTF-8", ".toml", b'a = "\xff"'),
        ("not UTF-8", ".yaml", b"a: \xff"),
        ("UTF-16", ".json", '{"a": 1}'.encode("utf-16")),
        ("a byte order mark", ".json", b'\xef\xbb\xbf{"until": 4}'),
        ("half a character", ".json", b'{"until": "\\ud800"}'),
        ("half a character as a key", ".json", b'{"\\ud800": 1}'),
        ("a zero byte", ".json", b'{"pace.name": "a\\u0000b"}'),
        ("a zero byte", ".yaml", b'pace.name: "a\\0b"'),
        ("a huge number", ".json", b'{"until": 1' + b"0" * 5_000 + b"}"),
        ("a huge number", ".yaml", b"until: 1" + b"0" * 5_000),
        ("a huge number", ".toml", b"until = 1" + b"0" * 5_000),
        ("a huge exponent", ".json", b'{"pace.seconds": 1e999}'),
        ("NaN", ".json", b'{"pace.seconds": NaN}'),
        ("infinity", ".yaml", b"pace.seconds: .inf"),
        ("a date", ".yaml", b"until: 2020-01-01"),
        ("a date", ".toml", b"until = 2020-01-01"),
        ("a set", ".yaml", b"until: !!set {a, b}"),
        ("keys that are no text", ".yaml", b"1: 2\ntrue: 3\n[1, 2]: 4"),
        ("a list as a key", ".yaml", b"? [1, 2]\n: 3"),
        ("several documents", ".yaml", b"until: 4\n---\nuntil: 5"),
        ("an alias of nothing", ".yaml", b"until: *nothing"),
        ("tabs", ".yaml", b"\tuntil: 4"),
        ("a long key", ".json", json.dumps({"k" * 100_000: 1}).encode()),
        ("a long value", ".json", json.dumps({"pace.name": "v" * 1_000_000}).encode()),
        *((f"the tag {tag.split()[0]}", ".yaml", f"until: {tag}".encode()) for tag in TAGS),
    ]
    for content in SHORT:
        found += [(f"{content[:12]!r}", suffix, content) for suffix in (".json", ".yaml", ".toml")]
    return found


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
            said = [_placed(word, places) for word in words]
            code, text = world.igr(*said)
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


def _placed(word: str, places: dict[str, Path]) -> str:
    for name, path in places.items():
        if word == name or word.startswith(f"{name}/"):
            return str(path) + word[len(name) :]
    return word


def _content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob("*/*")) if path.is_file()}
