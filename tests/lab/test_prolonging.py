"""Runs that differ from a finished one in length only go on from it; no others do."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from dummy_runs import Count, Pace, execute

from igr_suite.lab.running.experiment import Experiment
from igr_suite.lab.running.order import Order
from igr_suite.lab.running.places import scale_folder
from igr_suite.lab.running.prolonging import prolong
from igr_suite.lab.running.reporter import Reporter
from igr_suite.lab.running.runner import run
from igr_suite.lab.runs.store import RunFolder


@dataclass(frozen=True, kw_only=True)
class Prolonged(Count):
    """Counts on where a shorter count ended."""

    extendable_by: ClassVar[tuple[str, ...]] = ("until",)


def done(folder: Path, config: Count) -> RunFolder:
    with RunFolder(folder / config.run_id).open(config) as opened:
        execute(config, opened)
    return opened


def test_the_longest_shorter_run_is_taken_and_left_as_it_is(tmp_path):
    source = tmp_path / "source"
    for until in (2, 4, 6):
        done(source, Prolonged(until=until))
    before = {path: path.read_bytes() for path in source.rglob("*") if path.is_file()}
    config = Prolonged(until=5)
    assert prolong({config.run_id: config}, tmp_path / "new", [source]) == {config.run_id: Prolonged(until=4).run_id}
    begun = RunFolder(tmp_path / "new" / config.run_id)
    assert begun.config() == config and begun.status().state == "partial" and begun.metrics.last_step() == 4
    assert (begun.checkpoints / "state").read_text() == "4"
    done(tmp_path / "new", config)
    assert [row["step"] for row in begun.metrics.rows()] == [1, 2, 3, 4, 5] and begun.finished
    assert {path: path.read_bytes() for path in source.rglob("*") if path.is_file()} == before
    assert prolong({config.run_id: config}, tmp_path / "new", [source]) == {}, "what is there stays as it is"


@pytest.mark.parametrize(
    "other",
    [
        Prolonged(until=5),
        Prolonged(until=7),
        Prolonged(until=3, seed=1),
        Prolonged(until=3, pace=Pace(name="slow")),
        Count(until=3),
    ],
    ids=["as long", "longer", "another seed", "another setting", "another class"],
)
def test_no_other_run_is_taken(tmp_path, other):
    done(tmp_path / "source", other)
    config = Prolonged(until=5)
    assert prolong({config.run_id: config}, tmp_path / "new", [tmp_path / "source", tmp_path / "absent"]) == {}


def test_unfinished_runs_and_runs_without_checkpoints_are_not_taken(tmp_path):
    RunFolder(tmp_path / Prolonged(until=3).run_id).open(Prolonged(until=3)).close()
    bare = done(tmp_path, Prolonged(until=4))
    (bare.checkpoints / "state").unlink()
    config = Prolonged(until=5)
    assert prolong({config.run_id: config}, tmp_path, [tmp_path]) == {}


def test_classes_that_do_not_say_so_are_left_alone(tmp_path):
    done(tmp_path, Count(until=3))
    config = Count(until=5)
    assert prolong({config.run_id: config}, tmp_path, [tmp_path]) == {}


@pytest.mark.parametrize("item", ["first", "second"])
def test_igr_run_goes_on_from_the_runs_of_the_plain_scale(tmp_path, capsys, item):
    """`--set until=5` has a folder of its own, and finds what `igr run` has trained without it, here or where runs are
    shared with."""
    experiment = Experiment(paper="p", item="first", runs=lambda scale: [Prolonged(until=3)], shares_with=("p/second",))
    source = done(tmp_path / "p" / item / "smoke", Prolonged(until=3))
    longer = Prolonged(until=5)
    report = run(Order(experiment=experiment, scale="smoke", root=tmp_path, settings={"until": "5"}), Reporter())
    assert report.exit_code == 0
    assert f"{longer.run_id} goes on from {source.path.name}" in "".join(capsys.readouterr())
    made = RunFolder(scale_folder(tmp_path, experiment, "smoke", {"until": "5"}) / longer.run_id)
    assert "counting from 3" in (made.path / "worker.log").read_text()
