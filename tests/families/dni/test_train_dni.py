"""A classifier with synthetic gradients from data to summary: its pixels, its order of batches, resumed bitwise; legacy
Adam."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from igr_suite import data
from igr_suite.errors import UserError
from igr_suite.families.dni import model as dni_classifier
from igr_suite.families.dni.presets import named, paper_network
from igr_suite.families.dni.train import execute, load_rows, pixel_scales
from igr_suite.lab.runs.config import replace_parts
from igr_suite.lab.runs.store import RunFolder
from igr_suite.training.adam import FusedAdam, LegacyAdam
from igr_suite.training.loop import Plan

SMALL = {"hidden": (6, 5), "sg_hidden": (4,)}


def a_run(path, epochs: int) -> RunFolder:
    """B-dni with few units and all that a run can have: dropped updates, synthetic inputs; goes on from a checkpoint
    that is there."""
    config = named("B-dni", data="mnist_5k", seed=0, epochs=epochs, limit=50)
    config = replace_parts(
        config,
        model=SMALL | {"synthetic_inputs": True, "input_hidden": (3,)},
        decoupling={"p_update": 0.7},
        schedule={"batch_size": 20},
        evaluation={"audit": 30},
    )
    with RunFolder(path).open(config) as folder:
        execute(config, folder)
    return folder


@pytest.fixture(scope="module", autouse=True)
def in_graph_mode():
    """XLA would compile for seconds what is trained for ten steps here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dni_classifier, "has_convolutions", lambda network: True)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> RunFolder:
    return a_run(tmp_path_factory.mktemp("whole"), epochs=2)


def test_a_run_reports_errors_and_agreement(whole):
    summary = whole.summary()
    assert summary["steps"] == 10 and 0 <= summary["test_error"] <= 1
    assert set(whole.metrics.rows()[0]) >= {"train_loss", "train_error", "train_cosine_1", "train_sg_loss_2"}
    for interface in (1, 2):
        assert -1 <= summary[f"audit_cosine_{interface}"] <= 1 and 0 <= summary[f"audit_sign_{interface}"] <= 1
    assert whole.meta()["parameters_modules"] == 1024 * 6 + 6 + 6 * 5 + 5 + 5 * 10 + 10 + 2 * (6 + 5), (
        "weights, and moving averages"
    )


def test_golden_values(golden, whole):
    golden("dni", whole)


def test_a_resumed_run_is_the_uninterrupted_one(whole, tmp_path):
    half = a_run(tmp_path / "half", epochs=1)
    (tmp_path / "resumed").mkdir()
    shutil.copytree(half.checkpoints, tmp_path / "resumed" / "checkpoints")
    shutil.copy(half.path / "metrics.jsonl", tmp_path / "resumed")
    resumed = a_run(tmp_path / "resumed", epochs=2)
    assert resumed.summary() == whole.summary()
    assert [row for row in resumed.metrics.rows() if row["step"] > 5] == [
        row for row in whole.metrics.rows() if row["step"] > 5
    ]


def test_pixels_are_padded_and_standardised():
    """Oracle of docs/papers/half_mnist.md, section 5.15: two pixels of zeros around, mean 0 and deviation 1 of what is
    standardised.
    """
    config = named("B-cdni", data="mnist_5k", seed=0, epochs=1, limit=60)
    plain = data.limit(data.load("mnist_5k"), train=60, validation=60, test=60)
    _, rows = load_rows(config)
    assert rows["train"].shape == (120, 32 * 32 + 1), "validation images are trained on too"
    images = rows["test"][:, :-1].reshape(-1, 32, 32)
    np.testing.assert_array_equal(images[:, 2:-2, 2:-2], plain.test[..., 0])
    border = np.ones((32, 32), bool)
    border[2:-2, 2:-2] = False
    assert not images[:, border].any()
    np.testing.assert_array_equal(rows["test"][:, -1], plain.test_labels)

    def moments(name: str, scaling: str) -> tuple[float, float]:
        mean, deviation = pixel_scales(rows, scaling)[name]
        seen = (rows[name][:, :-1] - mean) / deviation
        return seen.mean(), seen.std()

    assert moments("train", "standardised") == pytest.approx((0.0, 1.0), abs=1e-9)
    assert moments("test", "separately") == pytest.approx((0.0, 1.0), abs=1e-9)
    assert abs(moments("test", "standardised")[0]) > 1e-4, "the training images' numbers"
    assert pixel_scales(rows, "unit")["test"] == (0.0, 255.0) and pixel_scales(rows, "raw")["train"] == (0.0, 1.0)


def test_data_without_labels_are_refused(monkeypatch):
    config = paper_network(3, "cDNI", data="mnist_5k", seed=0, steps=1)
    known = data.load("mnist_5k")
    arrays = {name: array for name, array in known.arrays().items() if not name.endswith("labels")}
    bare = data.dataset.build_dataset(arrays, name="bare", likelihood="bernoulli", source="test")
    monkeypatch.setattr(data, "load", lambda name: bare)
    with pytest.raises(UserError, match="has no labels of 10 classes"):
        load_rows(config)


def test_the_stored_order_is_the_same_every_epoch():
    plan = Plan(examples=7, batch_size=3, epochs=2, evaluate_every=1, seed=0, stored_order=True)
    for begin in (0, 2):
        np.testing.assert_array_equal(plan.orders(begin, begin + 2)[:2], [[0, 1, 2], [3, 4, 5]])
    shuffled = Plan(examples=7, batch_size=3, epochs=2, evaluate_every=1, seed=0)
    assert shuffled.orders(0, 2)[:2].tolist() != [[0, 1, 2], [3, 4, 5]]


def test_legacy_adam_has_longer_first_steps():
    """Oracle of docs/papers/half_mnist.md, section 5.16: |step| / rate of a constant gradient, by hand from its section
    1.5, and how much longer than Adam's.
    """
    moved = {}
    for kind in (FusedAdam, LegacyAdam):
        weight = tf.Variable([0.0], dtype=tf.float64)
        optimiser, positions = kind(1.0, epsilon=1e-12), [0.0]
        optimiser.build([weight])
        step = tf.function(lambda o=optimiser, w=weight: o.apply([tf.constant([3.0], tf.float64)], [w]))
        for _ in range(1000):
            step()
            positions.append(float(weight.numpy()[0]))
        moved[kind] = -np.diff(positions)
    t = np.arange(1, 1001)
    average, square = 1 - 0.9**t, 1 - 0.999**t  # of a constant gradient, over it and its square
    by_hand = np.sqrt(1 - 0.001**t) / (1 - 0.1**t) * average / np.sqrt(square)
    np.testing.assert_allclose(moved[LegacyAdam], by_hand, rtol=1e-5)
    assert moved[LegacyAdam][0] == pytest.approx(3.51, abs=0.005)
    for step, factor in ((1, 3.5), (10, 6.5), (100, 3.2), (1000, 1.26)):
        assert moved[LegacyAdam][step - 1] / moved[FusedAdam][step - 1] == pytest.approx(factor, rel=0.02)
