"""The stage that selects a temperature and the plot that shows it follow one rule."""

import pandas as pd
import pytest

from igr_suite.experiments.experiment import NotReady, StageResults
from igr_suite.experiments.selection import CRITERION, best_temperature, selected_runs
from igr_suite.experiments.store import RunFolder
from igr_suite.models.presets import default

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
    rows = [("mnist", "GS", 0.5, 1, -100.0), ("mnist", "GS", 1.0, 1, -90.0), ("mnist", "GS", 1.0, 2, -99.0), ("mnist", "GS", 0.5, 2, -1.0)]
    rows += [("fashion", "GS", 0.5, 1, -7.0), ("fashion", "GS", 1.0, 1, -8.0)]
    frame = pd.DataFrame(rows, columns=["data.name", "model.name", "model.temperature", "seed", CRITERION])
    kept = selected_runs(frame, seed=1)
    assert kept[["data.name", "model.temperature", "seed"]].values.tolist() == [["mnist", 1.0, 1], ["mnist", 1.0, 2], ["fashion", 0.5, 1]]
