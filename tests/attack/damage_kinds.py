"""Kinds of damage to a run's folder: (words, function of the folder that does it)."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

DEEP = b"[" * 100_000
KEYS = b'{"a":' * 5_000 + b"1" + b"}" * 5_000

# What may stand in the place of a JSON file.
CONTENTS: dict[str, bytes] = {
    "empty": b"",
    "null": b"null",
    "true": b"true",
    "number": b"3",
    "text": b'"abc"',
    "list": b"[]",
    "list of numbers": b"[1, 2, 3]",
    "empty object": b"{}",
    "cut": b'{"schema": 1, "st',
    "two values": b"{}{}",
    "words": b"this is no JSON",
    "zero bytes": b"\0" * 300,
    "not UTF-8": b'{"a": "\xff\xfe"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "half a character": b'{"a": "\\ud800"}',
    "deep list": DEEP,
    "deep object": KEYS,
    "200 levels": b"[" * 200 + b"]" * 200,
    "huge number": b'{"steps": 1' + b"0" * 400 + b"}",
    "huge exponent": b'{"steps": 1e999}',
    "bare NaN": b'{"steps": NaN}',
    "equal keys": b'{"steps": 3, "steps": 4}',
    "many keys": b"{" + b",".join(b'"k%d": %d' % (i, i) for i in range(20_000)) + b"}",
    "terminal escape": b'{"steps": "\\u001b[2J\\u0007"}',
    "a page": b"<html>404</html>",
}

VALUES = (
    None,
    True,
    -1,
    0,
    10**30,
    1.5,
    "NaN",
    "Infinity",
    "abc",
    "",
    [],
    [[1]],
    {},
    {"a": {"b": []}},
    "x" * 5000,
    "\u0000",
    "../../x",
)
FILES = ("config.json", "summary.json", "metrics.jsonl", "meta.json", "progress.json", ".owner", "../.whole.json")


def content_damages() -> list[tuple[str, Callable[[Path], None]]]:
    """Damages that replace the whole content of a file."""
    return [
        (f"{file} is {words}", lambda run, file=file, content=content: (run / file).write_bytes(content))
        for file in FILES
        for words, content in CONTENTS.items()
    ]


def value_damages() -> list[tuple[str, Callable[[Path], None]]]:
    """Damages that change one value of one file to a value of another kind."""
    names = {
        "config.json": (
            "schema",
            "kind",
            "module",
            "run_id",
            "config",
            "config.until",
            "config.seed",
            "config.pace",
            "config.unknown",
        ),
        "summary.json": ("total", "seed", "unknown"),
        "meta.json": (
            "exit",
            "exit.message",
            "wall_seconds",
            "versions",
            "git",
            "git.commit",
            "sealed",
            "threads",
            "unknown",
        ),
    }
    return [
        (
            f"{name} of {file} is {str(value)[:20]!r}",
            lambda run, file=file, name=name, value=value: _set(run / file, name, value),
        )
        for file, keys in names.items()
        for name in keys
        for value in VALUES
    ]


def _set(path: Path, name: str, value: object) -> None:
    content = json.loads(path.read_bytes())
    *groups, last = name.split(".")
    target = content
    for group in groups:
        target = target[group]
    target[last] = value
    path.write_text(json.dumps(content))


def row_damages() -> list[tuple[str, Callable[[Path], None]]]:
    """Damages of metrics.jsonl: lines that are missing, doubled, moved, changed or foreign."""
    lines = {
        "without its first line": lambda rows: rows[1:],
        "without its last line": lambda rows: rows[:-1],
        "doubled": lambda rows: rows + rows,
        "reversed": lambda rows: rows[::-1],
        "with one row twice": lambda rows: [rows[0], *rows],
        "cut within its last line": lambda rows: [*rows[:-1], rows[-1][:10]],
        "with an empty line": lambda rows: [rows[0], b"\n", *rows[1:]],
        "with a strange line": lambda rows: [rows[0], b"null\n", *rows[1:]],
        "with a deep line": lambda rows: [*rows[:-1], DEEP + b"\n"],
        "with a nested row": lambda rows: [
            b'{"schema": 1, "step": 1, "value": ' + b"[" * 500 + b"]" * 500 + b"}\n",
            *rows[1:],
        ],
        "with zero bytes": lambda rows: [rows[0], b"\0" * 4096, *rows[1:]],
        "with another value": lambda rows: [rows[0].replace(b'"value": 1', b'"value": 7'), *rows[1:]],
        "with a huge number": lambda rows: [rows[0].replace(b'"value": 1', b'"value": 1' + b"0" * 400), *rows[1:]],
        "with text for a number": lambda rows: [rows[0].replace(b'"value": 1', b'"value": "abc"'), *rows[1:]],
        "with NaN": lambda rows: [rows[0].replace(b'"value": 1', b'"value": NaN'), *rows[1:]],
        "with equal names": lambda rows: [rows[0].replace(b'"value": 1', b'"value": 1, "value": 2'), *rows[1:]],
        "with a step that is text": lambda rows: [rows[0].replace(b'"step": 1', b'"step": "1"'), *rows[1:]],
        "of another schema": lambda rows: [rows[0].replace(b'"schema": 1', b'"schema": 2'), *rows[1:]],
    }

    def change(run: Path, function: Callable) -> None:
        path = run / "metrics.jsonl"
        path.write_bytes(b"".join(function(path.read_bytes().splitlines(keepends=True))))

    return [
        (f"metrics.jsonl {words}", lambda run, function=function: change(run, function))
        for words, function in lines.items()
    ]


def place_damages() -> list[tuple[str, Callable[[Path], None]]]:
    """Damages that put something else in the place of a file or of the folder: nothing, a folder, a pipe, a link to
    nowhere, to itself, to a device."""

    def folder(path: Path) -> None:
        path.mkdir()
        (path / "inner").write_text("x")

    def submitted(run: Path, content: bytes) -> None:
        folder = run.parent / "jobs" / "1"
        folder.mkdir(parents=True)
        (folder / "job.json").write_bytes(content)

    things = {
        "absent": lambda path: None,
        "a folder": folder,
        "a pipe": lambda path: os.mkfifo(path),
        "a link to nowhere": lambda path: path.symlink_to(path.parent / "nowhere"),
        "a link to itself": lambda path: path.symlink_to(path.name),
        "a link to /dev/zero": lambda path: path.symlink_to("/dev/zero"),
        "a link to its own folder": lambda path: path.symlink_to("."),
        "a sparse file of 200 MB": lambda path: (path.touch(), os.truncate(path, 200 << 20)),
    }

    def replace(path: Path, make: Callable) -> None:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        make(path)

    names = (*FILES, ".lock", "checkpoints", "worker.log")
    made = [
        (f"{name} is {words}", lambda run, name=name, make=make: replace(run / name, make))
        for name in names
        for words, make in things.items()
        if not (words.startswith("a sparse") and name in ("metrics.jsonl", "checkpoints"))
    ]
    made += [
        (f"its folder is {words}", lambda run, make=make: replace(run, make))
        for words, make in things.items()
        if "own folder" not in words and "sparse" not in words
    ]
    for content in SUBMISSIONS:
        made.append(
            (f"a submission's job.json is {content.decode()}", lambda run, content=content: submitted(run, content))
        )
    made += [("its folder is a file", lambda run: replace(run, Path.touch))]
    made += [("its folder is renamed", lambda run: run.rename(run.with_name("mine")))]
    made += [
        (f"{name or 'its folder'} has no rights", lambda run, name=name: (run / name).chmod(0))
        for name in ("", "config.json", "summary.json", "metrics.jsonl", "meta.json", "checkpoints")
    ]
    return made


SUBMISSIONS = (
    b"null",
    b"[]",
    b'{"job": 3, "runs": null}',
    b'{"job": "1", "runs": [1, null]}',
    b"{",
    b'{"job": "7", "runs": ["x"]}',
)


def damages() -> list[tuple[str, Callable[[Path], None]]]:
    """All kinds of damage."""
    return [*content_damages(), *value_damages(), *row_damages(), *place_damages()]
