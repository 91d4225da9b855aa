"""Files that others may have damaged or planted: what is read, what is refused, and that nothing waits."""

import json
import os
import socket

import pytest

from igr_suite.lab.runs.reading import (
    DEEPEST,
    json_object,
    not_to_be_copied,
    open_regular,
    parse_json,
    plain,
    read_regular,
)

GOOD = (
    {},
    [],
    None,
    True,
    "NaN",
    {"a": 1, "b": [1.5, "NaN", "-Infinity", None], "c": {"d": "x"}},
    {
        "text": 'a quote " and a colon ": and \u00e4 and \U0001f642',
        "e": 1e-300,
        "f": 1.7976931348623157e308,
        "g": -(10**39),
    },
    [[[[1]]]],
    {"step": 3, "e+000": "1e999", "Infinity": "NaN NaN"},
)


@pytest.mark.parametrize("value", GOOD, ids=repr)
@pytest.mark.parametrize("options", [{}, {"ensure_ascii": False}, {"indent": 2}, {"separators": (",", ":")}], ids=str)
def test_what_json_holds_comes_back(value, options):
    assert parse_json(json.dumps(value, **options).encode()) == value


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"a": 1, "a": 1}', "'a' occurs twice"),
        (b'[{"b": {"a": 1, "a" : 2}}]', "'a' occurs twice"),
        (b'{"\\u0061": 1, "a": 2}', "'a' occurs twice"),
        (b'{"a": NaN, "b": "NaN"}', "NaN is not a finite number"),
        (b"[-Infinity]", "-Infinity is not a finite number"),
        (b"1e999", "1e999 is not a finite number"),
        (b"[1E+400]", r"1E\+400 is not a finite number"),
        (b"9" * 41, "41 digits"),
        (b"1" + b"0" * 5000, "digits"),
        (b'"\\ud800"', "surrogates not allowed"),
        (b"\xff", "can't decode"),
        ("{}".encode("utf-16"), "can't decode"),
        (b"\xef\xbb\xbf{}", "BOM"),
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), "nested more than 20 levels"),
        (b'{"a":' * 30 + b"1" + b"}" * 30, "nested more than 20 levels"),
        (b"[" * 100_000, "nested too deeply"),
        (b"", "Expecting value"),
        (b"{} {}", "Extra data"),
    ],
)
def test_what_two_readers_could_read_in_two_ways_is_refused(content, words):
    with pytest.raises(ValueError, match=words):
        parse_json(content)


def test_rows_that_take_a_closer_look():
    rows = [b'{"schema": 1, "step": 1, "value": 1.5}', b'{"schema": 1, "step": 2, "value": "NaN", "p": [[1, 2]]}']
    content = b"[" + b",".join(rows) + b"]"
    assert plain(content, json.loads(content))
    for odd in (
        b'1, "value": 2',
        b'1, "value" : 2',
        b"NaN",
        b"1e999",
        b"7" * 41,
        b'{"a": 1}',
        b"[[[1]]]",
        b"[ [\t[1]]]",
    ):
        content = b'[{"schema": 1, "step": 1, "value": ' + odd + b"}]"
        assert not plain(content, json.loads(content)), odd


def test_only_files_are_read_and_nothing_waits(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "device").symlink_to("/dev/zero")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"12345")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        for name in ("pipe", "loop", "device", "folder", "socket", "absent"):
            with pytest.raises(OSError):
                open_regular(tmp_path / name)
            assert json_object(tmp_path / name) == {}
    assert read_regular(tmp_path / "file") == b"12345" == read_regular(tmp_path / "file", 5)
    with pytest.raises(OSError, match="larger than"):
        read_regular(tmp_path / "file", 4)


def test_what_a_copy_would_never_end_with_is_named(tmp_path):
    (tmp_path / "run/checkpoints").mkdir(parents=True)
    (tmp_path / "run/config.json").write_text("{}")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run/more").symlink_to(tmp_path / "elsewhere")  # a folder on another disk is a folder
    assert not_to_be_copied(tmp_path / "run") == ""
    for make, words in (
        (lambda path: os.mkfifo(path), "checkpoints/x (a pipe or a device)"),
        (lambda path: path.symlink_to(".."), "checkpoints/x (a link to a folder above it)"),
        (lambda path: path.symlink_to("nowhere"), "checkpoints/x (No such file or directory)"),
        (lambda path: path.symlink_to("/dev/zero"), "checkpoints/x (a pipe or a device)"),
    ):
        path = tmp_path / "run/checkpoints/x"
        make(path)
        assert not_to_be_copied(tmp_path / "run") == words
        path.unlink()
