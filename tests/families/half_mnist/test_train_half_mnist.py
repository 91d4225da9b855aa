"""Runs of half-and-half digits from data to summary: resumed bitwise, stopped by a loss, with pictures; schedules and
the old Adam."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.data.halves import PICTURED
from igr_suite.families.half_mnist.config import TrainHalfMNIST
from igr_suite.families.half_mnist.model import HalfMNIST
from igr_suite.families.half_mnist.train import execute
from igr_suite.lab.runs.store import RunFolder
from igr_suite.training.adam import LegacyAdam
from igr_suite.training.schedules import StepDecay


def a_run(path, epochs: int, **settings) -> RunFolder:
    """Four steps an epoch with three latents; goes on from a checkpoint that is there."""
    config = TrainHalfMNIST().with_values(
        {
            "model.latents": 3,
            "data.train_limit": 100,
            "data.evaluation_limit": 60,
            "schedule.batch_size": 25,
            "schedule.epochs": epochs,
            "optimiser.learning_rate": 0.003,
            **settings,
        }
    )
    with RunFolder(path).open(config) as folder:
        execute(config, folder)
    return folder


SYNTHETIC = {
    "model.estimator": "sdni",
    "sg.kind": "deep",
    "sg.width": 6,
    "optimiser.slash_rate": 2.0,
    "optimiser.slash_every": 1,
    "evaluation.pictures": 2,
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> RunFolder:
    return a_run(tmp_path_factory.mktemp("whole"), epochs=2, **SYNTHETIC)


def test_golden_values(golden, whole):
    golden("half_mnist", whole)


def test_a_resumed_run_is_the_uninterrupted_one(whole, tmp_path):
    half = a_run(tmp_path / "half", epochs=1, **SYNTHETIC)
    (tmp_path / "resumed").mkdir()
    shutil.copytree(half.checkpoints, tmp_path / "resumed" / "checkpoints")
    shutil.copy(half.path / "metrics.jsonl", tmp_path / "resumed")
    resumed = a_run(tmp_path / "resumed", epochs=2, **SYNTHETIC)
    assert resumed.summary() == whole.summary()
    assert resumed.metrics.rows() == whole.metrics.rows()


def test_the_summary_names_losses_per_pixel_and_per_image(whole):
    summary = whole.summary()
    assert summary["steps"] == 8
    for name in ("test", "validation"):
        assert summary[f"{name}_nll"] == pytest.approx(392 * summary[f"{name}_bce"], rel=1e-5)
    assert summary["train_nll"] == pytest.approx(392 * summary["train_loss"], rel=1e-5)
    assert {"train_sg_loss", "train_target_square", "train_cosine"} <= set(summary)


def test_pictures_keep_the_thresholded_upper_half_and_differ_in_the_lower(whole):
    with np.load(whole.path / "pictures.npz") as stored:
        truth, completions = stored["truth"], stored["completions"]
    assert completions.shape == (2, len(PICTURED), 28, 28, 1)
    np.testing.assert_array_equal(completions[:, :, :14], np.broadcast_to(truth[:, :14], (2, len(PICTURED), 14, 28, 1)))
    assert (completions[0, :, 14:] != completions[1, :, 14:]).any()


def test_a_run_stops_with_the_first_epoch_below_its_loss(tmp_path):
    free = a_run(tmp_path / "free", epochs=4, **{"schedule.evaluate_every": 4})
    costs = {row["epoch"]: row["train_nll"] for row in free.metrics.rows() if "train_nll" in row}
    means = [np.mean([value for epoch, value in costs.items() if e < epoch <= e + 1]) for e in range(4)]
    assert means[1] > means[2] > means[3], "the limit below would not be met at epoch 3"
    limit = (means[1] + means[2]) / 2
    stopped = a_run(tmp_path / "stopped", epochs=4, **{"schedule.evaluate_every": 4, "schedule.least_loss": limit})
    assert stopped.summary()["steps"] == 12
    assert "test_bce" in stopped.metrics.rows()[-1]
    again = a_run(tmp_path / "stopped", epochs=4, **{"schedule.evaluate_every": 4, "schedule.least_loss": limit})
    assert again.summary() == stopped.summary(), "a finished run that is started again stays where it stopped"


def test_the_threshold_is_inclusive_and_halves_are_rows():
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 0, 0], image[0, 0, 1], image[0, 13, 27], image[0, 14, 0] = 100, 99, 255, 100
    upper, lower = HalfMNIST(TrainHalfMNIST(), 10).halves(tf.constant(image.reshape(1, 784)))
    assert np.flatnonzero(upper.numpy()[0]).tolist() == [0, 391]
    assert np.flatnonzero(lower.numpy()[0]).tolist() == [0]
    np.testing.assert_array_equal(np.concatenate([upper, lower], 1)[0], image.reshape(784) >= 100)


def test_a_slashed_rate_is_divided_until_it_reaches_its_floor():
    rate = StepDecay(1e-3, 10.0, 20, 1e-5)
    assert [float(rate(t)) for t in (0, 19, 20, 40, 60, 10_000)] == pytest.approx(
        [1e-3, 1e-3, 1e-4, 1e-5, 1e-5, 1e-5], rel=1e-4
    )
    assert float(StepDecay(1e-3, 4.0, 1, 1e-5)(100)) == pytest.approx(1e-3 / 4**4, rel=1e-4), (
        "3.9e-6: the division that passes the floor is the last"
    )


def test_the_old_adam_takes_longer_first_steps():
    """Under a constant gradient 1: sqrt(1 - .001^t) / (1 - .1^t) m_t / sqrt(v_t) lr, by hand."""
    config = TrainHalfMNIST().with_values({"optimiser.name": "legacy_adam"})
    model = HalfMNIST(config, 10)
    assert isinstance(model.optimiser, LegacyAdam)
    optimiser, weight = LegacyAdam(1e-3, epsilon=1e-8), tf.Variable([0.0])
    optimiser.build([weight])
    seen = {}
    for t in range(1, 101):
        before = float(weight[0])
        optimiser.apply([tf.constant([1.0])], [weight])
        seen[t] = (before - float(weight[0])) / 1e-3
    assert seen[1] == pytest.approx(np.sqrt(0.999) / 0.9 * 0.1 / np.sqrt(0.001), rel=1e-3)  # 3.51
    assert seen[1] == pytest.approx(3.51, abs=0.01)
    assert seen[10] == pytest.approx(6.5, abs=0.1)
    assert seen[100] == pytest.approx(3.2, abs=0.1)
