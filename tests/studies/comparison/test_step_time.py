"""Times of training steps of runs that lie beside the measurement."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from igr_suite.errors import UserError
from igr_suite.families.sbn.config import SBNConfig, TrainSBN
from igr_suite.families.sbn.model import SBN
from igr_suite.lab.runs.store import RunFolder
from igr_suite.plotting import equal_evaluations
from igr_suite.studies.comparison import step_time
from igr_suite.studies.comparison.config import StepTime, step_times
from igr_suite.studies.comparison.rows import step_seconds
from igr_suite.studies.toy.config import ToyRun
from igr_suite.training import timing
from igr_suite.training.config_parts import BinaryDataConfig
from igr_suite.training.timing import Windows, interleaved, ratio

LIMITS = BinaryDataConfig(train_limit=60, evaluation_limit=10)


def network(estimator: str, **model) -> TrainSBN:
    return TrainSBN(model=SBNConfig(estimator=estimator, layers=1, hidden=3, **model), data=LIMITS, seed=1)


@pytest.fixture
def place(tmp_path):
    for name in ("nvil", "reinforce", "disarm"):
        RunFolder(tmp_path / network(name).run_id).open(network(name)).close()
    return tmp_path


def executed(config, place) -> dict:
    with RunFolder(place / config.run_id).open(config) as folder:
        step_time.execute(config, folder)
    return folder.summary()["runs"]


def test_every_run_is_timed_beside_the_first_and_is_left_alone(place, monkeypatch):
    monkeypatch.setattr(SBN, "jit_steps", False)  # compiles in a third of the time
    runs = tuple(network(name).run_id for name in ("reinforce", "nvil", "disarm"))
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    times = executed(StepTime(runs=runs, together=1, windows=3, seconds=0.005), place)
    assert {path: path.read_bytes() for path in before} == before
    assert tuple(times) == runs
    assert times[runs[0]] | {"processor_seconds": 0, "wall_seconds": 0} == {
        "processor_seconds": 0,
        "wall_seconds": 0,
        "relative_time": 1.0,
        "relative_time_low": 1.0,
        "relative_time_high": 1.0,
    }
    for name in runs[1:]:
        assert 0 < times[name]["relative_time_low"] <= times[name]["relative_time"] <= times[name]["relative_time_high"]
        assert 0 < times[name]["processor_seconds"] < 1 and 0 < times[name]["wall_seconds"] < 1


def test_windows_alternate_and_their_steps_fill_the_time(monkeypatch):
    now, calls, took = [0.0], [], {"slow": 0.3, "fast": 0.1}

    def program(name):
        def train(count):
            calls.append((name, count))
            now[0] += took[name] * count

        return train

    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(timing.time, "process_time", lambda: now[0] / 2)
    measured = interleaved({name: program(name) for name in took}, windows=2, seconds=1.01, most=8)
    assert calls[:4] == [("slow", 1), ("fast", 1)] * 2, "one step compiles, one says how many fill a window"
    assert calls[4:] == [("slow", 3), ("fast", 8)] * 2
    np.testing.assert_allclose(measured["slow"].wall, [0.3] * 2)
    np.testing.assert_allclose(measured["fast"].processor, [0.05] * 2)


def test_ratios_are_of_neighbouring_windows():
    ours, theirs = Windows(processor=[2.0, 6.0, 2.0]), Windows(processor=[1.0, 2.0, 2.0])
    assert ratio(ours.processor, theirs.processor) == (2.0, 1.0, 3.0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"runs": ("one",)}, "runs must name at least two runs, each once, got one"),
        ({"runs": ("one", "two", "one")}, "each once, got one, two, one"),
        ({"windows": 0}, "windows must be at least 1, got 0"),
        ({"together": 0}, "together must be at least 1, got 0"),
        ({"seconds": 0.0}, "seconds must be above 0"),
        ({"seconds": float("inf")}, "seconds"),
    ],
)
def test_a_wrong_number_is_a_sentence(change, sentence):
    with pytest.raises(UserError, match=sentence):
        StepTime(**{"runs": ("one", "two")} | change)


def test_a_run_that_is_not_there_or_trains_nothing_is_a_sentence(place):
    first, toy = network("nvil").run_id, ToyRun(estimator="disarm")
    with pytest.raises(UserError, match="there is no run sbn-12345678 in .*, whose steps are to be timed"):
        executed(StepTime(runs=(first, "sbn-12345678")), place)
    RunFolder(place / toy.run_id).open(toy).close()
    with pytest.raises(UserError, match=r"a ToyRun run trains no model, so .* has no networks"):
        executed(StepTime(runs=(first, toy.run_id)), place)


def test_the_runs_of_a_model_are_timed_together_and_reinforce_is_the_first():
    runs = [
        network(name, nonlinear=nonlinear) for nonlinear in (False, True) for name in ("nvil", "reinforce", "disarm")
    ]
    linear, nonlinear = step_times(runs, lambda run: run.model.nonlinear, "smoke")
    assert linear.runs == tuple(runs[place].run_id for place in (1, 0, 2)) and linear.windows == 2
    assert nonlinear.runs == tuple(runs[place].run_id for place in (4, 3, 5))


@pytest.fixture
def two_seeds(tmp_path):
    """Results of two seeds whose training took 120 and 240 s, with rows at steps 50 and 100."""
    configs, frames = {}, []
    for seed, seconds in ((1, 120.0), (2, 240.0)):
        config = network("nvil").with_values({"seed": seed})
        configs[config.run_id] = config
        with RunFolder(tmp_path / config.run_id).open(config) as folder:
            folder.write_meta(train_seconds=seconds)
        row = {"run_id": config.run_id, "seed": seed, "model.estimator": "nvil", "test_iw_bound_100": -100.0}
        frames += [row | {"step": step, "epoch": 0.5 * step, "train_elbo": -99.0} for step in (50, 100)]
    return SimpleNamespace(folder=tmp_path, configs=configs, metrics=pd.DataFrame(frames))


def rows_of(results) -> pd.DataFrame:
    times = step_seconds(results)
    return equal_evaluations.rows_of(results, lambda row: "model", lambda row: "NVIL", times)


def minutes_of(results) -> pd.DataFrame:
    rows = rows_of(results)
    return rows.pivot(index="seed", columns="steps", values="minutes").assign(clock=rows["clock"].iloc[0])


def test_minutes_are_those_of_the_runs_where_no_step_was_timed(two_seeds):
    minutes = minutes_of(two_seeds)
    assert list(minutes[0.05]) == [1.5, 1.5] and list(minutes[0.1]) == [3.0, 3.0], "the mean over seeds"
    assert list(minutes["clock"]) == ["wall"] * 2


def test_minutes_of_all_seeds_are_steps_times_the_time_of_a_step(two_seeds):
    first, second = two_seeds.configs
    timed = StepTime(runs=("of-another-method-12345678", first))
    two_seeds.configs[timed.run_id] = timed
    with RunFolder(two_seeds.folder / timed.run_id).open(timed) as folder:
        assert minutes_of(two_seeds)["clock"].iloc[0] == "wall", "not finished"
        folder.write_summary(
            {
                "runs": {
                    timed.runs[0]: {"processor_seconds": 0.2, "relative_time": 1.0},
                    first: {"processor_seconds": 0.9, "relative_time": 3.0},  # in a slow minute
                }
            }
        )
    minutes = minutes_of(two_seeds)
    np.testing.assert_allclose(minutes[0.05], 0.5)
    np.testing.assert_allclose(minutes[0.1], 1.0)
    assert list(minutes["clock"]) == ["processor"] * 2


def test_the_table_has_one_time_for_all_seeds(two_seeds):
    rows = rows_of(two_seeds)
    texts, numbers = equal_evaluations.table(rows, {"model": "Model"})
    assert list(texts["minutes"]) == ["3.0"] and list(numbers["minutes_mean"]) == [3.0]
    assert "minutes_sd" not in numbers and list(numbers["clock"]) == ["wall"]
    assert equal_evaluations.table(rows.assign(minutes=float("nan")), {"model": "Model"})[0]["minutes"].iloc[0] == "-"


def test_times_of_steps_are_relative_to_reinforce_s():
    rows = pd.DataFrame(
        {
            "model": ["a", "a", "b"],
            "method": ["NVIL", "REINFORCE", "NVIL"],
            "evaluations a step": "1",
            "seed": 0,
            "bound": [-1.0, -2.0, -3.0],
            "samples": 100,
            "steps": [10.0, 20.0, 10.0],
            "minutes": [3.0, 4.0, 1.0],
            "clock": "processor",
        }
    )
    texts, numbers = equal_evaluations.table(rows, {"a": "A", "b": "B"})
    assert dict(zip(texts["method"] + texts["model"], texts["time of a step"])) == {
        "NVILa": "1.50",
        "REINFORCEa": "1.00",
        "NVILb": "-",
    }
    assert numbers["relative_step_time"][0] == pytest.approx(1.5)
    assert equal_evaluations.about_minutes(rows).endswith("The time of a step is relative to REINFORCE's.")
    without = rows[rows["method"] == "NVIL"]
    assert "time of a step" not in equal_evaluations.table(without, {"a": "A", "b": "B"})[0]
    assert "REINFORCE" not in equal_evaluations.about_minutes(without)
    assert "time of a step" not in equal_evaluations.table(rows.assign(clock="wall"), {"a": "A", "b": "B"})[0]
