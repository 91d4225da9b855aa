"""`models.VAE` has the gradients of the suite's own families: equal weights and noise give equal numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from igr_suite.estimators import get, registered
from igr_suite.families.hard_vae.codes import HardVAE
from igr_suite.families.hard_vae.codes_config import HardVAEConfig, HardVAEOptimiserConfig
from igr_suite.families.iwae.config import DReGConfig, DReGOptimiserConfig
from igr_suite.families.iwae.model import DReGVAE
from igr_suite.families.iwae.networks import SHIFT
from igr_suite.families.vae.config import ModelConfig
from igr_suite.families.vae.model import DiscreteVAE
from igr_suite.models import VAE
from igr_suite.objectives.registry import build
from igr_suite.randomness import at_step, run_seed
from igr_suite.training.config_parts import OptimiserConfig

SEED = run_seed(5, "step")
PIXELS, BATCH = 4, 5
X = (np.random.default_rng(0).uniform(size=(BATCH, PIXELS)) > 0.5).astype(np.float32)
SHAPE = {"image_shape": (2, 2, 1), "likelihood": "bernoulli", "binarisation": "static"}
SIZES = {"bernoulli": {"variables": 3}, "categorical": {"variables": 2, "categories": 3}}


def linear_vae(latent: str, gradient, size: int, **settings) -> VAE:
    """A VAE without hidden layers, as the families' "linear" networks."""
    decoder = keras.Sequential([keras.Input((size,)), keras.layers.Dense(PIXELS)])
    vae = VAE(keras.layers.Identity(), decoder, latent, gradient, **settings)
    vae.build((None, PIXELS))
    return vae


def copy_weights(target: list, source: list) -> None:
    """Random values of order 1, the same for both."""
    generator = np.random.default_rng(3)
    assert [tuple(v.shape) for v in target] == [tuple(v.shape) for v in source]
    for variable, other in zip(target, source):
        value = generator.normal(size=variable.shape) * 0.7
        variable.assign(value)
        other.assign(value)


def assert_equal_gradients(pairs, expected, tolerance=1e-5):
    assert len(pairs) == len(expected)
    for (variable, gradient), other in zip(pairs, expected):
        np.testing.assert_allclose(gradient, other, rtol=tolerance, atol=tolerance, err_msg=variable.path)
    assert any(np.any(np.abs(gradient) > 1e-3) for _, gradient in pairs)


CASES = [
    *[(name, latent, "uniform", "sampled") for latent in SIZES for name in registered(latent)],
    ("vimco", "categorical", "learned", "sampled"),
    ("disarm", "bernoulli", "uniform", "closed"),
    ("rebar", "categorical", "learned", "closed"),
]


@pytest.mark.parametrize(("name", "latent", "prior", "kl"), CASES)
def test_estimators_have_the_gradients_of_vaes_of_hard_codes(name, latent, prior, kl):
    """Every estimator, with its own parameters; a learned prior and a closed KL."""
    words = {"kl": "analytic" if kl == "closed" else kl, "prior": "trained" if prior == "learned" else prior}
    config = HardVAEConfig(estimator=name, codes=latent, architecture="linear", **SIZES[latent], **words)
    family = HardVAE(config, get(name), **SHAPE, optimiser=HardVAEOptimiserConfig())
    vae = linear_vae(latent, name, family.code_size, prior=prior, kl=kl, **SIZES[latent])
    copy_weights([*vae.recognition_variables, *vae.generator_variables], family.trained)
    copy_weights(vae.latent.own, family.own.trained)
    step, gradients = family.step(tf.constant(X), SEED), vae.latent.step(vae, tf.constant(X), SEED)
    np.testing.assert_allclose(gradients.bound, step.value, rtol=1e-5)
    descent = [-g for g in [*step.recognition, *step.generator]] + step.own
    assert_equal_gradients(gradients.pairs, descent)


RELAXED = [(name, kl) for name in ("GS", "IGR_I", "IGR_Planar", "IGR_SB", "IGSM") for kl in ("sampled", "closed")]


@pytest.mark.parametrize(("name", "kl"), RELAXED[:1] + RELAXED[2:])  # GS has no closed KL
def test_relaxations_have_the_gradients_of_the_igr_experiments(name, kl):
    """Two samples of each example."""
    config = ModelConfig(name=f"{name}_Dis", architecture="linear", kl=kl, temperature=0.4, **SIZES["categorical"])
    family = DiscreteVAE(config, **SHAPE, optimiser=OptimiserConfig(learning_rate=0.1), samples=2)
    options = {"temperature": 0.4}
    vae = linear_vae("categorical", name, 6, samples=2, kl=kl, options=options, **SIZES["categorical"])
    trained = [*vae.encoder.trainable_variables, *vae.latent.head.trainable_variables, *vae.decoder.trainable_variables]
    copy_weights([*trained, *vae.latent.flow], family.trained)
    batch = tf.constant((X * 255).astype(np.uint8))
    with tf.GradientTape() as tape:
        loss = -family.bounds(batch, SEED)["elbo"]
    gradients = vae.latent.step(vae, tf.constant(X), at_step(SEED, tf.constant(2)))
    np.testing.assert_allclose(tf.reduce_mean(gradients.bound), -loss, rtol=1e-5)
    by_variable = {id(variable): gradient for variable, gradient in gradients.pairs}
    ordered = [(variable, by_variable[id(variable)]) for variable in [*trained, *vae.latent.flow]]
    assert_equal_gradients(ordered, tape.gradient(loss, family.trained), 1e-4)


@pytest.mark.parametrize("name", ["dreg", "iwae", "rws", "jk-dreg", "stl"])
def test_objectives_have_the_gradients_of_the_dreg_experiments(name):
    """Two tanh layers in float64; the family adds a constant to raw scales."""
    latents, hidden, samples = 3, 4, 4
    family = DReGVAE(
        DReGConfig(samples=samples, latents=latents, hidden=hidden, estimator=name),
        DReGOptimiserConfig(),
        np.full(PIXELS, 0.5),
        float_type=tf.float64,
    )

    def network(inputs, outputs):
        tanh = [keras.layers.Dense(hidden, "tanh", dtype="float64") for _ in range(2)]
        top = [keras.layers.Dense(outputs, dtype="float64")] if outputs else []
        return keras.Sequential([keras.Input((inputs,), dtype="float64"), *tanh, *top])

    vae = VAE(
        network(PIXELS, 0),
        network(latents, PIXELS),
        "gaussian",
        build(name),
        variables=latents,
        samples=samples,
        dtype="float64",
    )
    # The family centres the encoder's input; here the data are centred, and the likelihood is given those that are not.
    x = tf.constant(X, tf.float64)
    vae.likelihood = vae.likelihood._replace(
        log_prob=lambda centred, output: tf.reduce_sum(x * output - tf.nn.softplus(output), -1)
    )
    copy_weights([*vae.recognition_variables, *vae.generator_variables], family.weights_in_order)
    vae.latent.head.bias.assign(vae.latent.head.bias + np.repeat([0.0, SHIFT], latents))
    gradients = vae.latent.step(vae, x - 0.5, SEED)
    draws, objective = family.draw(x, vae.latent.noise(x, samples, SEED)), family.objectives[name]
    coefficients = objective.coefficients(draws.log_weights)
    ascent = [
        *family.inference_gradients(draws, coefficients),
        *family.generative_gradients(draws, coefficients.generative),
    ]
    assert gradients.bound.dtype == tf.float64
    np.testing.assert_allclose(gradients.bound, objective.value(draws.log_weights), rtol=1e-10)
    assert_equal_gradients(gradients.pairs, [-g for g in ascent], 1e-9)
