"""The gradients of half-and-half MNIST's own estimators are those of the registered ones on the general path, with the
decoder's batch normalisation and equal noise (float32)."""

import numpy as np
import pytest
import tensorflow as tf
from half_mnist_problems import a_model, first_noise, some_images

from igr_suite.discrete.own import Own
from igr_suite.discrete.step import estimate_step
from igr_suite.estimators import get
from igr_suite.families.half_mnist.chain import HalfMNISTChain

IMAGES, LATENTS = 6, 4
CASES = {
    "reinforce": ({"model.baseline": "off"}, get("reinforce")),
    "straight_through": ({}, get("straight_through")),
    "gumbel_softmax": ({"model.temperature": 0.5}, get("concrete", temperature=0.5)),
    "gumbel_softmax_hard": ({"model.temperature": 0.5}, get("st_gumbel_softmax", temperature=0.5)),
}


@pytest.mark.parametrize("name", CASES)
def test_the_fast_path_is_the_general_one(name):
    settings, estimator = CASES[name]
    model, batch = a_model(name, IMAGES, LATENTS, **settings), some_images(IMAGES)
    seed = tf.constant([3, 5])
    _, gradients, _ = model.gradients(batch, seed)
    upper, lower = model.halves(batch)
    variables = [[v.value for v in net.trainable_variables] for net in (model.encoder, model.decoder)]
    chain = HalfMNISTChain(
        lambda x: model.encoder(x, training=True),
        lambda code, moves: model.decoder(code, training=True),
        *variables,
        upper,
        lower,
    )
    own = Own(estimator, [(IMAGES, LATENTS)], upper.dtype)
    step = estimate_step(chain, estimator, [{"u": first_noise(model, IMAGES, seed)}], own)
    assert any(np.abs(g).max() > 1e-5 for g in gradients["encoder"])
    for group, general in (("encoder", step.recognition), ("decoder", step.generator)):
        for ours, theirs in zip(general, gradients[group], strict=True):
            np.testing.assert_allclose(-ours, theirs, rtol=1e-4, atol=1e-7)
