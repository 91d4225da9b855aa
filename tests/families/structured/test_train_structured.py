"""A run of structured output prediction from data to summary: resumed bitwise, with its pictures."""

import shutil

import numpy as np
import pytest

from igr_suite.data.halves import PICTURED
from igr_suite.families.structured.config import TrainStructured
from igr_suite.families.structured.train import execute
from igr_suite.lab.runs.store import RunFolder


def a_run(path, epochs: int) -> RunFolder:
    """Four steps an epoch with three units a layer; goes on from a checkpoint that is there."""
    config = TrainStructured().with_values(
        {
            "model.units": 3,
            "data.train_limit": 100,
            "data.evaluation_limit": 60,
            "schedule.epochs": epochs,
            "schedule.batch_size": 25,
            "schedule.samples": 2,
            "evaluation.samples_while_training": 5,
            "evaluation.samples": 20,
            "evaluation.relaxed_samples": 5,
            "evaluation.pictures": 2,
        }
    )
    with RunFolder(path).open(config) as folder:
        execute(config, folder)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> RunFolder:
    return a_run(tmp_path_factory.mktemp("whole"), epochs=2)


def test_the_summary_holds_bounds_that_fall_with_the_samples(whole):
    summary = whole.summary()
    assert summary["steps"] == 8
    bounds = [summary[f"test_iw_discrete_{count}"] for count in (1, 10, 20)]
    assert bounds == sorted(bounds)
    assert summary["test_iw_discrete_20_se"] > 0
    assert summary["test_nll_discrete"] > 0
    losses = [row["train_loss"] for row in whole.metrics.rows() if "train_loss" in row]
    assert len(losses) == 8
    assert summary["train_loss_last_epoch"] == pytest.approx(np.mean(losses[4:]))


def test_golden_values(golden, whole):
    golden("structured_output", whole)


def test_a_resumed_run_is_the_uninterrupted_one(whole, tmp_path):
    half = a_run(tmp_path / "half", epochs=1)
    (tmp_path / "resumed").mkdir()
    shutil.copytree(half.checkpoints, tmp_path / "resumed" / "checkpoints")
    shutil.copy(half.path / "metrics.jsonl", tmp_path / "resumed")
    resumed = a_run(tmp_path / "resumed", epochs=2)
    assert resumed.summary() == whole.summary()
    assert resumed.metrics.rows() == whole.metrics.rows()


def test_pictures_keep_the_upper_half_and_differ_in_the_lower(whole):
    with np.load(whole.path / "pictures.npz") as stored:
        truth, completions = stored["truth"], stored["completions"]
    assert truth.shape == (len(PICTURED), 28, 28, 1)
    assert completions.shape == (2, *truth.shape)
    assert truth.dtype == completions.dtype == np.uint8
    assert set(np.unique(completions)) == {0, 255}
    np.testing.assert_array_equal(completions[:, :, :14], np.broadcast_to(truth[:, :14], (2, 10, 14, 28, 1)))
    assert (completions[0, :, 14:] != completions[1, :, 14:]).any()
