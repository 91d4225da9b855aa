"""The gradients of half-and-half MNIST's own estimators are those of the registered ones on the general path, with the
decoder's batch normalisation and equal noise (float32); an oracle and a synthetic gradient wrap any of these."""

import numpy as np
import pytest
import tensorflow as tf
from half_mnist_problems import a_model, first_noise, some_images

from igr_suite.discrete.own import Own
from igr_suite.discrete.step import estimate_step
from igr_suite.errors import UserError
from igr_suite.estimators import get
from igr_suite.families.half_mnist.chain import HalfMNISTChain
from igr_suite.families.half_mnist.config import TrainHalfMNIST
from igr_suite.families.half_mnist.networks import holding_averages
from igr_suite.families.half_mnist.rows import further

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


def gradients_of(model, batch):
    return model.gradients(batch, tf.constant([3, 5]))


@pytest.mark.parametrize("name", ["disarm", "double_cv"])
def test_an_oracle_of_a_registered_estimator_applies_its_mean(name):
    """40 draws of the oracle's step against 40 single ones: the mean that the encoder follows, and own parameters."""
    settings = {"model.oracle_of": name, "model.oracle_samples": 40, "model.baseline": "off"}
    model, batch = a_model("oracle", IMAGES, LATENTS, **settings), some_images(IMAGES)
    _, gradients, _ = gradients_of(model, batch)
    upper, lower = model.halves(batch)
    with holding_averages(model.encoder), tf.GradientTape() as tape:
        outputs = model.encoder(upper, training=True)
    steps = [
        model.wrapped.step_at(outputs, model.decoder, upper, lower, further(tf.constant([3, 5]), i)) for i in range(40)
    ]
    mean = -tf.add_n([step.cotangents[0] for step in steps]) / (40 * IMAGES)
    expected = tape.gradient(outputs, model.encoder.trainable_variables, mean)
    for ours, theirs in zip(gradients["encoder"], expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-7)
    for ours, theirs in zip(gradients["wrapped"], steps[0].own, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    assert model.config.evaluations_per_step == IMAGES * (1 + 40 * 2)


def test_a_synthetic_gradient_learns_a_registered_estimator(monkeypatch):
    """Its targets are minus that estimator's ascent gradients of each image, and the estimator's own parameters move."""
    settings = {"sg.target": "double_cv", "sg.options.samples": 3, "model.baseline": "off"}
    model, batch = a_model("sdni", IMAGES, LATENTS, **settings), some_images(IMAGES)
    assert model.config.sg.target_options == ("samples=3",) and "sdni-of-double_cv-samples3" in model.config.run_id
    assert model.config.evaluations_per_step == IMAGES * (1 + 3)
    learnt, regress = [], model.synthetic.regress
    monkeypatch.setattr(
        model.synthetic, "regress", lambda given, targets: learnt.append(targets) or regress(given, targets)
    )
    gradients_of(model, batch)
    upper, lower = model.halves(batch)
    with holding_averages(model.encoder):
        outputs = model.encoder(upper, training=True)
    step = model.wrapped.step_at(outputs, model.decoder, upper, lower, further(tf.constant([3, 5]), 0))
    np.testing.assert_allclose(learnt[0], -step.cotangents[0], rtol=1e-4, atol=1e-8)
    own = [v.numpy() for v in model.wrapped.own.trained]
    model.train_step(batch, tf.constant([1, 0]))
    assert own and all(np.any(before != v) for before, v in zip(own, model.wrapped.own.trained))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"sg.target": "double_cvs"}, "unknown sg.target 'double_cvs'"),
        ({"sg.target": "disarm", "sg.options.samples": 2}, "disarm has no option 'samples'"),
        ({"sg.target": "disarm"}, "model.baseline=cmr is not read with sg.target=disarm"),
        (
            {"sg.target": "disarm", "model.baseline": "off", "sg.reward_temperature": 1.0},
            "changes the REINFORCE target",
        ),
        ({"model.oracle_of": "disarm"}, "model.oracle_of is read by model.estimator=oracle only"),
        ({"model.estimator": "oracle", "model.oracle_of": "disarm"}, "model.baseline=cmr is not read with"),
        ({"model.estimator": "oracle", "model.oracle_of": "carm", "model.baseline": "off"}, "unknown model.oracle_of"),
    ],
)
def test_wrappers_that_cannot_be_are_a_sentence(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        TrainHalfMNIST().with_values({"model.estimator": "sdni", **settings})
