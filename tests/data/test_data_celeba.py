"""CelebA's path without CelebA: frames as TFDS gives them, through loading to one step and one evaluation of Table 2's
64x64 model."""

import dataclasses

import numpy as np
import pytest

tfds = pytest.importorskip("tensorflow_datasets")

from igr_suite.data import load  # noqa: E402
from igr_suite.data.catalogue import RECIPES  # noqa: E402
from igr_suite.families.vae.presets import g2  # noqa: E402
from igr_suite.families.vae.train import build_model  # noqa: E402
from igr_suite.lab.runs.config import replace_parts  # noqa: E402
from igr_suite.training.evaluation import Evaluator  # noqa: E402
from igr_suite.training.executor import flat  # noqa: E402


@pytest.fixture
def faces(monkeypatch, tmp_path, write_tfds):
    """A prepared folder of 6 + 4 + 4 random frames of CelebA's size, under its own recipe but for the counts."""
    frames = np.random.default_rng(0).integers(0, 256, (14, 218, 178, 3), dtype=np.uint8)
    parts = {"train": [frames[:6]], "validation": [frames[6:10]], "test": [frames[10:]]}
    write_tfds(tmp_path / "data" / "celeb_a" / "2.1.0", parts, dataset="celeb_a")
    monkeypatch.setitem(RECIPES, "celeb_a", dataclasses.replace(RECIPES["celeb_a"], sizes=(6, 4, 4)))
    return frames


@pytest.mark.sweep
def test_frames_reach_the_joint_model_of_table_2(faces):
    import tensorflow as tf

    from igr_suite.randomness import run_seed

    dataset = load("celeb_a")
    assert dataset.train.shape == (6, 64, 64, 3)
    want = np.rint(tf.image.resize(faces[0], (64, 64)).numpy())  # the whole frame, not cropped
    np.testing.assert_array_equal(dataset.train[0], want)
    config = replace_parts(g2("IGR_SB", data="celeb_a"), schedule={"batch_size": 3})
    model = build_model(config, dataset)
    step = tf.function(model.train_step)
    before = [v.numpy() for v in model.trained]
    scalars = step(tf.constant(flat(dataset.train)[:3]), run_seed(0, "train"))
    assert all(np.isfinite(float(value)) for value in scalars.values())
    assert all((v.numpy() != old).any() for v, old in zip(model.trained, before)), "a weight without a gradient"
    measured = Evaluator(model, flat(dataset.test), "test", 0).elbos()
    assert {
        "test_jointvae",
        "test_jointvae_closed",
        "test_kl_continuous",
        "test_kl_discrete",
        "test_n_required",
    } <= set(measured)
    assert all(np.isfinite(value) for value in measured.values())
    highest = 64 * 64 * 3 * 0.2418  # the elu outputs' density (docs/papers/igr.md, section 3.2)
    assert measured["test_elbo_relaxed"] < highest
