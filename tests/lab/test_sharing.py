"""Runs that two experiments have in common are copied when finished, and only then."""

import os
from pathlib import Path

from dummy_runs import Count, execute

from igr_suite.lab.running.experiment import Experiment, expand
from igr_suite.lab.running.order import Order
from igr_suite.lab.running.reporter import Reporter
from igr_suite.lab.running.runner import run
from igr_suite.lab.running.sharing import adopt
from igr_suite.lab.runs import outputs
from igr_suite.lab.runs.store import RunFolder

RUNS = [Count(seed=seed) for seed in (1, 2, 3)]
FIRST = Experiment(paper="p", item="first", runs=lambda scale: RUNS[:2])
SECOND = Experiment(paper="p", item="second", runs=lambda scale: RUNS, shares_with=("p/first",))


def test_finished_runs_are_copied_once_and_without_checkpoints(tmp_path: Path):
    done, begun, _ = (run.run_id for run in RUNS)
    with RunFolder(tmp_path / "p/first/smoke" / done).open(RUNS[0]) as folder:
        execute(RUNS[0], folder)
    RunFolder(tmp_path / "p/first/smoke" / begun).open(RUNS[1]).close()
    target = tmp_path / "p/second/smoke"
    expansion = expand(SECOND, "smoke", target)
    assert adopt(expansion, SECOND, "smoke", tmp_path, {}) == {done: "p/first"}
    copy = RunFolder(target / done)
    assert copy.summary() == RunFolder(tmp_path / "p/first/smoke" / done).summary()
    assert copy.metrics.rows() == RunFolder(tmp_path / "p/first/smoke" / done).metrics.rows()
    assert copy.meta()["copied_from"] == "p/first"
    assert not copy.checkpoints.exists()
    assert sorted(path.name for path in target.iterdir()) == [done]
    assert adopt(expansion, SECOND, "smoke", tmp_path, {}) == {}, "what is there stays as it is"
    assert adopt(expansion, SECOND, "smoke", tmp_path, {"seed": "1"}) == {}, "changed runs have a folder of their own"
    assert adopt(expand(FIRST, "smoke", tmp_path / "p/first/smoke"), FIRST, "smoke", tmp_path, {}) == {}


def test_checkpoints_come_along_where_later_stages_start_from_them(tmp_path: Path):
    with RunFolder(tmp_path / "p/first/smoke" / RUNS[0].run_id).open(RUNS[0]) as folder:
        execute(RUNS[0], folder)
        folder.checkpoints.mkdir(exist_ok=True)
        (folder.checkpoints / "step_000000001.ckpt").write_bytes(b"weights")
    third = Experiment(
        paper="p", item="third", runs=lambda scale: RUNS[:1], shares_with=("p/first",), copies_checkpoints=True
    )
    adopt(expand(third, "smoke", tmp_path), third, "smoke", tmp_path, {})
    copy = tmp_path / "p/third/smoke" / RUNS[0].run_id
    assert (copy / "checkpoints" / "step_000000001.ckpt").read_bytes() == b"weights"
    assert not (copy / ".lock").exists()


def test_a_stage_that_waits_for_a_copied_run_is_found_at_once(tmp_path: Path):
    for config in RUNS[:2]:
        with RunFolder(tmp_path / "p/first/smoke" / config.run_id).open(config) as folder:
            execute(config, folder)

    def second_stage(scale, results):
        results.require(RUNS[:1])
        return RUNS[1:2]

    fourth = Experiment(
        paper="p", item="fourth", stages=(lambda scale, results: RUNS[:1], second_stage), shares_with=("p/first",)
    )
    report = run(Order(experiment=fourth, scale="smoke", root=tmp_path), Reporter())
    assert report.waiting is None and report.exit_code == 0
    assert sorted(report.skipped) == sorted(config.run_id for config in RUNS[:2]), "both were copied, nothing was run"


def test_a_stage_that_becomes_known_while_running_is_copied_too(tmp_path: Path):
    with RunFolder(tmp_path / "p/first/smoke" / RUNS[1].run_id).open(RUNS[1]) as folder:
        execute(RUNS[1], folder)

    def second_stage(scale, results):
        results.require(RUNS[:1])
        return RUNS[1:2]

    fifth = Experiment(
        paper="p", item="fifth", stages=(lambda scale, results: RUNS[:1], second_stage), shares_with=("p/first",)
    )
    report = run(Order(experiment=fifth, scale="smoke", root=tmp_path), Reporter())
    assert report.exit_code == 0 and [outcome.run_id for outcome in report.outcomes] == [RUNS[0].run_id]
    assert RunFolder(tmp_path / "p/fifth/smoke" / RUNS[1].run_id).meta()["copied_from"] == "p/first"


def test_processes_that_copy_at_once_leave_one_whole_copy_and_no_errors(tmp_path: Path):
    """With one temporary name for all of them, 3 of 150 copies were wrong and most of the others ended in an error."""
    for config in RUNS[:2]:
        with RunFolder(tmp_path / "p/first/smoke" / config.run_id).open(config) as folder:
            execute(config, folder)
            for number in range(20):
                (folder.path / f"part-{number}").write_bytes(bytes(1000))
    source = {
        path.name: path.read_bytes()
        for path in (tmp_path / "p/first/smoke" / RUNS[0].run_id).iterdir()
        if path.is_file()
    }
    for trial in range(5):
        second = Experiment(paper="p", item=f"copy{trial}", runs=lambda scale: RUNS[:2], shares_with=("p/first",))
        target = tmp_path / second.name / "smoke"
        expansion = expand(second, "smoke", target)
        children = []
        for _ in range(4):
            child = os.fork()
            if child == 0:
                try:
                    adopt(expansion, second, "smoke", tmp_path, {})
                    os._exit(0)
                finally:
                    os._exit(1)
            children.append(child)
        assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 4
        assert sorted(path.name for path in target.iterdir()) == sorted(run.run_id for run in RUNS[:2])
        copy = {path.name: path.read_bytes() for path in (target / RUNS[0].run_id).iterdir()}
        assert {name: copy.get(name) for name in source if name not in ("meta.json", ".lock")} == {
            name: content for name, content in source.items() if name not in ("meta.json", ".lock")
        }


def test_what_killed_writers_left_is_not_copied_and_is_swept(tmp_path: Path, monkeypatch):
    with RunFolder(tmp_path / "p/first/smoke" / RUNS[0].run_id).open(RUNS[0]) as folder:
        execute(RUNS[0], folder)
    left = [".summary.json.5.tmp", "checkpoints/step_000000001.77.part", ".owner.x", ".lock.x"]
    for name in left:
        (folder.path / name).write_bytes(b"half")
    target = tmp_path / "p/third/smoke"
    abandoned, young = target / ".a.5.partial", target / ".b.6.partial"
    for place in (abandoned, young):
        place.mkdir(parents=True)
    third = Experiment(
        paper="p", item="third", runs=lambda scale: RUNS[:1], shares_with=("p/first",), copies_checkpoints=True
    )
    adopt(expand(third, "smoke", tmp_path), third, "smoke", tmp_path, {})
    copy = target / RUNS[0].run_id
    assert (copy / "checkpoints/state").exists() and not any((copy / name).exists() for name in left)
    assert abandoned.exists() and young.exists(), "they may be somebody's who is at it"
    monkeypatch.setattr(outputs, "ABANDONED", -1.0)
    outputs.sweep_abandoned(target, ".*.partial")
    assert [path.name for path in target.iterdir()] == [copy.name]
    with RunFolder(folder.path).open(RUNS[0]):  # the next start
        pass
    assert not any((folder.path / name).exists() for name in left)
