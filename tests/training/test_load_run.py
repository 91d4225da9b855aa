"""What `load_run` refuses; that it gives every family's networks is asserted with the golden values."""

import pytest

import igr_suite
from igr_suite.errors import UserError
from igr_suite.families.vae.config import TrainVAE
from igr_suite.lab.runs.store import RunFolder
from igr_suite.studies.toy.config import ToyRun

SMALL = {"data.train_limit": 60, "data.evaluation_limit": 20, "schedule.epochs": 1, "schedule.batch_size": 20}


def test_what_has_no_networks_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match="is not a run's folder: it has no config.json"):
        igr_suite.load_run(tmp_path)
    toy, vae = ToyRun(estimator="disarm"), TrainVAE().with_values(SMALL | {"model.architecture": "linear"})
    for config in (toy, vae):
        RunFolder(tmp_path / config.run_id).open(config).close()
    with pytest.raises(UserError, match="a ToyRun run trains no model"):
        igr_suite.load_run(tmp_path / toy.run_id)
    with pytest.raises(UserError, match="has no checkpoint .*; run it again"):
        igr_suite.load_run(tmp_path / vae.run_id)
    assert not (tmp_path / vae.run_id / "meta.json").exists(), "nothing is written by building the model"
    (tmp_path / vae.run_id / "summary.json").write_text("{")
    with pytest.raises(UserError, match="is not whole"):
        igr_suite.load_run(tmp_path / vae.run_id)


def test_an_executor_of_ones_own_must_train_by_the_shared_one(tmp_path, monkeypatch):
    config = TrainVAE().with_values(SMALL)
    RunFolder(tmp_path / config.run_id).open(config).close()
    monkeypatch.setattr(TrainVAE, "executor", "igr_suite.lab.runs.values:describe")
    monkeypatch.setattr("igr_suite.lab.runs.values.describe", lambda config, folder: None)
    with pytest.raises(UserError, match="trains without `training.executor.train`, by which"):
        igr_suite.load_run(tmp_path / config.run_id)
