"""Centred networks, leaky activations and a prior with an optimiser of its own, as papers on coupled samples have
them."""

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.estimators import get
from igr_suite.families.hard_vae.codes import HardVAE, HardVAEChain
from igr_suite.families.hard_vae.codes_config import HardVAEConfig, HardVAEOptimiserConfig, TrainHardVAE
from igr_suite.families.hard_vae.train_codes import build_model
from igr_suite.randomness import at_step, run_seed
from igr_suite.training.config_parts import DataConfig
from igr_suite.training.executor import flat, load_images

MEAN = np.array([0.0, 0.2, 0.5, 1.0])
IMAGES = np.array([[1.0, 0.0, 1.0, 1.0], [0.0, 1.0, 1.0, 0.0]], np.float32)


def model_of(optimiser=None, mean=None, **settings) -> HardVAE:
    config = HardVAEConfig(variables=2, categories=3, **{"architecture": "linear", **settings})
    shape = {"image_shape": (2, 2, 1), "likelihood": "bernoulli", "binarisation": "static"}
    optimiser, estimation = optimiser or HardVAEOptimiserConfig(), TrainHardVAE(model=config).resolved_estimation
    return HardVAE(config, get("rloo"), **shape, optimiser=optimiser, estimation=estimation, mean=mean)


def test_centred_networks_are_plain_ones_of_shifted_inputs():
    centred, plain = model_of(centred=True, mean=MEAN), model_of()
    code = tf.constant(np.eye(3, dtype=np.float32)[[[0, 2], [1, 1]]])
    logits = HardVAEChain(centred, tf.constant(IMAGES)).logits(0, None)
    np.testing.assert_allclose(
        logits, HardVAEChain(plain, tf.constant(IMAGES - MEAN.astype(np.float32))).logits(0, None), atol=1e-6
    )
    clipped = np.clip(MEAN, 1e-3, 1 - 1e-3)
    plain.decoder.layers[-1].bias.assign(np.log(clipped / (1 - clipped)))
    np.testing.assert_allclose(
        centred.log_likelihood(code, tf.constant(IMAGES)),
        plain.log_likelihood(2.0 * code - 1.0, tf.constant(IMAGES)),
        rtol=1e-5,
    )
    assert not np.allclose(logits, HardVAEChain(plain, tf.constant(IMAGES)).logits(0, None))


@pytest.mark.parametrize("binarisation", ["static", "dynamic"])
def test_the_mean_is_that_of_the_training_images_as_they_are_binarised(binarisation):
    config = TrainHardVAE(
        model=HardVAEConfig(variables=2, categories=3, architecture="leaky", centred=True),
        data=DataConfig(binarisation=binarisation, train_limit=50, evaluation_limit=10),
    )
    dataset = load_images(config)
    images = flat(dataset.train).astype(float)
    expected = np.mean(images >= 128 if binarisation == "static" else images / 255, 0)
    np.testing.assert_allclose(build_model(config, dataset).mean, expected, atol=1e-6)


@pytest.mark.parametrize(
    "architecture, widths, slope",
    [("leaky", [512, 256, 6, 256, 512, 4], 0.2), ("leaky_200", [200, 200, 6, 200, 200, 4], 0.3)],
)
def test_leaky_networks_have_their_widths_and_slope(architecture, widths, slope):
    model = model_of(architecture=architecture)
    assert [layer.units for layer in [*model.encoder.layers, *model.decoder.layers]] == widths
    for network, inputs in ((model.encoder, IMAGES), (model.decoder, np.eye(6, dtype=np.float32))):
        first = network.layers[0]
        before = inputs @ first.kernel.numpy()
        assert (before < 0).any()
        np.testing.assert_allclose(first(inputs), np.where(before > 0, before, slope * before), atol=1e-6)


def test_the_prior_descends_along_its_own_gradient():
    """w + rate g in one step, while Adam would move every logit by its rate; the other weights move as without it."""
    batch, seed = tf.constant((IMAGES * 255).astype(np.uint8)), run_seed(1, "step")
    apart = model_of(HardVAEOptimiserConfig(prior_learning_rate=0.01), prior="trained")
    together = model_of(prior="trained")
    gradient = apart.step(tf.constant(IMAGES), at_step(seed, tf.constant(2))).generator[-1]
    for model in (apart, together):
        model.train_step(batch, seed)
    np.testing.assert_allclose(apart.prior, 0.01 * gradient, rtol=1e-5)
    for first, second in zip(apart.trained[:-1], together.trained[:-1]):
        np.testing.assert_array_equal(first, second)
    moved = together.prior.numpy()
    np.testing.assert_allclose(np.abs(moved[moved != 0]), 3e-4, rtol=1e-3)
    state = {id(variable) for variable in apart.state_variables()}
    assert state >= {id(variable) for variable in apart.prior_optimiser.variables}


def test_settings_that_are_not_given_leave_names_of_runs_alone():
    config = TrainHardVAE()
    assert config.with_values({"model.centred": False}).run_id == config.run_id
    assert config.with_values({"model.centred": True}).run_id != config.run_id


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"model.centred": True, "data.name": "fashion_mnist"}, "model.centred=true is for binary pixels"),
        ({"model.centred": True, "model.architecture": "dense_relax"}, "is not for model.architecture=dense_relax"),
        ({"optimiser.prior_learning_rate": 0.01}, "needs model.prior=trained"),
        ({"optimiser.prior_learning_rate": 0.0, "model.prior": "trained"}, "must be positive"),
    ],
)
def test_what_does_not_go_together_is_a_sentence(values, sentence):
    with pytest.raises(UserError, match=sentence):
        TrainHardVAE().with_values(values)
