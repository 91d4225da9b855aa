"""Resizing on the device is tf.image.resize's bilinear one, whatever the sides and channels."""

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.data.resizing import bilinear_weights, resize
from igr_suite.families.vae.config import ModelConfig
from igr_suite.families.vae.model import DiscreteVAE
from igr_suite.training.config_parts import OptimiserConfig


@pytest.mark.parametrize(
    ("shape", "side"), [((28, 28, 1), 32), ((5, 7, 3), 9), ((7, 5, 2), 4), ((3, 3, 1), 3), ((2, 2, 1), 11)]
)
def test_it_is_tensorflows(shape, side):
    images = np.random.default_rng(0).random((4, *shape), np.float32)
    want = tf.image.resize(images, (side, side), method="bilinear").numpy()
    ours = resize(tf.constant(images.reshape(4, -1)), shape, side).numpy()
    np.testing.assert_allclose(ours.reshape(want.shape), want, atol=2e-6)


def test_weights_share_a_pixel():
    weights = bilinear_weights(28, 32)
    assert weights.shape == (32, 28)
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-6)
    assert (weights >= 0).all() and ((weights > 0).sum(1) <= 2).all()


@pytest.mark.parametrize("binarisation", ["static", "dynamic", "none"])
def test_a_model_sees_binarised_images_resized(binarisation):
    """Grey values appear after the binarisation, also after a dynamic one; networks take the resized side."""
    model = DiscreteVAE(
        ModelConfig(name="GS", architecture="linear", variables=1, categories=3),
        image_shape=(3, 2, 1),
        likelihood="bernoulli",
        binarisation=binarisation,
        resize=5,
        optimiser=OptimiserConfig(),
    )
    batch = tf.constant(np.random.default_rng(1).integers(0, 256, (4, 6), dtype=np.uint8))
    seed = tf.constant([1, 2])
    seen = model.observe(batch, seed).numpy()
    assert seen.shape == (4, 25) and model.image_shape == (5, 5, 1)
    if binarisation == "static":
        binary = (batch.numpy() >= 128).astype(np.float32).reshape(4, 3, 2, 1)
        np.testing.assert_allclose(seen, tf.image.resize(binary, (5, 5)).numpy().reshape(4, 25), atol=1e-6)
        assert ((seen > 0.01) & (seen < 0.99)).any()
    corners = seen.reshape(4, 5, 5)[:, ::4, ::4]
    assert np.isin(np.round(corners, 5), (0, 1)).all() == (binarisation != "none")
    assert np.isfinite(model.eval_step(batch, seed)["elbo_relaxed"].numpy()).all()
    assert np.isfinite(float(tf.function(model.train_step)(batch, seed)["elbo"]))
