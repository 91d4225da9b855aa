"""Every attack in small: what `make attack` does thousands of times over (docs/reliability.md), and that each of them
can fail."""

import importlib.util
import os
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import attack_common  # noqa: E402
import attack_damage  # noqa: E402
import attack_disk  # noqa: E402
import attack_kills  # noqa: E402
import attack_planted  # noqa: E402
import attack_races  # noqa: E402
import attack_words  # noqa: E402
import damage_kinds  # noqa: E402
from attack_common import Row, World  # noqa: E402


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    """Attacks set variables for the processes that they start, and put folders on the path."""
    before = dict(os.environ)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def place():
    """An empty folder, in memory where that is possible: attacks wait for the disk thousands of times."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="igr-attack-", dir=memory if os.access(memory, os.W_OK) else None))
    yield folder
    attack_common.remove(folder)


def clean(rows: Row | list[Row], tried: int) -> None:
    for row in rows if isinstance(rows, list) else [rows]:
        if row.skipped:
            pytest.skip(row.skipped)
        assert row.clean, "\n".join(row.examples)
        assert row.tried >= tried


def test_malformed_words_and_settings_files(place):
    clean(attack_words.attack(place, count=120, step=8), 12)


def test_damaged_run_folders(place):
    clean(attack_damage.attack(place, step=24, verbs_each=2), 50)


def test_planted_code(place):
    clean(attack_planted.attack(place, step=41), 3)


def test_kills_at_file_system_calls(place):
    clean(attack_kills.at_every_call(place, attack_kills.FAMILIES["climb"], step=14), 4)


def test_kills_at_random_moments(place):
    clean(attack_kills.at_random_moments(place, attack_kills.FAMILIES["climb"], kills=3), 3)


def test_kills_of_the_whole_command(place):
    clean(attack_kills.of_the_whole_command(place, attack_kills.FAMILIES["climb"], kills=1), 1)


def test_copies_and_locks(place):
    for folder in ("copies", "locks"):
        (place / folder).mkdir()
    clean(attack_races.copies(place / "copies", trials=4), 4)
    clean(attack_races.locks(place / "locks", trials=3), 3)


def test_two_runners_and_a_deleted_folder(place):
    for folder in ("runners", "deletions"):
        (place / folder).mkdir()
    clean(attack_races.runners(place / "runners", trials=1), 1)
    clean(attack_races.deletions(place / "deletions", trials=1), 1)


def test_full_disk(place):
    clean(attack_disk.attack(place, sizes=(6,)), 1)


# Each attack on a suite with a defect: a test that cannot fail shows nothing.


def test_a_hidden_run_and_a_wrong_number_are_counted(place, monkeypatch):
    """Readers that believe every file: a damaged run enters the tables, or ends the verb."""
    monkeypatch.setattr("igr_suite.lab.runs.wholeness._check", lambda *_: None)
    some = [*damage_kinds.content_damages()[27:29], *damage_kinds.value_damages()[159:161]]
    monkeypatch.setattr(attack_damage, "damages", lambda: some)
    row = attack_damage.attack(place, verbs_each=9)
    assert row.wrong and row.lost and not row.clean


def test_a_traceback_of_words_is_counted(place, monkeypatch):
    def broken():
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr("igr_suite.lab.running.discovery.names", broken)
    rows = attack_words.attack(place, count=30, step=50)
    assert rows[0].tracebacks and "ZeroDivisionError" in rows[0].examples[0]


def test_lost_and_doubled_rows_are_told_apart():
    row, rows = Row("rows"), b"a\nb\nc\n"
    for found in (rows, b"a\nb\n", b"a\nb\nb\nc\n", b"a\nb\nd\nc\n", b"a\nc\nb\n"):
        row.compare_rows("it", found, rows)
    assert (row.lost, row.doubled, row.wrong, row.clean) == (1, 1, 2, False)


def test_rows_that_a_resume_does_not_cut_are_counted(place):
    """A run that goes on from its checkpoint and keeps the rows after it has these twice."""
    place = place / "hooks"
    place.mkdir()
    forgets = """
import sys
from igr_suite.lab.runs.metrics_log import MetricsLog
if "--folder" in sys.argv:  # a worker; this module is imported by the test's own process too
    MetricsLog.cut_to = MetricsLog.cut_after = lambda *_: None
"""
    text = (HERE / "attack_runs.py").read_text()
    (place / "attack_runs.py").write_text(text + forgets)
    loaded = sys.modules.pop("attack_runs", None)
    try:
        sys.path.insert(0, str(place))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(attack_kills, "HERE", place)
            row = attack_kills.at_every_call(place, attack_kills.FAMILIES["climb"], step=20)
    finally:
        sys.modules.pop("attack_runs", None)
        if loaded is not None:
            sys.modules["attack_runs"] = loaded
    assert row.doubled or row.wrong


def test_two_holders_of_one_lock_are_counted(place, monkeypatch):
    monkeypatch.setattr("igr_suite.lab.runs.lock.Lock.take", lambda self: None)
    assert attack_races.locks(place, trials=1).wrong == 1


def test_the_table_names_every_count():
    spec = importlib.util.spec_from_file_location("attack_main", HERE / "__main__.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rows = [
        Row("one", tried=5),
        Row("two", tried=7, lost=1, doubled=2, wrong=3, tracebacks=4),
        Row("three", skipped="no root"),
    ]
    text = module.table(rows, 2.4)
    assert "| one | 5 | 0 | 0 | 0 | 0 |" in text and "| two | 7 | 1 | 2 | 3 | 4 |" in text
    assert "| three | not tried |" in text and "three (no root)" in text and "**12**" in text and "commit" in text
    assert set(module.parts(1, 1)) == set(module.parts(8, 2)) and len(module.parts(1, 1)) == 20


def test_a_defect_says_that_it_is_one(place, monkeypatch):
    """A defect of the code is reported as one, and a problem outside of it in a sentence."""
    world = World(place)
    for error, words in (
        (ZeroDivisionError("x"), "This is a defect of igr_suite"),
        (OSError(28, "No space left on device", "/some/file"), "igr: '/some/file': No space left on device"),
        (PermissionError(13, "Permission denied", b"/caf\xe9"), "Permission denied"),
        (MemoryError(), "igr: not enough memory"),
        (RecursionError(), "igr: something that was read is nested too deeply"),
        (
            UnicodeEncodeError("utf-8", "a\ud800b", 1, 2, "surrogates not allowed"),
            "holds characters that cannot be written or read here",
        ),
    ):

        def fail(*_, error=error):
            raise error

        monkeypatch.setattr("igr_suite.cli.list.discovery.names", fail)
        code, text = world.igr("list")
        assert words in text
        assert (code, "Traceback" in text) == ((-1, True) if isinstance(error, ZeroDivisionError) else (2, False))


def test_a_deleted_working_folder_is_a_sentence(place, monkeypatch):
    world, gone = World(place), place / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    code, text = world.igr("list")
    assert (
        code == 2 and "the working folder cannot be used (No such file or directory); go to another one with cd" in text
    )


def test_a_hang_is_counted(monkeypatch):
    monkeypatch.setattr(attack_common, "PATIENCE", 1)
    row = Row("hang")

    def endless(_):
        while True:
            pass

    attack_common.judge(row, "it", *attack_common.call([], endless))
    assert row.tracebacks == 1 and "still at work" in row.examples[0]
