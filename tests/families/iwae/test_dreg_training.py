"""Training runs of the DReG VAE: resume, the inference network alone, starts from checkpoints, bounds in chunks,
pictures, statistics."""

import contextlib
import json

import numpy as np
import pytest

from igr_suite.errors import UserError
from igr_suite.families.iwae import train as train_dreg
from igr_suite.families.iwae.config import (
    DReGConfig,
    DReGDataConfig,
    DReGEvaluationConfig,
    DReGScheduleConfig,
    DReGStatisticsConfig,
    TrainDReG,
)
from igr_suite.families.iwae.model import EMA_DECAY
from igr_suite.lab.running.prolonging import prolong
from igr_suite.lab.runs import picture_file
from igr_suite.lab.runs.config import replace_parts
from igr_suite.lab.runs.interrupts import Interrupted, Interrupts
from igr_suite.lab.runs.store import RunFolder
from igr_suite.training import checkpoints, executor

TINY = TrainDReG(
    model=DReGConfig(estimator="jk-dreg", samples=4, latents=2, hidden=3),
    data=DReGDataConfig(name="mnist_5k", train_limit=72, evaluation_limit=6),
    schedule=DReGScheduleConfig(epochs=2, evaluate_every=1),
    statistics=DReGStatisticsConfig(var_calc=("iwae",)),
    evaluation=DReGEvaluationConfig(samples=(8,), likelihood_samples=9, likelihood_images=5, pictures=True),
    seed=2,
)
FRESH = TINY.with_values(
    {
        "model.estimator": "stl",
        "evaluation.likelihood_samples": 0,
        "evaluation.pictures": False,
        "statistics.var_calc": (),
    }
)


def run(config, folder):
    with RunFolder(folder).open(config) as opened:
        train_dreg.execute(config, opened)
    return json.loads((folder / "summary.json").read_text())


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run's folder and summary."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    return folder, run(TINY, folder)


class Stops(Interrupts):
    """Requests a stop from the third time on that it is asked."""

    looks = 0

    @property
    def requested(self):
        Stops.looks += 1
        return Stops.looks >= 3

    def stop(self):
        raise Interrupted(15)


def test_an_interrupted_run_goes_on_bitwise(finished, tmp_path, monkeypatch):
    whole, summary = finished
    with monkeypatch.context() as patch:
        patch.setattr(executor, "Interrupts", Stops)
        with contextlib.suppress(Interrupted):
            run(TINY, tmp_path / "pieces")
    assert not (tmp_path / "pieces" / "summary.json").exists()
    run(TINY, tmp_path / "pieces")
    for file in ("metrics.jsonl", "summary.json"):
        assert (whole / file).read_bytes() == (tmp_path / "pieces" / file).read_bytes()
    ours, theirs = (checkpoints.latest(folder / "checkpoints").arrays for folder in (whole, tmp_path / "pieces"))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_longer_run_goes_on_from_a_shorter_one_bitwise(finished, tmp_path):
    """Weights, optimiser and moving averages of three epochs are the same from the checkpoint of two; so is every row
    and every bound."""
    longer = TINY.with_values({"schedule.epochs": 3})
    assert prolong({longer.run_id: longer}, tmp_path, [finished[0].parent]) == {longer.run_id: TINY.run_id}
    ours, theirs = tmp_path / longer.run_id, tmp_path / "whole"
    assert run(longer, ours) == run(longer, theirs)
    assert (ours / "metrics.jsonl").read_bytes() == (theirs / "metrics.jsonl").read_bytes(), "both have a row a step"
    for a, b in zip(*(checkpoints.latest(folder / "checkpoints").arrays for folder in (ours, theirs)), strict=True):
        np.testing.assert_array_equal(a, b)
    begun = RunFolder(ours).meta()["continued_from"]
    assert (begun["run_id"], begun["step"]) == (TINY.run_id, 6)


def test_what_a_run_leaves(finished):
    """Whole epochs of ceil(72 / 32) = 3 steps; names of metrics; pictures of ten test images or as many as there
    are."""
    folder, summary = finished
    assert summary["steps"] == 6
    for name in (
        "validation_iw_4",
        "test_iw_8",
        "test_ess_8",
        "test_objective",
        "test5_iw_1",
        "test5_iw_9",
        "test5_iw_9_se",
    ):
        assert np.isfinite(summary[name])
    assert summary["test5_iw_9"] > summary["test5_iw_1"]
    rows = RunFolder(folder).metrics.rows()
    assert {"train_variance_jk-dreg", "train_snr2_iwae", "train_variance_generative"} <= set(rows[0])
    pictures = picture_file.load(folder)
    assert pictures["truth"].shape == pictures["reconstructions"].shape == (6, 28, 28, 1)
    assert set(np.unique(pictures["truth"])) == {0, 255}


def test_golden_values(golden, finished):
    golden("dreg", RunFolder(finished[0]))


def test_moving_averages_start_at_zero_as_the_authors(finished):
    """After one step m = .01 g and s = .01 g^2, so that variance = .01 (1 - .01) mean g^2 and snr^2 = .01 / .99."""
    rows = RunFolder(finished[0]).metrics.rows()
    np.testing.assert_allclose(rows[0]["train_snr2_jk-dreg"], (1.0 - EMA_DECAY) / EMA_DECAY, rtol=1e-4)


def trained_weights(folder, model):
    return checkpoints.latest(folder / "checkpoints").arrays[: len(model.weights_in_order)]


def test_the_inference_network_alone_leaves_the_model_bit_for_bit(finished, tmp_path):
    """Of the checkpoint only the encoder moves; Adam starts afresh, so that its first step moves every weight by the
    rate or not at all."""
    config = replace_parts(
        FRESH, model={"estimator": "stl"}, start={"checkpoint": "whole", "train": "inference"}, schedule={"epochs": 1}
    )
    folder = finished[0].parent / "phi"
    run(config, folder)
    model = train_dreg.build_model(config, np.full(784, 0.3))
    before, after = (trained_weights(path, model) for path in (finished[0], folder))
    for number, (a, b) in enumerate(zip(before, after, strict=True)):
        assert np.array_equal(a, b) == (number >= len(model.encoder))
    assert "train_variance_generative" not in RunFolder(folder).metrics.rows()[0]
    assert int(checkpoints.latest(folder / "checkpoints").arrays[len(before)]) == 3, "Adam's step"


def test_the_optimiser_is_kept_where_asked(finished):
    config = replace_parts(FRESH, start={"checkpoint": str(finished[0]), "train": "inference", "keep_optimizer": True})
    config = replace_parts(config, optimiser={"learning_rate": 1e-4})
    model = train_dreg.build_model(config, np.full(784, 0.3))
    train_dreg.start_weights(model, config)
    assert int(model.optimiser.iterations) == 6
    np.testing.assert_allclose(float(model.optimiser.learning_rate), 1e-4)
    held = checkpoints.latest(finished[0] / "checkpoints").arrays
    np.testing.assert_array_equal(model.optimiser.variables[2], held[len(model.weights_in_order) + 2])
    for variable, array in zip(model.weights_in_order, held):
        np.testing.assert_array_equal(variable, array)


def test_an_optimiser_of_less_cannot_be_kept(finished, tmp_path):
    phi = tmp_path / "phi"
    run(replace_parts(FRESH, start={"checkpoint": str(finished[0]), "train": "inference"}, schedule={"epochs": 1}), phi)
    config = replace_parts(FRESH, start={"checkpoint": str(phi), "keep_optimizer": True})
    with pytest.raises(UserError, match="trained less than start.train=all"):
        train_dreg.start_weights(train_dreg.build_model(config, np.full(784, 0.3)), config)


@pytest.mark.parametrize("changed", [{"hidden": 5}, {"task": "structured"}])
def test_a_checkpoint_of_another_architecture_is_refused_before_anything_starts(finished, changed):
    config = replace_parts(FRESH, model=changed, start={"checkpoint": str(finished[0])})
    with pytest.raises(UserError, match="is of another architecture"):
        config.check_inputs(None)


def test_an_absent_checkpoint_is_refused(tmp_path):
    for path, sentence in ((tmp_path / "none", "is not there"), (tmp_path, "holds no checkpoint")):
        with pytest.raises(UserError, match=sentence):
            replace_parts(FRESH, start={"checkpoint": str(path)}).check_inputs(None)
