"""A finished run is looked at before it is believed: damage of every kind is named, every committed run is whole."""

import json
import random
import shutil
from collections import defaultdict
from pathlib import Path

import pytest
from dummy_runs import Count, execute

from igr_suite.cli.main import main
from igr_suite.errors import UserError
from igr_suite.lab.analysis.results import Results
from igr_suite.lab.running import discovery, worker
from igr_suite.lab.running.experiment import Experiment, expand
from igr_suite.lab.running.order import Order
from igr_suite.lab.running.reporter import Reporter
from igr_suite.lab.running.runner import run
from igr_suite.lab.running.sharing import adopt
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
    """A class that did not would be looked at less closely, without anybody noticing."""
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


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.startswith("Estimator")])
def test_files_of_two_runs_are_named(kind, tmp_path):
    """Comparisons of estimators (Estimator...) are left out: nothing in their summary names the run."""
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
    """Checksums that fit spare the first look at every line, and reading refuses what that would have named."""
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


# What the verbs make of it: a dummy experiment whose first run's rows are doubled.

NAME, FIRST, SECOND = "igr/counting", "count-3-s0-072510eb", "count-3-s1-004bb02c"


@pytest.fixture
def damaged(igr, monkeypatch, capsys):
    """`igr` in this process, on three finished runs of which the first one's metrics are doubled."""
    monkeypatch.setenv("IGR_REPRODUCTIONS", str(igr.reproductions))
    monkeypatch.setenv("IGR_RESULTS", str(igr.results))
    (igr.reproductions / "igr/hypotheses.py").write_text(HYPOTHESES)
    folder = igr.results / NAME / "smoke"
    for config in (Count(seed=0), Count(seed=1), Count(until=4, seed=1)):
        with RunFolder(folder / config.run_id).open(config) as opened:
            execute(config, opened)
    path = folder / FIRST / "metrics.jsonl"
    path.write_bytes(2 * path.read_bytes())

    def words(*given: str) -> tuple[int, str, str]:
        return main(list(given)), *capsys.readouterr()

    words.folder = folder
    return words


HYPOTHESES = """
from igr_suite.lab.analysis.hypotheses import Evidence, Hypothesis
TITLE, INTRODUCTION = "Counting", "Runs of scale {scale}."
EVIDENCE = Evidence(item="igr/counting", what="total", value="total", of={"seed": 1}, against={"seed": 0}, expected="higher")
HYPOTHESES = [Hypothesis(claim="More is more", source="here", evidence=[EVIDENCE])]
"""
SCALE = ("--scale", "smoke")


@pytest.mark.parametrize(
    "words",
    [
        ("status", NAME),
        ("status",),
        ("plot", NAME, *SCALE),
        ("plot", "--all", *SCALE),
        ("check", NAME, *SCALE),
        ("check", *SCALE),
        ("findings", "igr", *SCALE),
        ("report", *SCALE),
        ("export", NAME, *SCALE, "--out", "OUT/runs.csv"),
        ("export", NAME, *SCALE, "--what", "metrics", "--out", "OUT/runs.csv"),
        ("export", NAME, *SCALE, "--tensorboard", "OUT/logs"),
        ("run", NAME, *SCALE, "--dry-run"),
    ],
    ids=" ".join,
)
def test_every_reader_names_the_run_leaves_it_out_and_exits_with_1(damaged, words, tmp_path):
    code, out, err = damaged(*(word.replace("OUT", str(tmp_path)) for word in words))
    said = out + err
    assert code == 1, said
    assert FIRST in said and "line 4 of metrics.jsonl has step 1 after step 3" in said
    assert "igr merge" in said and "delete its folder to run it again" in said
    if words[0] == "plot":
        assert (
            "| 0 |" not in (damaged.folder / "table.md").read_text()
            and "| 1 |" in (damaged.folder / "table.md").read_text()
        )
    if words[0] == "export" and "--out" in words:
        table = (tmp_path / "runs.csv").read_text()
        assert FIRST not in table and SECOND in table
    if words[0] == "report":
        page = (damaged.folder.parents[2] / "report.html").read_text()
        assert "1 not whole" in page and "line 4 of metrics.jsonl" in page


def test_readers_that_find_nothing_wrong_exit_with_0(damaged, tmp_path):
    shutil.rmtree(damaged.folder / FIRST)
    for words in (("status", NAME), ("plot", NAME, *SCALE), ("findings", "igr", *SCALE), ("report", *SCALE)):
        code, out, err = damaged(*words)
        assert code == 0 and "whole" not in out + err, out + err


def test_a_renamed_folder_is_named_although_no_run_has_its_name(damaged):
    shutil.rmtree(damaged.folder / FIRST)
    (damaged.folder / SECOND).rename(damaged.folder / "mine")
    for words in (
        ("status", NAME),
        ("plot", NAME, *SCALE),
        ("export", NAME, *SCALE, "--out", str(damaged.folder / "a.csv")),
    ):
        code, out, err = damaged(*words)
        assert code in (1, 2) and "mine" in out + err and f"config.json is of the run {SECOND}" in out + err


def test_the_runner_neither_skips_nor_overwrites_such_a_run(damaged):
    before = (damaged.folder / FIRST / "metrics.jsonl").read_bytes()
    report = run(Order(experiment=discovery.find(NAME), scale="smoke", root=damaged.folder.parents[2]), Reporter())
    refused = {outcome.run_id: outcome for outcome in report.outcomes}
    assert (
        refused[FIRST].reason == "user_error"
        and report.exit_code == 2
        and FIRST not in report.skipped
        and SECOND in report.skipped
    )
    assert "not whole" in refused[FIRST].message and "delete its folder to run it again" in refused[FIRST].message
    assert report.waiting == 2, "a later stage does not choose from it"
    assert (damaged.folder / FIRST / "metrics.jsonl").read_bytes() == before


def test_a_run_that_ends_with_files_that_do_not_fit_is_no_success(tmp_path, monkeypatch, capsys):
    """An executor that writes steps in a wrong order: its run fails at once, and not when somebody draws it."""

    def careless(config, folder):
        folder.metrics.append(7, value=0)
        execute(config, folder)

    config, patient = Count(seed=5), Count(seed=6)
    monkeypatch.setattr(worker, "executor", lambda config: careless if config.seed == 5 else execute)
    monkeypatch.setattr(MetricsLog, "cut_after", lambda self, step: None)
    for one, code in ((patient, 0), (config, 1)):
        with RunFolder(tmp_path / one.run_id).open(one) as folder:
            assert worker._execute(one, folder)[0] == code
    assert (
        "wrote files that do not belong together: line 2 of metrics.jsonl has step 1 after step 7"
        in capsys.readouterr().err
    )
    monkeypatch.setattr(worker, "raise_on_signals", lambda: None)
    assert worker.run(tmp_path / config.run_id) == 2 and "finished but not whole" in capsys.readouterr().err


def test_only_whole_runs_are_copied_to_other_experiments(damaged, tmp_path):
    root = damaged.folder.parents[2]
    item = Experiment(paper="p", item="other", runs=lambda scale: [Count(seed=0), Count(seed=1)], shares_with=(NAME,))
    assert adopt(expand(item, "smoke", tmp_path), item, "smoke", root, {}) == {SECOND: NAME}
    assert not Results(item, "smoke", root).faults


def test_an_item_without_published_values_is_looked_at_too(damaged, igr):
    published = igr.reproductions / NAME / "published.csv"
    published.write_text(published.read_text().splitlines()[0] + "\n")
    code, out, err = damaged("check", NAME, *SCALE)
    assert code == 1 and FIRST in err and "No reference value" in out


def test_a_plot_that_needs_the_run_that_is_left_out_is_a_sentence(damaged, igr):
    (igr.reproductions / NAME / "plot.py").write_text(
        "def plot(results, out):\n    return [results.runs.set_index('seed').loc[0]]\n"
    )
    code, _, err = damaged("plot", NAME, *SCALE)
    assert code == 2 and FIRST in err and "cannot be drawn (1 of 2 runs are finished and whole): KeyError 0" in err


ONE_STAGE = """
from dummy_runs import Count
from igr_suite.lab import Experiment
EXPERIMENT = Experiment(paper="igr", item="counting", runs=lambda scale: [Count(seed=seed) for seed in range(3)])
"""


@pytest.mark.parametrize(("value", "words"), [("abc", "a text"), ([1], "a list"), (True, "true or false")])
def test_a_number_that_became_something_else_is_seen_beside_the_other_runs(damaged, igr, tmp_path, value, words):
    """In runs without checksums, and of a class whose summary repeats nothing of the metrics, nothing else shows it."""
    (igr.reproductions / NAME / "run.py").write_text(ONE_STAGE)
    shutil.rmtree(damaged.folder)
    for config in (Count(seed=seed) for seed in range(3)):
        with RunFolder(damaged.folder / config.run_id).open(config) as opened:
            execute(config, opened)
    path = damaged.folder / FIRST / "summary.json"
    path.write_text(json.dumps({"total": value, "seed": 0}))
    for verb in (
        ("plot", NAME, *SCALE),
        ("check", NAME, *SCALE),
        ("export", NAME, *SCALE, "--out", str(tmp_path / "runs.csv")),
    ):
        code, out, err = damaged(*verb)
        said = (
            f"{FIRST} is not whole and is left out: summary.json holds {words} under total, where 2 other runs of "
            f"its kind have a number"
        )
        assert code == 1 and said in err, out + err
    table = (tmp_path / "runs.csv").read_text()
    assert FIRST not in table and SECOND in table
    path.write_text('{"total": null, "seed": 0}')
    assert damaged("export", NAME, *SCALE, "--out", str(tmp_path / "runs.csv"))[0] == 0, (
        "nothing was measured: no damage"
    )
