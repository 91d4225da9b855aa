"""Runs that two experiments have in common are copied when finished, and only then."""

from pathlib import Path

from dummy_runs import Count, execute

from igr_suite.experiments.experiment import Experiment, expand
from igr_suite.experiments.sharing import adopt
from igr_suite.experiments.store import RunFolder

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
