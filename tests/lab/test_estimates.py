"""The time of unfinished runs, judged from finished ones: which run is compared, and the arithmetic."""

import json

import pytest

from igr_suite.families.vae.presets import g2
from igr_suite.lab.running.estimates import Estimate, estimate, measured_runs
from igr_suite.lab.running.experiment import Experiment
from igr_suite.lab.runs.config import replace_parts

EXPERIMENT = Experiment(
    paper="suite", item="none", title="No experiment", runs=lambda scale: [], no_reference="A test."
)
GS = g2("GS_Dis", seed=1, epochs=100)


def finished(root, config, *, wall, train, steps):
    """Writes the files of a finished run that estimates read."""
    place = root / EXPERIMENT.name / "quick" / config.run_id
    place.mkdir(parents=True)
    (place / "config.json").write_text(json.dumps({"kind": type(config).__name__, "config": config.to_dict()}))
    (place / "summary.json").write_text(json.dumps({"steps": steps}))
    (place / "meta.json").write_text(json.dumps({"wall_seconds": wall, "train_seconds": train}))


def seconds(config, root, done=None):
    return estimate({"run": config}, {"run": done}, measured_runs(EXPERIMENT, root)).seconds


def test_training_grows_with_the_steps_and_the_rest_does_not(tmp_path):
    finished(tmp_path, g2("GS_Dis", seed=2, epochs=5), wall=50.0, train=40.0, steps=3_905)
    assert seconds(GS, tmp_path) == pytest.approx(10.0 + 20 * 40.0)
    assert seconds(GS, tmp_path, done=39_050) == pytest.approx(10.0 + 10 * 40.0)
    assert seconds(GS, tmp_path, done=78_100) == pytest.approx(10.0)


def test_the_run_with_the_fewest_other_settings_counts(tmp_path):
    finished(tmp_path, g2("IGR_I_Dis", seed=2, epochs=5), wall=500.0, train=400.0, steps=3_905)
    assert seconds(GS, tmp_path) == pytest.approx(100.0 + 20 * 400.0)
    finished(tmp_path, replace_parts(GS, schedule={"epochs": 5, "batch_size": 32}), wall=70.0, train=60.0, steps=7_810)
    # another batch size: the same number of epochs, by its steps an epoch
    assert seconds(GS, tmp_path) == pytest.approx(10.0 + 60.0 * 20)
    finished(tmp_path, g2("GS_Dis", seed=2, epochs=5), wall=50.0, train=40.0, steps=3_905)
    assert seconds(GS, tmp_path) == pytest.approx(10.0 + 20 * 40.0)


def test_long_runs_count_more_than_short_ones_and_of_equal_ones_the_median(tmp_path):
    finished(tmp_path, g2("GS_Dis", seed=2, epochs=1), wall=50.0, train=40.0, steps=781)
    for seed, train in ((3, 100.0), (4, 110.0), (5, 900.0)):
        finished(tmp_path, g2("GS_Dis", seed=seed, epochs=10), wall=train + 5.0, train=train, steps=7_810)
    assert seconds(GS, tmp_path) == pytest.approx(5.0 + 10 * 110.0)


def test_without_a_finished_run_of_the_kind_nothing_is_claimed(tmp_path):
    nothing = estimate({"run": GS}, {}, measured_runs(EXPERIMENT, tmp_path))
    assert nothing.unknown == 1 and nothing.words(2) == "no time can be estimated: no run of this kind is finished yet"


def test_damaged_files_are_passed_over(tmp_path):
    finished(tmp_path, g2("GS_Dis", seed=2, epochs=5), wall=50.0, train=40.0, steps=3_905)
    for name, text in (("meta.json", "[]"), ("config.json", "{"), ("summary.json", "null")):
        broken = tmp_path / EXPERIMENT.name / "quick" / f"broken-{name}"
        broken.mkdir()
        for other in ("config.json", "meta.json", "summary.json"):
            (broken / other).write_text("{}")
        (broken / name).write_text(text)
    assert seconds(GS, tmp_path) == pytest.approx(10.0 + 20 * 40.0)


@pytest.mark.parametrize(
    ("total", "jobs", "words"),
    [
        (Estimate(46_800.0, 10, 0, 5_000.0), 2, "about 13 h of one thread, 6.5 h with 2 runs at once"),
        (Estimate(600.0, 2, 0, 500.0), 4, "about 10 min of one thread, 8 min with 4 runs at once"),
        (Estimate(42.0, 1, 0, 42.0), 2, "about 42 s of one thread"),
        (Estimate(42.0, 3, 2, 42.0), 2, "about 42 s of one thread; 2 of 3 runs could not be estimated"),
        (Estimate(0.0, 0, 0, 0.0), 2, ""),
    ],
)
def test_words(total, jobs, words):
    assert total.words(jobs) == words
