"""What the layers of latent variables cannot do is a sentence before anything is trained."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from layer_cases import X

from igr_suite.errors import UserError
from igr_suite.layers import GaussianLatent, RelaxedBernoulli, RelaxedCategorical
from igr_suite.relaxations import GSP


def categorical(**options):
    return RelaxedCategorical(**({"variables": 2, "categories": 3} | options))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: categorical(variables=0), "variables must be an integer of at least 1, got 0"),
        (lambda: categorical(categories=1), "categories must be an integer of at least 2, got 1"),
        (lambda: categorical(categories=3.0), "categories must be an integer of at least 2, got 3.0"),
        (lambda: categorical(samples=0), "samples must be an integer of at least 1, got 0"),
        (lambda: categorical(relaxation="IGRI"), "unknown relaxation 'IGRI'; did you mean 'IGR_I'"),
        (lambda: categorical(relaxation=GSP), "relaxation must be the name under which a relaxation is registered"),
        (lambda: categorical(options=0.5), "options must be a dictionary of the relaxation's own arguments, got 0.5"),
        (lambda: categorical(temperature=0.0), "temperature must be positive, got 0.0"),
        (lambda: categorical(temperature=-1), "temperature must be positive, got -1"),
        (lambda: categorical(temperature="cold"), "temperature must be a number, a schedule .* or a keras.Variable"),
        (lambda: categorical(temperature=keras.Variable([0.5, 0.4])), r"temperature is a variable of shape \(2,\)"),
        (lambda: categorical(temperature=lambda step: 0.5), "temperature must be a number, a schedule"),
        (lambda: categorical(kl_weight=-0.1), "kl_weight must be at least 0, got -0.1"),
        (lambda: categorical(kl_weight=True), "kl_weight must be a number"),
        (lambda: categorical(kl="exact"), "unknown kl 'exact'"),
        (lambda: categorical(kl="closed"), "GumbelSoftmax has no KL in closed form; take kl='sampled'"),
        (lambda: categorical(relaxation="IGR_SB", kl="discrete"), "kl='discrete' needs the distribution of the argmax"),
        (lambda: categorical(relaxation="IGR_Planar", inference="mean"), "inference='mean' needs the distribution"),
        (lambda: categorical(inference="soft"), "unknown inference 'soft'"),
        (lambda: categorical(seed=1.5), "seed must be an integer"),
        (lambda: categorical(hard="no"), "hard must be True or False, got 'no'"),
        (lambda: categorical(dense=None), "dense must be True or False, got None"),
        (lambda: categorical(prior="standard"), "unknown prior 'standard'"),
        (lambda: categorical(prior={"loc": 0.0}), "a given prior needs exactly the parameters logits, got loc"),
        (lambda: categorical(prior={"logits": [1.0, 2.0]}), r"must be numbers that broadcast to the shape \(2, 3\)"),
        (lambda: categorical(prior={"logits": [1.0, np.inf, 0.0]}), "the prior's logits must be finite, got inf"),
        (lambda: categorical(options={"delta": 0.5}), "GS has no option 'delta'; it has none at all"),
        (lambda: categorical(relaxation="IGR_I", options={"delt": 0.5}), "no option 'delt'; did you mean 'delta'"),
        (lambda: categorical(relaxation="IGR_I", options={"delta": -1.0}), "delta must be positive, got -1.0"),
        (lambda: categorical(relaxation="IGR_I", options={"flow_layers": 2}), "IGR_I has no option 'flow_layers'"),
        (lambda: categorical(relaxation="IGR_Planar", options={"flow_layers": 0}), "flow_layers must be an integer"),
        (lambda: categorical()(tf.zeros([3])), r"needs inputs \[batch, ..., features\] .* got the shape \(3,\)"),
        (lambda: categorical(dense=False)(tf.zeros([4, 6])), r"inputs are parameters \[batch, ..., 2, 3\]"),
        (lambda: categorical(dense=False)(keras.Input((6,))), r"keras.layers.Reshape\(\(2, 3\)\)"),
        (
            lambda: categorical()(X, mask=np.ones((6, 5), bool)),
            r"a mask of shape \(6, 5\) for inputs of shape \(6, 5\)",
        ),
        (lambda: categorical(kl="sampled").kl_divergence(categorical().posterior(tf.zeros([2, 5]))), "the draw, too"),
        (lambda: RelaxedBernoulli(2, kl="closed"), "unknown kl 'closed'"),
        (lambda: RelaxedBernoulli(2, dense=False)(tf.zeros([4, 3])), "inputs are parameters"),
        (lambda: GaussianLatent(2, kl="discrete"), "unknown kl 'discrete'"),
        (lambda: GaussianLatent(2, inference="hard"), "unknown inference 'hard'"),
        (lambda: GaussianLatent(2, prior="uniform"), "unknown prior 'uniform'"),
        (lambda: GaussianLatent(2, dense=False)(tf.zeros([4, 2])), r"\[batch, ..., 4\], in the order loc, log_scale"),
        (lambda: GaussianLatent(2, kl="sampled").kl_divergence(GaussianLatent(2).posterior(X)), "the draw, too"),
    ],
)
def test_bad_input_is_a_sentence(call, sentence):
    with pytest.raises(UserError, match=sentence):
        call()


def test_another_backend_is_refused(monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(UserError, match="RelaxedBernoulli needs Keras on TensorFlow, and Keras runs on jax"):
        RelaxedBernoulli(2)
