"""A finished run is examined before its results are used: damage of every kind is named, every committed run is whole."""

import json
import random
import shutil
from collections import defaultdict
from pathlib import Path

import pytest
from dummy_runs import Count

from igr_suite.errors import UserError
from igr_suite.lab.runs import config_classes, metrics_scan, wholeness
from igr_suite.lab.runs.config import config_to_json
from igr_suite.lab.runs.metrics_log import MetricsLog
from igr_suite.lab.runs.store import RunFolder
from igr_suite.lab.runs.wholeness import fault_of

RESULTS = Path(__file__).resolve().parents[2] / "results"
KINDS = defaultdict(list)  # kind -> folders of committed runs

for _path in sorted(RESULTS.glob("*/*/*/*/config.json")):
    KINDS[json.loads(_path.read_text())["kind"]].append(_path.parent)

FITTED = sorted(kind for kind in KINDS if kind.startswith("Train"))
LOGGED = sorted(kind for kind in KINDS if (KINDS[kind][0] / "metrics.jsonl").exists())


def copied(kind: str, tmp_path: Path) -> Path:
    source = KINDS[kind][0]
    return Path(shutil.copytree(source, tmp_path / source.name))


def lines_of(folder: Path) -> list[bytes]:
    return (folder / "metrics.jsonl").read_bytes().splitlines(keepends=True)


def other(folder: Path, file: str) -> bytes:
    """That file of another run of this kind, of equal length where there is one."""
    kind = json.loads((folder / "config.json").read_text())["kind"]
    own = json.loads((folder / "summary.json").read_text())
    ranked = sorted(
        KINDS[kind], key=lambda path: json.loads((path / "summary.json").read_text()).get("steps") != own.get("steps")
    )
    return next((path / file).read_bytes() for path in ranked if path.name != folder.name)


def shuffled(lines: list[bytes]) -> list[bytes]:
    return random.Random(1).sample(lines, len(lines))


METRICS = {  # what is left of the lines of metrics.jsonl
    "empty": lambda lines: [],
    "zeros": lambda lines: [bytes(len(line)) for line in lines],
    "zeros at the end": lambda lines: [*lines[:-1], bytes(4096)],
    "cut in half": lambda lines: [(content := b"".join(lines))[: len(content) // 2]],
    "cut after a line": lambda lines: lines[:-1],
    "end of the last line missing": lambda lines: [*lines[:-1], lines[-1][:-9]],
    "newline missing": lambda lines: [*lines[:-1], lines[-1][:-1]],
    "doubled": lambda lines: 2 * lines,
    "every row twice": lambda lines: [line for line in lines for _ in range(2)],
    "last row twice": lambda lines: [*lines, lines[-1]],
    "a line of something else": lambda lines: [b"garbage\n", *lines],
    "an empty line": lambda lines: [*lines, b"\n"],
}
SEVERAL = {  # where there are several rows
    "reversed": lambda lines: lines[::-1],
    "in another order": shuffled,
    "sorted as text": lambda lines: sorted(lines, reverse=True),
    "first half missing": lambda lines: lines[len(lines) // 2 :],
    "first row missing": lambda lines: lines[1:],
}
TRAINED = {  # where rows stand at even distances
    "rows missing in the middle": lambda lines: [*lines[: len(lines) // 2 - 3], *lines[len(lines) // 2 + 3 :]],
    "cut out from one line into another": lambda lines: [
        (content := b"".join(lines))[: len(content) // 3],
        content[len(content) // 2 :],
    ],
}
CASES = [(kind, damage) for kind in LOGGED for damage in METRICS]

CASES += [(kind, damage) for kind in LOGGED if kind != "LinearGaussianGradients" for damage in SEVERAL]

CASES += [(kind, damage) for kind in FITTED for damage in TRAINED]


@pytest.mark.parametrize("thorough", [False, True], ids=["light", "thorough"])
def test_every_committed_run_is_whole(thorough):
    wholeness._known.clear()
    assert sum(map(len, KINDS.values())) >= 950
    faults = {folder.name: fault_of(folder, thorough) for folders in KINDS.values() for folder in folders}
    assert not {name: fault for name, fault in faults.items() if fault}


def test_every_family_that_the_loop_trains_says_so():
    """A class that did not would be examined less closely, without anybody noticing."""
    classes = {
        kind: config_classes.class_of(kind, json.loads((KINDS[kind][0] / "config.json").read_text())["module"])
        for kind in KINDS
    }
    assert {kind for kind, cls in classes.items() if cls.fitted} == set(FITTED)
    assert {kind for kind, cls in classes.items() if ".families." in cls.executor and ".train" in cls.executor} == set(
        FITTED
    )


@pytest.mark.parametrize(("kind", "damage"), CASES, ids=lambda value: value)
def test_damaged_metrics_are_named(kind, damage, tmp_path):
    folder = copied(kind, tmp_path)
    assert fault_of(folder) == fault_of(folder, thorough=True) == ""
    (folder / "metrics.jsonl").write_bytes(b"".join((METRICS | SEVERAL | TRAINED)[damage](lines_of(folder))))
    assert "metrics.jsonl" in fault_of(folder), "what was known of other bytes does not count"
    assert "metrics.jsonl" in fault_of(folder, thorough=True)


@pytest.mark.parametrize(
    "kind", [kind for kind, runs in KINDS.items() if len(runs) > 1 and not kind.startswith("Estimator")]
)
def test_files_of_two_runs_are_named(kind, tmp_path):
    """Of kinds with two committed runs. Comparisons of estimators (Estimator...) are left out: nothing in their summary
    names the run."""
    source = copied(kind, tmp_path)
    for file in ("summary.json", "config.json", "metrics.jsonl"):
        if not (source / file).exists():
            continue
        folder = Path(shutil.copytree(source, tmp_path / file / source.name))
        (folder / file).write_bytes(other(folder, file))
        assert fault_of(folder), file
    moved = source.rename(source.with_name("copy-of-" + source.name))
    assert fault_of(moved, named=False) == "", "where somebody says which folder it is, the name does not matter"
    assert fault_of(moved) == f"config.json is of the run {source.name}" == wholeness.name_fault(moved)


@pytest.mark.parametrize("file", ["summary.json", "config.json"])
@pytest.mark.parametrize(
    "content", [b"", bytes(100), b"[]", b"{}", b'{"steps": ', b"\xff\xfe", '{"steps": 1}'.encode("utf-16")], ids=repr
)
def test_damaged_descriptions_are_named(file, content, tmp_path):
    folder = copied("TrainVAE", tmp_path)
    (folder / file).write_bytes(content)
    assert file in fault_of(folder) and file in fault_of(folder, thorough=True)


def test_a_missing_file_is_named_and_an_unfinished_run_is_not_judged(tmp_path):
    folder = copied("TrainVAE", tmp_path)
    for file in ("config.json", "metrics.jsonl"):
        content = (folder / file).read_bytes()
        (folder / file).unlink()
        assert fault_of(folder).startswith(f"{file} is missing")
        (folder / file).write_bytes(content)
    assert fault_of(folder) == ""
    (folder / "metrics.jsonl").write_bytes(b"")
    (folder / "summary.json").unlink()
    assert fault_of(folder) == ""


def test_damage_inside_a_line_is_seen_where_every_line_is_parsed(tmp_path):
    folder = copied("TrainVAE", tmp_path)
    lines = lines_of(folder)
    lines[5] = lines[5].replace(b'train_kl": ', b'train_kl": x')
    (folder / "metrics.jsonl").write_bytes(b"".join(lines))
    assert fault_of(folder) == "" and fault_of(folder, thorough=True) == "line 6 of metrics.jsonl is not a metrics row"


def test_settings_that_were_changed_afterwards_are_seen_where_the_name_is_computed(tmp_path):
    folder = copied("TrainVAE", tmp_path)
    path = folder / "config.json"
    path.write_text(path.read_text().replace('"temperature": ', '"temperature": 1'))
    assert "config.json holds the settings of the run" in fault_of(folder, thorough=True)


@pytest.mark.parametrize("value", [b"1" * 400, b"1e999", b'1.5, "value": 2.5', b"NaN"])
def test_a_seal_does_not_let_odd_numbers_and_double_names_through(value, tmp_path):
    """Fitting checksums skip the first examination of every line, and reading refuses what that would have named."""
    folder = tmp_path / Count().run_id
    with RunFolder(folder).open(Count()) as run:
        run.metrics.append(step=1, value=1.5)
        run.metrics.append(step=2, value=0.5)
        path = folder / "metrics.jsonl"
        path.write_bytes(path.read_bytes().replace(b"1.5", value))
        run.write_meta(sealed=wholeness.seal(folder))
    with pytest.raises(UserError, match="line 1 is not a metrics row"):
        list(MetricsLog(path).blocks())


def test_a_sealed_run_shows_every_later_change(tmp_path):
    """Of a class whose summary repeats nothing of the metrics, so that nothing else could show it."""
    folder = tmp_path / Count().run_id
    with RunFolder(folder).open(Count()) as run:
        run.metrics.append(step=1, value=1.5)
        run.write_summary({"total": 3, "seed": 0})
        run.write_meta(sealed=wholeness.seal(folder))
    assert fault_of(folder) == fault_of(folder, thorough=True) == ""
    for file, old, new, quick in (
        ("summary.json", b"3", b'"abc"', True),
        ("summary.json", b"3", b"4", True),
        ("metrics.jsonl", b"1.5", b"2.5", False),
        ("metrics.jsonl", b"1.5", b"1.25", True),
    ):
        content = (folder / file).read_bytes()
        (folder / file).write_bytes(content.replace(old, new))
        words = f"{file} has been changed since the run ended (meta.json holds another checksum)"
        assert fault_of(folder, thorough=True) == words
        wholeness._known.clear()
        assert fault_of(folder) == (words if quick else "")
        (folder / file).write_bytes(content)
    wholeness._known.clear()
    assert fault_of(folder, thorough=True) == ""
    with RunFolder(folder).open(Count()) as run:
        run.write_meta(sealed=None)  # what a worker does first when it goes on
    (folder / "summary.json").write_text('{"total": 4, "seed": 0}')
    assert fault_of(folder, thorough=True) == "", "without a seal there is nothing to compare with"


def test_a_large_file_is_read_in_blocks_and_once(tmp_path, monkeypatch):
    config = Count(until=3000)
    folder = tmp_path / config.run_id
    folder.mkdir()
    (folder / "config.json").write_text(config_to_json(config))
    rows = [json.dumps({"schema": 1, "step": i, "value": float(i)}) + "\n" for i in range(3000)]
    (folder / "metrics.jsonl").write_text("".join(rows))
    (folder / "summary.json").write_text('{"steps": 2999}')
    monkeypatch.setattr(metrics_scan, "BLOCK", 1000)
    opened = []
    scan = wholeness.scan
    monkeypatch.setattr(wholeness, "scan", lambda *words: opened.append(words) or scan(*words))
    assert [fault_of(folder), fault_of(folder), fault_of(folder, thorough=True), fault_of(folder)] == 4 * [""]
    assert len(opened) == 2, "a light look and a thorough one"
    rows[1500], rows[1501] = rows[1501], rows[1500]
    (folder / "metrics.jsonl").write_text("".join(rows))
    assert (
        fault_of(folder)
        == "line 1502 of metrics.jsonl has step 1500 after step 1501: rows are doubled, or in another order"
    )
