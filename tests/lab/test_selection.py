"""The stage that selects a temperature and the plot that shows it follow one rule."""

import pandas as pd
import pytest

from igr_suite.errors import UserError
from igr_suite.families.vae import temperature_search
from igr_suite.families.vae.config import TrainVAE
from igr_suite.families.vae.posterior_config import PosteriorDistance
from igr_suite.families.vae.presets import default
from igr_suite.families.vae.selection import between, distance_runs, near_vertex_temperature
from igr_suite.families.vae.temperature_search import Search
from igr_suite.lab.analysis.selection import CRITERION, best_temperature, selected_runs
from igr_suite.lab.running.experiment import NotReady, StageResults, expand
from igr_suite.lab.runs.store import RunFolder

CANDIDATES = {t: default("GS_Dis", temperature=t) for t in (0.25, 0.5, 1.0)}


def finish(folder, elbos: dict[float, float]) -> None:
    for temperature, elbo in elbos.items():
        config = CANDIDATES[temperature]
        with RunFolder(folder / config.run_id).open(config) as run:
            run.write_summary({CRITERION: elbo})


def test_the_highest_validation_bound_wins(tmp_path):
    finish(tmp_path, {0.25: -110.0, 0.5: -100.0, 1.0: -105.0})
    assert best_temperature(StageResults(tmp_path), CANDIDATES) == 0.5


def test_the_stage_waits_for_all_candidates(tmp_path):
    finish(tmp_path, {0.25: -110.0, 0.5: -100.0})
    with pytest.raises(NotReady):
        best_temperature(StageResults(tmp_path), CANDIDATES)


def test_plots_keep_the_selected_temperature_of_each_cell():
    rows = [
        ("mnist", "GS", 0.5, 1, -100.0),
        ("mnist", "GS", 1.0, 1, -90.0),
        ("mnist", "GS", 1.0, 2, -99.0),
        ("mnist", "GS", 0.5, 2, -1.0),
    ]
    rows += [("fashion", "GS", 0.5, 1, -7.0), ("fashion", "GS", 1.0, 1, -8.0)]
    frame = pd.DataFrame(rows, columns=["data.name", "model.name", "model.temperature", "seed", CRITERION])
    kept = selected_runs(frame, seed=1)
    assert kept[["data.name", "model.temperature", "seed"]].values.tolist() == [
        ["mnist", 1.0, 1],
        ["mnist", 1.0, 2],
        ["fashion", 0.5, 1],
    ]


def end(folder, config, reason: str) -> None:
    with RunFolder(folder / config.run_id).open(config) as run:
        run.write_meta(exit={"reason": reason, "message": "training diverged at step 7"})


def measure(folder, distances: dict[float, float]) -> None:
    for temperature, distance in distances.items():
        config = PosteriorDistance(trained=CANDIDATES[temperature], samples=100, split="validation")
        with RunFolder(folder / config.run_id).open(config) as run:
            run.write_summary({"sample": {"p75": distance}})


def test_a_diverged_candidate_is_left_out_and_not_waited_for(tmp_path):
    finish(tmp_path, {0.5: -100.0, 1.0: -105.0})
    end(tmp_path, CANDIDATES[0.25], "diverged")
    assert best_temperature(StageResults(tmp_path), CANDIDATES) == 0.5
    assert list(distance_runs(StageResults(tmp_path), CANDIDATES)) == [0.5, 1.0]


@pytest.mark.parametrize("reason", ["interrupted", "error", "user_error", None])
def test_a_candidate_that_ended_otherwise_is_waited_for(tmp_path, reason):
    """A full disk or a kill says nothing about the temperature: the next command tries that run again."""
    finish(tmp_path, {0.5: -100.0, 1.0: -105.0})
    end(tmp_path, CANDIDATES[0.25], reason)
    with pytest.raises(NotReady):
        best_temperature(StageResults(tmp_path), CANDIDATES)


def test_all_candidates_diverged_is_a_sentence(tmp_path):
    for config in CANDIDATES.values():
        end(tmp_path, config, "diverged")
    with pytest.raises(UserError, match="GS_Dis diverged at every temperature of 0.25, 0.5, 1; try other temperatures"):
        best_temperature(StageResults(tmp_path), CANDIDATES)


@pytest.mark.parametrize(
    ("distances", "chosen"),
    [
        ({0.25: 0.1, 0.5: 0.2, 1.0: 0.4}, 0.5),  # at most 0.2: the limit itself counts
        ({0.25: 0.1, 0.5: 0.1, 1.0: 0.1}, 1.0),
        ({0.25: 0.3, 0.5: 0.1, 1.0: 0.4}, 0.5),  # not monotone: the highest one all the same
    ],
)
def test_the_highest_near_temperature_is_chosen(tmp_path, distances, chosen):
    finish(tmp_path, dict.fromkeys(distances, -1.0))
    with pytest.raises(NotReady):
        near_vertex_temperature(StageResults(tmp_path), CANDIDATES)
    measure(tmp_path, distances)
    assert near_vertex_temperature(StageResults(tmp_path), CANDIDATES) == chosen


def test_no_near_temperature_is_a_sentence(tmp_path):
    finish(tmp_path, dict.fromkeys(CANDIDATES, -1.0))
    measure(tmp_path, {0.25: 0.31, 0.5: 0.5, 1.0: 0.6})
    with pytest.raises(
        UserError,
        match=r"no temperature of 0.25, 0.5, 1 brings 75% .* of GS_Dis within 0.2 .*: at 0.25 .* 0.31; add lower",
    ):
        near_vertex_temperature(StageResults(tmp_path), CANDIDATES)


def test_the_interval_above_the_highest_near_temperature_is_halved():
    assert between({0.1: 0.1, 0.5: 0.3, 1.0: 0.4}) == 0.3
    assert between({0.1: 0.1, 0.5: 0.1, 1.0: 0.4}) == 0.75
    assert between({0.1: 0.3, 0.5: 0.4}) is None, "none is near"
    assert between({0.1: 0.1, 0.5: 0.1}) is None, "all are near"
    assert between({0.1: 0.1, 0.1001: 0.4}) is None, "neighbours at three digits"


def test_a_search_trains_measures_and_halves(tmp_path):
    """A pretended distribution, p75 = temperature / 2: between 0.25 and 1 the halvings try 0.625 and 0.438; 4 diverges
    and is skipped."""
    grids = {"GS_Dis": (0.25, 1.0, 4.0)}
    search = Search(models=("GS_Dis",), grids=grids, refine=2, seeds=(1,), epochs=1, limit=64)
    experiment = temperature_search.experiment({"smoke": search}, {"smoke": ("mnist_5k",)})
    for _ in range(10):
        expansion = expand(experiment, "smoke", tmp_path)
        for run_id, config in expansion.runs.items():
            trained = isinstance(config, TrainVAE)
            temperature = (config if trained else config.trained).model.temperature
            if trained and temperature == 4.0:
                end(tmp_path, config, "diverged")
                continue
            with RunFolder(tmp_path / run_id).open(config) as run:
                run.write_summary({CRITERION: -temperature} if trained else {"sample": {"p75": temperature / 2}})
        if expansion.waiting is None:
            break
    found = [config.model.temperature for config in expansion.runs.values() if isinstance(config, TrainVAE)]
    assert found == [0.25, 1.0, 4.0, 0.625, 0.438]
    assert [c.trained.model.temperature for c in expansion.runs.values() if isinstance(c, PosteriorDistance)] == [
        0.25,
        1.0,
        0.625,
        0.438,
    ]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"models": ("GS_Di",)}, "unknown model 'GS_Di': did you mean 'GS_Dis'"),
        ({"preset": "g1"}, "unknown preset 'g1'"),
        ({"criterion": "near"}, "unknown criterion 'near'"),
        ({"refine": -1}, "--refine must be at least 0, got -1"),
        ({"refine": 1, "criterion": "validation"}, "leave it out with --criterion validation"),
        ({"grids": {"GS_Dis": (0.0,)}, "models": ("GS_Dis",)}, "temperatures must be positive, got 0"),
    ],
)
def test_a_wrong_search_is_a_sentence(changes, sentence):
    with pytest.raises(UserError, match=sentence):
        temperature_search.changed("smoke", **changes)
