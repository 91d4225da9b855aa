"""The VAE's bounds against exact enumeration, its layout, and a training step of every model."""

import itertools
import math
from typing import get_args

import numpy as np
import pytest
import tensorflow as tf
from sweeps import few

from igr_suite.families.vae.config import ModelConfig, ModelName
from igr_suite.families.vae.model import DiscreteVAE
from igr_suite.randomness import run_seed
from igr_suite.training.config_parts import OptimiserConfig
from igr_suite.training.evaluation import log_mean_exp, sample_counts

SEED = run_seed(0, "test")


def a_model(name: str = "GS_Dis", *, likelihood="bernoulli", samples=1, seed=0, **options) -> DiscreteVAE:
    if name != "VAE":
        options = {"variables": 2, "categories": 3} | options
    config = ModelConfig(name=name, architecture="linear", **options)
    return DiscreteVAE(
        config,
        image_shape=(3, 2, 1),
        likelihood=likelihood,
        binarisation="static" if likelihood == "bernoulli" else "none",
        optimiser=OptimiserConfig(learning_rate=0.05),
        samples=samples,
        seed=seed,
    )


def some_images(count: int, seed: int = 0) -> tf.Tensor:
    return tf.constant(np.random.default_rng(seed).integers(0, 256, (count, 6), dtype=np.uint8))


def exact_log_likelihood(model: DiscreteVAE, batch: tf.Tensor) -> np.ndarray:
    """log p(x) of the one-hot model by enumeration of all K^V codes, float64."""
    variables, categories = model.config.variables, model.config.categories
    codes = np.array(
        [np.eye(categories)[list(z)].ravel() for z in itertools.product(range(categories), repeat=variables)],
        np.float32,
    )
    codes = tf.repeat(codes[:, None], len(batch), 1)
    observed = tf.cast(batch >= 128, tf.float32)
    log_joint = model.log_likelihood(codes, observed).numpy().astype(float) - variables * math.log(categories)
    return np.log(np.exp(log_joint).sum(0))


def trained(name: str, steps: int = 60, **options) -> DiscreteVAE:
    model = a_model(name, **options)
    step = tf.function(model.train_step)
    for i in range(steps):
        step(some_images(16), run_seed(i, "train"))
    return model


@pytest.mark.parametrize(
    "name", few(get_args(ModelName), {"GS_Dis", "IGR_I_Dis", "IGR_SB_Finite_Dis", "IGR_Planar_Dis"}.__contains__)
)
def test_every_model_learns(name):
    """The bound on a fixed batch rises from an untrained to a trained model by more than the batch's noise."""
    before, after = a_model(name), trained(name)
    bounds = [m.eval_step(some_images(16), SEED, discrete=False)["elbo_relaxed"].numpy() for m in (before, after)]
    assert bounds[1].mean() > bounds[0].mean() + 0.1
    assert np.isfinite(bounds).all()


@pytest.mark.parametrize("name", ["GS_Dis", "IGR_I_Dis", "GSP_Dis"])
def test_one_hot_bounds_hold_against_enumeration(name):
    """E[one-hot ELBO] <= E[S-sample bound] <= log p(x), rising with S and tight at S = 4,000 (standard error 0.003)."""
    model, batch = trained(name), some_images(8)
    exact = exact_log_likelihood(model, batch)
    draws = model.log_weights(batch, 40_000, SEED, "one_hot").numpy().astype(float)
    single = draws.mean(0)
    ten = log_mean_exp(draws.reshape(10, -1, 8)).mean(0)
    many = log_mean_exp(draws.reshape(4_000, -1, 8)).mean(0)
    error = draws.std(0) / math.sqrt(len(draws))
    assert (single < ten).all()
    assert (ten < many).all()
    assert (many < exact + 4 * error).all()
    np.testing.assert_allclose(many, exact, atol=0.01)


@pytest.mark.parametrize("name", ["GS_Dis", "IGR_I_Dis"])
def test_the_one_sample_weight_has_the_mean_of_the_exact_elbo(name):
    """Same bound, two estimators: log q(z) at the sample, and the exact KL of the argmax's distribution; equal within 5
    standard errors."""
    model, batch = trained(name), some_images(4)
    repeated = tf.repeat(batch, 10_000, 0)
    exact_kl = model.eval_step(repeated, SEED)["elbo_one_hot_exact"].numpy().reshape(4, -1)
    weights = model.log_weights(batch, 10_000, SEED, "one_hot").numpy().T
    error = np.sqrt(exact_kl.var(1) / 10_000 + weights.var(1) / 10_000)
    assert (np.abs(exact_kl.mean(1) - weights.mean(1)) < 5 * error).all()


def test_the_historical_estimator_exceeds_the_log_likelihood():
    """Two codes with log-likelihoods far apart: the authors' estimator lands above log p(x), the corrected one
    below."""
    model = a_model("GS_Dis", variables=1, categories=2)
    model.decoder.layers[0].kernel.assign(np.stack([np.full(6, 3.0), np.full(6, -3.0)]).astype(np.float32))
    model.encoder.layers[0].kernel.assign(np.zeros((6, 2)))
    model.encoder.layers[0].bias.assign(np.log([0.7, 0.3]))
    batch = tf.fill((1, 6), tf.constant(255, tf.uint8))
    exact = exact_log_likelihood(model, batch)[0]
    values = {
        name: log_mean_exp(model.log_weights(batch, 20_000, SEED, name).numpy().astype(float))[0]
        for name in model.weight_estimators(True)
    }
    assert values["historical"] > exact + 0.2
    assert values["one_hot"] < exact + 0.02
    assert values["one_hot"] == pytest.approx(exact, abs=0.02)


def test_only_models_with_an_exact_distribution_offer_one_hot_weights():
    assert a_model("IGR_SB_Finite_Dis").weight_estimators(True) == ["relaxed"]
    assert a_model("IGR_I_Dis").weight_estimators() == ["relaxed", "one_hot"]


@pytest.mark.parametrize("name", ["IGR_I_Dis", "IGR_SB_Finite_Dis", "IGR_Planar_Dis", "IGSM_Dis", "GSP_Dis", "VAE"])
def test_closed_and_sampled_kl_have_the_same_mean(name):
    """5 standard errors of 20,000 draws."""
    model, batch = trained(name), some_images(3)
    latent = model.latent.sample(model.encoder(tf.cast(batch >= 128, tf.float32)), 20_000, SEED)
    sampled = model.latent.sampled_kl(latent).numpy()
    assert (
        np.abs(sampled.mean(0) - model.latent.closed_kl(latent).numpy()) < 5 * sampled.std(0) / math.sqrt(20_000)
    ).all()


@pytest.mark.parametrize("name", ["GS_Dis", "IGR_SB_Dis", "IGR_Planar_Dis", "IGSM_Dis", "GSP_Dis"])
def test_samples_variables_and_categories_are_not_mixed_up(name):
    """S, B, V, K all differ; decoding all samples at once equals decoding them one by one."""
    model = a_model(name, variables=4, categories=3)
    images = tf.cast(some_images(2) >= 128, tf.float32)
    latent = model.latent.sample(model.encoder(images), 5, SEED)
    assert latent.code.shape == (5, 2, 12)
    np.testing.assert_array_equal(latent.code.numpy().reshape(5, 2, 4, 3), latent.draw.sample.numpy())
    np.testing.assert_allclose(latent.draw.sample.numpy().sum(-1), 1, rtol=1e-5)
    together = model.log_likelihood(latent.code, images).numpy()
    apart = np.concatenate([model.log_likelihood(latent.code[s : s + 1], images).numpy() for s in range(5)])
    np.testing.assert_allclose(together, apart, rtol=1e-5)
    one_hot = model.latent.one_hot(latent).numpy().reshape(5, 2, 4, 3)
    np.testing.assert_array_equal(one_hot.argmax(-1), latent.draw.sample.numpy().argmax(-1))


def test_more_samples_give_the_same_gradient_with_less_noise():
    """The loss is the mean over samples: gradients of S=1 and S=20 agree on average, and the variance falls about
    20-fold."""
    gradients = {}
    for samples in (1, 20):
        model = a_model("IGR_I_Dis", samples=samples)

        @tf.function
        def gradient(seed, model=model):
            with tf.GradientTape() as tape:
                loss = -model.bounds(some_images(4), seed)["elbo"]
            return tape.gradient(loss, model.encoder.layers[0].kernel.value)

        gradients[samples] = np.stack([gradient(run_seed(i, "s")).numpy().ravel() for i in range(400)])
    one, twenty = gradients[1], gradients[20]
    assert np.linalg.norm(one.mean(0) - twenty.mean(0)) < 5 * math.sqrt(
        one.var(0).sum() / 400 + twenty.var(0).sum() / 400
    )
    assert 14 < one.var(0).sum() / twenty.var(0).sum() < 28


def test_equal_seeds_give_equal_models_and_steps():
    first, second, other = (trained("IGR_I_Dis", steps=3, seed=s) for s in (1, 1, 2))
    for a, b in zip(first.state_variables(), second.state_variables()):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert not np.array_equal(first.encoder.layers[0].kernel.numpy(), other.encoder.layers[0].kernel.numpy())


def test_gaussian_pixels_and_conv_networks_have_consistent_shapes():
    config = ModelConfig(name="IGR_I_Dis", architecture="conv_jointvae", variables=2, categories=3)
    model = DiscreteVAE(
        config, image_shape=(64, 64, 3), likelihood="gaussian", binarisation="none", optimiser=OptimiserConfig()
    )
    images = tf.constant(np.random.default_rng(0).integers(0, 256, (2, 64 * 64 * 3), dtype=np.uint8))
    assert np.isfinite(float(model.train_step(images, SEED)["elbo"]))
    # the first half of the decoder's output is the means' image: a constant bias on the mean channels shifts just that
    # half
    last = next(layer for layer in reversed(model.decoder.layers) if layer.weights)
    code = tf.zeros((1, 6))
    before = model.decoder(code).numpy()
    last.bias.assign_add([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(
        model.decoder(code).numpy() - before, np.repeat([[1.0, 0.0]], 64 * 64 * 3, 1).reshape(1, -1), atol=1e-5
    )


def test_conv_trains_without_xla():
    """One step on 28x28 of a joint model moves every weight; the loop is not compiled by XLA, which is slow on
    convolutions."""
    config = ModelConfig(name="GSP", architecture="conv", variables=2, categories=3, latent_dim=4)
    model = DiscreteVAE(
        config, image_shape=(28, 28, 1), likelihood="bernoulli", binarisation="static", optimiser=OptimiserConfig()
    )
    assert not model.jit_steps
    before = [v.numpy() for v in model.trained]
    images = tf.constant(np.random.default_rng(0).integers(0, 256, (5, 784), dtype=np.uint8))
    assert np.isfinite(float(model.train_step(images, SEED)["elbo"]))
    assert all(np.any(v.numpy() != b) for v, b in zip(model.trained, before))


def test_parameter_counts_of_the_g3_networks():
    sizes = {"GS_Dis": 200, "IGR_I_Dis": 360}
    for name, outputs in sizes.items():
        config = ModelConfig(name=name)
        model = DiscreteVAE(
            config, image_shape=(28, 28, 1), likelihood="bernoulli", binarisation="static", optimiser=OptimiserConfig()
        )
        widths = [784, 512, 256, outputs], [200, 256, 512, 784]
        assert model.count_params() == sum((a + 1) * b for w in widths for a, b in itertools.pairwise(w))


def test_sample_counts():
    assert sample_counts(100) == [1, 10, 100]
    assert sample_counts(250) == [1, 10, 100, 250]
    assert sample_counts(1) == [1]


def test_bfloat16_steps_are_near_float32_ones_and_evaluation_is_float32():
    """bfloat16 has 8 bits: one step's bound within 1%; evaluation of equal weights is the same to the last bit."""
    exact, coarse = a_model("IGR_I_Dis"), a_model("IGR_I_Dis")
    coarse.matmul_precision = "bfloat16"
    batch = some_images(16)
    for name, value in exact.eval_step(batch, SEED).items():
        np.testing.assert_array_equal(value, coarse.eval_step(batch, SEED)[name])
    elbos = [float(tf.function(model.train_step)(batch, SEED)["elbo"]) for model in (exact, coarse)]
    assert elbos[0] != elbos[1], "nothing was computed in bfloat16"
    assert elbos[0] == pytest.approx(elbos[1], rel=0.01)
    assert {v.dtype for v in coarse.state_variables()} == {v.dtype for v in exact.state_variables()}


def test_a_truncated_distribution_reports_how_many_sticks_it_keeps():
    model = a_model("IGR_SB_Dis", categories=6, threshold=0.9)
    result = model.eval_step(some_images(8), SEED)
    assert set(result) >= {"elbo_relaxed", "elbo_one_hot", "n_required", "never_exceeds"}
    assert 1 <= float(result["n_required"][0]) <= 5
    assert 0 <= float(result["never_exceeds"][0]) <= 1
    generous = a_model("IGR_SB_Dis", categories=6, threshold=0.999).eval_step(some_images(8), SEED)
    assert float(generous["n_required"][0]) > float(result["n_required"][0])
    assert float(generous["never_exceeds"][0]) > float(result["never_exceeds"][0])
