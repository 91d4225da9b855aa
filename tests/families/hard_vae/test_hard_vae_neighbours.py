"""VAEs of hard codes at the neighbours of samples: rank-one changes of the first map give what evaluations at values
give."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from igr_suite.discrete.chain import LocalObjective, hard_pass
from igr_suite.estimators import get
from igr_suite.estimators.neighbours import Neighbours
from igr_suite.families.hard_vae import codes
from igr_suite.families.hard_vae.codes import HardVAE, HardVAEChain
from igr_suite.families.hard_vae.codes_config import HardVAEConfig, HardVAEOptimiserConfig, TrainHardVAE
from igr_suite.networks.first_layer import first_affine
from igr_suite.randomness import at_step, run_seed, uniform

IMAGES = np.array([[1.0, 0.0, 1.0, 1.0], [0.0, 1.0, 1.0, 0.0]])
SIZES = {"bernoulli": {"variables": 5}, "categorical": {"variables": 4, "categories": 3}}


@pytest.fixture
def in_float64(monkeypatch):
    """Keras networks in float64 while a test runs, which a run's model refuses."""
    monkeypatch.setattr(codes, "require_plain_keras", lambda: None)
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_dtype_policy(policy)


MEAN = np.array([0.1, 0.2, 0.5, 0.9])


def chain_of(likelihood: str = "bernoulli", **settings) -> HardVAEChain:
    """A small model whose weights are of order 1, in float64."""
    config = HardVAEConfig(estimator="rloo", prior="trained", **SIZES[settings["codes"]], **settings)
    shape = {"image_shape": (2, 2, 1), "likelihood": likelihood, "binarisation": "static"}
    settings = {"optimiser": HardVAEOptimiserConfig(), "estimation": TrainHardVAE(model=config).resolved_estimation}
    model = HardVAE(config, get("rloo"), **shape, **settings, mean=MEAN)
    if config.centred:
        model.mean, model.offset = tf.cast(model.mean, tf.float64), tf.cast(model.offset, tf.float64)
    generator = np.random.default_rng(0)
    model.prior = tf.Variable(generator.normal(size=model.shape))
    for variable in [*model.recognition_variables, *model.generator_variables[:-1]]:
        variable.assign(variable + 0.2 * generator.normal(size=variable.shape))
    return HardVAEChain(model, tf.constant(IMAGES))


@pytest.mark.parametrize(
    "settings",
    [
        {"codes": "bernoulli", "architecture": "linear"},
        {"codes": "bernoulli", "architecture": "dense_relax", "layers": 2},
        {"codes": "bernoulli", "architecture": "nonlinear", "kl": "analytic"},
        {"codes": "bernoulli", "architecture": "linear", "centred": True},
        {"codes": "categorical", "architecture": "linear", "likelihood": "gaussian"},
        {"codes": "categorical", "architecture": "dense_relax"},
        {"codes": "categorical", "architecture": "linear", "layers": 3},
    ],
    ids=str,
)
def test_neighbours_have_the_values_of_the_general_form(in_float64, settings):
    """Every layer's local signal; 1e-10."""
    chain = chain_of(**settings)
    seed, layers = run_seed(1, "neighbours"), len(chain.kinds)
    shape = (len(IMAGES), *chain.model.shape)
    uniforms = [uniform(shape, at_step(seed, tf.constant(k)), tf.float64) for k in range(layers)]
    hard = hard_pass(chain, uniforms)
    for layer, samples in enumerate(hard.samples):
        objective = LocalObjective(chain, layer, hard, uniforms)
        neighbours = Neighbours(samples, tf.constant([0, 3]))
        values = objective.at_neighbours(neighbours)
        assert values.dtype == tf.float64 and np.ptp(values) > 0.01
        np.testing.assert_allclose(values, objective(neighbours.values()), rtol=1e-10)


def test_a_decoder_that_begins_otherwise_is_evaluated_at_the_values(in_float64):
    chain = chain_of(codes="bernoulli", architecture="linear")
    chain.model.decoder = keras.Sequential([keras.layers.Reshape((5,)), *chain.model.decoder.layers])
    chain.model.decoder.build((None, 5))
    assert first_affine(chain.model.decoder) is None
    samples = tf.constant([[1.0, 0.0, 1.0, 1.0, 0.0]] * 2, tf.float64)
    neighbours, logits = Neighbours(samples, tf.range(5)), chain.logits(0, None)
    np.testing.assert_array_equal(
        chain.term_at_neighbours(0, neighbours, None, logits), chain.term(0, neighbours.values(), None, logits)
    )
