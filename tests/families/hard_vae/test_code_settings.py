"""Settings of the VAE of hard codes that ReinMax's benchmark takes: initial weights, optimiser, evaluation; and that
run names from before them stay."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from test_hard_vae_estimators import IMAGES, log_q_and_value, tiny_model

from igr_suite.estimators import get
from igr_suite.families.hard_vae.codes import HardVAE
from igr_suite.families.hard_vae.codes_config import HardVAEConfig, HardVAEOptimiserConfig, TrainHardVAE
from igr_suite.lab.runs.config import replace_parts
from igr_suite.randomness import at_step
from igr_suite.training.adam import FusedAdam
from igr_suite.training.config_parts import DataConfig
from igr_suite.training.radam import RAdam

EARLIER = [
    (TrainHardVAE(), "mnist_5k-categorical20x10-rloo-s0-b44f2816"),
    (
        TrainHardVAE(model=HardVAEConfig(estimator="rebar", kl="analytic"), seed=3),
        "mnist_5k-categorical20x10-rebar-s3-e372847e",
    ),
]


@pytest.mark.parametrize(("config", "run_id"), EARLIER)
def test_names_of_earlier_runs_stay(config, run_id):
    """And each of the later options makes another run."""
    assert config.run_id == run_id
    for parts in (
        {"model": {"initialisation": "torch_linear"}},
        {"model": {"likelihood": "bernoulli"}},
        {"model": {"architecture": "leaky_200"}},
        {"optimiser": {"name": "radam"}},
        {"evaluation": {"validation": False}},
    ):
        assert replace_parts(config, **parts).run_id != run_id


def built(seed: int = 0, layers: int = 1, **optimiser) -> HardVAE:
    config = HardVAEConfig(estimator="reinmax", initialisation="torch_linear", variables=4, categories=8, layers=layers)
    shape = {"image_shape": (28, 28, 1), "likelihood": "bernoulli", "binarisation": "none"}
    settings = {"optimiser": HardVAEOptimiserConfig(**optimiser), "seed": seed}
    return HardVAE(
        config, get("reinmax"), **shape, **settings, estimation=TrainHardVAE(model=config).resolved_estimation
    )


def test_initial_weights_are_those_of_torch():
    """Kernels and biases uniform in +-1/sqrt(inputs), all drawn from different seeds; 784-512-256-32-256-512-784."""
    model = built(layers=2)
    networks = [model.encoder, *model.upward, model.decoder, *model.downward]
    dense = [layer for network in networks for layer in network.layers if isinstance(layer, keras.layers.Dense)]
    assert [layer.kernel.shape for layer in dense[:3]] == [(784, 512), (512, 256), (256, 32)]
    assert [layer.kernel.shape for layer in model.decoder.layers] == [(32, 256), (256, 512), (512, 784)]
    seen = set()
    for layer in dense:
        limit = layer.kernel.shape[0] ** -0.5
        for variable in (layer.kernel, layer.bias):
            values = variable.numpy().ravel() / limit
            assert np.max(np.abs(values)) <= 1.0
            assert np.abs(values.mean()) < 5.0 * 3**-0.5 / len(values) ** 0.5
            assert values.var() == pytest.approx(1.0 / 3.0, abs=5.0 * (4.0 / 45.0 / len(values)) ** 0.5)
            seen.add(tuple(np.round(values[:4], 6)))
    assert len(seen) == 2 * len(dense)
    assert not np.array_equal(built(seed=1).encoder.weights[0], built().encoder.weights[0])


def test_the_optimiser_is_the_named_one():
    assert type(built(name="radam").weights_optimiser) is type(built(name="radam").own_optimiser) is RAdam
    assert type(built().weights_optimiser) is FusedAdam
    model = built(name="radam", learning_rate=0.5)
    batch = tf.constant(np.random.default_rng(0).integers(0, 256, (5, 784)), tf.uint8)
    seed = tf.constant([1, 2])
    gradients = model.step(tf.cast(batch, tf.float32) / 255.0, at_step(seed, tf.constant(2))).recognition
    before = [variable.numpy() for variable in model.recognition_variables]
    model.train_step(batch, seed)
    for variable, start, gradient in zip(model.recognition_variables, before, gradients):
        # RAdam's first step is the gradient times the rate; Adam's has the rate's length
        np.testing.assert_allclose(variable.numpy() - start, 0.5 * gradient, rtol=1e-4, atol=1e-6)


def test_evaluations_have_the_kl_of_the_config():
    """The mean is the enumerated ELBO either way, and draws are those of `log_weights` with the sampled KL alone."""
    batch = tf.constant(np.tile(IMAGES * 255, (20_000, 1)).astype(np.uint8))
    for kl in ("sampled", "analytic"):
        model = tiny_model("rloo", "categorical", kl=kl)
        log_q, value = log_q_and_value(model)
        exact = tf.reduce_sum(tf.exp(log_q) * value, 0).numpy()
        elbos = model.eval_step(batch, tf.constant([3, 4]))["elbo"].numpy().astype(np.float64).reshape(-1, 2)
        error = elbos.std(axis=0, ddof=1) / len(elbos) ** 0.5
        assert np.all(np.abs(elbos.mean(axis=0) - exact) < 5.0 * error + 1e-5)
        sampled = model.log_weights(batch[:6], 1, tf.constant([3, 4]))[0]
        assert np.array_equal(sampled, model.eval_step(batch[:6], tf.constant([3, 4]))["elbo"]) == (kl == "sampled")


@pytest.mark.parametrize("likelihood", ["data", "bernoulli"])
def test_grey_images_may_be_taken_as_binary(likelihood):
    """The sum over pixels of x l - softplus(l) for one logit a pixel, in place of a Gaussian of a mean and a scale."""
    config = TrainHardVAE(
        model=HardVAEConfig(variables=3, categories=4, architecture="leaky_200", likelihood=likelihood),
        data=DataConfig(name="fashion_mnist", binarisation="dynamic"),
    )
    assert config.likelihood == ("bernoulli" if likelihood == "bernoulli" else "gaussian")
    shape = {"image_shape": (2, 2, 1), "likelihood": config.likelihood, "binarisation": "dynamic"}
    model = HardVAE(
        config.model, get("rloo"), **shape, optimiser=config.optimiser, estimation=config.resolved_estimation
    )
    dense = [layer for layer in model.encoder.layers if isinstance(layer, keras.layers.Dense)]
    assert [layer.units for layer in dense] == [200, 200, 12]
    images, code = tf.constant(IMAGES[:2]), tf.one_hot([[0, 1, 2], [3, 3, 0]], 4)
    output = model.decoder(tf.reshape(code, (2, 12)))
    assert output.shape[-1] == (4 if likelihood == "bernoulli" else 8)
    if likelihood == "bernoulli":
        exact = np.sum(images * output - np.logaddexp(0.0, output), -1)
        np.testing.assert_allclose(model.log_likelihood(code, images), exact, rtol=1e-5)
