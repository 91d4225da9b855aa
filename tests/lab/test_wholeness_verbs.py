"""What the verbs and the runner do with a run that is not whole: a dummy experiment whose first run's rows are doubled."""

import json
import shutil

import pytest
from dummy_runs import Count, execute
from igr_process import HYPOTHESES

from igr_suite.cli.main import main
from igr_suite.lab.analysis.results import Results
from igr_suite.lab.running import discovery, worker
from igr_suite.lab.running.experiment import Experiment, expand
from igr_suite.lab.running.reporter import Reporter
from igr_suite.lab.running.runner import Order, run
from igr_suite.lab.running.sharing import adopt
from igr_suite.lab.runs.metrics_log import MetricsLog
from igr_suite.lab.runs.store import RunFolder

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
    monkeypatch.setattr(worker, "executor_of", lambda config: careless if config.seed == 5 else execute)
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
