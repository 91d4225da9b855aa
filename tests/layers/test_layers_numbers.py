"""What the layers of latent variables compute: codes and their gradients, KLs against enumeration and closed forms,
schedules, samples, positions and masks."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from layer_cases import NAMES, OWN_ARGMAX, X, categorical, parameters

from igr_suite.layers import GaussianLatent, RelaxedBernoulli, RelaxedCategorical
from igr_suite.layers.relaxed import LOWEST
from igr_suite.relaxations import argmax_log_probs

schedules, tfd = keras.optimizers.schedules, tfp.distributions
WEIGHTS = tf.constant(np.random.default_rng(1).normal(size=(2, 3)), tf.float32)


def gradient_of_code(layer, given, training=True):
    """A code, and the gradient of a linear function of it with respect to the layer's inputs."""
    with tf.GradientTape() as tape:
        tape.watch(given)
        code = layer(given, training=training)
        value = tf.reduce_sum(code * WEIGHTS)
    return code.numpy(), tape.gradient(value, given)


@pytest.mark.parametrize("name", NAMES)
def test_codes(name):
    """Samples lie on the simplex; hard codes are their vertices with the gradient of the samples, in training and
    (inference="hard") elsewhere; "mode" and "mean" need no seed."""
    keras.utils.set_random_seed(0)  # of a flow
    soft = categorical(name, temperature=0.5)
    given = parameters(soft)
    code, slope = gradient_of_code(soft, given)
    np.testing.assert_allclose(code.sum(-1), 1.0, atol=1e-6)
    vertices = np.eye(3)[code.argmax(-1)]
    for options, training in (({"hard": True}, True), ({"hard": True}, False), ({"inference": "hard"}, False)):
        keras.utils.set_random_seed(0)
        hard, hard_slope = gradient_of_code(categorical(name, temperature=0.5, **options), given, training)
        np.testing.assert_array_equal(hard, vertices)
        np.testing.assert_array_equal(hard_slope, slope)
    assert np.any(slope != 0)
    for way in ("mode", "mean") if name in OWN_ARGMAX else ("mode",):
        keras.utils.set_random_seed(0)
        layer = categorical(name, temperature=0.5, inference=way)
        code = layer(given)
        np.testing.assert_array_equal(code, layer(given))
        posterior = layer.posterior(given)
        if way == "mean":
            np.testing.assert_allclose(code, np.exp(argmax_log_probs(posterior)), atol=1e-6)
        else:
            np.testing.assert_array_equal(code, np.eye(3)[np.argmax(posterior.without_noise(), -1)])


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_finite_at_the_lowest_temperatures(name):
    """Codes, KLs and gradients, for ordinary and extreme parameters; a schedule that falls to 0 counts as LOWEST."""
    falling = schedules.ExponentialDecay(1.0, 1, 1e-3)
    for options in (
        {"temperature": 0.01},
        {"temperature": falling, "kl": "sampled"},
        {"temperature": 0.01, "hard": True},
    ):
        layer = categorical(name, kl_weight=1.0, **options)
        given = parameters(layer)
        if name in ("GS", "IGSM"):  # without log-scales, whose exponential would overflow
            given = tf.concat([given, given * 60.0], 0)
        layer.build(given.shape)
        if layer.steps is not None:
            layer.steps.assign(100)
            assert float(layer.current("temperature")) == np.float32(LOWEST)
        with tf.GradientTape() as tape:
            tape.watch(given)
            code = layer(given, training=True)
            loss = layer.losses[0] + tf.reduce_sum(code * WEIGHTS)
        for value in (code, loss, tape.gradient(loss, given)):
            assert np.isfinite(value).all(), options


def test_extreme_logits_and_masked_categories():
    """Bernoulli logits of +-60 at a low temperature; a category with logit -inf is 0, and the discrete KL counts the
    others."""
    layer = RelaxedBernoulli(3, 0.01, dense=False, kl_weight=1.0, seed=0)
    given = tf.constant([[-60.0, 0.0, 60.0]])
    with tf.GradientTape() as tape:
        tape.watch(given)
        code = layer(given, training=True)
        loss = layer.losses[0] + tf.reduce_sum(code)
    assert np.isfinite(loss) and np.isfinite(tape.gradient(loss, given)).all()
    assert code[0, 0] == 0 and code[0, 2] == 1

    layer = categorical("GS", kl="discrete", kl_weight=1.0)
    given = tf.constant([[[0.3, -np.inf, -0.5], [1.0, 2.0, 0.0]]], tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(given)
        code = layer(given, training=True)
        loss = layer.losses[0] + tf.reduce_sum(code * WEIGHTS)
    assert code[0, 0, 1] == 0 and np.isfinite(tape.gradient(loss, given)).all()
    probabilities = np.exp(given) / np.exp(given).sum(-1, keepdims=True)
    kl = (probabilities * np.log(np.maximum(probabilities, 1e-30) * 3)).sum()
    np.testing.assert_allclose(layer.losses[0], kl, rtol=1e-5)


def test_a_bernoulli_code_is_that_of_the_logistic_noise():
    """y = sigmoid((l + logistic) / t): its share of ones is sigmoid(l) (|z| < 5), its gradient y (1 - y) / t."""
    logits = tf.constant([[-2.0, 0.0, 0.7]])
    layer = RelaxedBernoulli(3, 0.4, dense=False, samples=20_000, seed=2)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        code = layer(logits, training=True)
        total = tf.reduce_sum(code)
    y = code.numpy()[0]
    probability = 1 / (1 + np.exp(-logits.numpy()[0]))
    z = ((y > 0.5).mean(0) - probability) / np.sqrt(probability * (1 - probability) / 20_000)
    assert code.shape == (1, 20_000, 3) and np.max(np.abs(z)) < 5
    np.testing.assert_allclose(tape.gradient(total, logits)[0], (y * (1 - y)).sum(0) / 0.4, rtol=1e-4)
    for way, expected in (("mean", probability), ("mode", [0.0, 1.0, 1.0])):
        np.testing.assert_allclose(RelaxedBernoulli(3, dense=False, inference=way)(logits)[0], expected, atol=1e-6)


def test_discrete_kl_is_the_enumerated_one():
    """GS, and Bernoulli variables over all their joint states; a given and a learned prior."""
    logits = np.random.default_rng(4).normal(size=(4, 2, 3)).astype(np.float32)
    prior = np.array([0.5, -1.0, 0.2])

    def log_softmax(values):
        return values - np.log(np.exp(values).sum(-1, keepdims=True))

    for given_prior, prior_logits in (("uniform", np.zeros(3)), ({"logits": prior}, prior), ("learned", np.zeros(3))):
        layer = categorical("GS", kl_weight=0.5, kl="discrete", prior=given_prior)
        layer(logits)
        log_q, log_p = log_softmax(logits), log_softmax(prior_logits)
        kl = (np.exp(log_q) * (log_q - log_p)).sum((-1, -2))
        np.testing.assert_allclose(layer.losses[0], 0.5 * kl.mean(), rtol=1e-5)
        np.testing.assert_allclose(layer.kl_divergence(layer.posterior(logits)), kl, rtol=1e-5)

    layer = RelaxedBernoulli(3, dense=False, kl_weight=1.0, kl="discrete", prior={"logits": prior})
    layer(logits[0])
    states = np.array(list(itertools.product((0, 1), repeat=3)))

    def log_probabilities(values):  # [..., 3] -> [..., 8]
        return (states * values[..., None, :] - np.logaddexp(0, values)[..., None, :]).sum(-1)

    log_q, log_p = log_probabilities(logits[0]), log_probabilities(prior)
    np.testing.assert_allclose(layer.losses[0], (np.exp(log_q) * (log_q - log_p)).sum(-1).mean(), rtol=1e-5)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "GS"])
def test_closed_kl_is_that_of_the_gaussians_and_the_mean_of_sampled_ones(name):
    """|z| < 5 over 4,000 samples; a learned prior begins at the uniform one, a given one is used as it is."""
    keras.utils.set_random_seed(0)
    layer = categorical(name, kl_weight=1.0, temperature=0.3)
    given = parameters(layer, rows=1, scale=0.3)
    layer(given)
    posterior = layer.posterior(given)
    prior = layer.prior_of(posterior)
    normals = (tfd.Normal(each.loc, tf.exp(each.log_scale)) for each in (posterior, prior))
    closed = tf.reduce_sum(tfd.kl_divergence(*normals), [-2, -1])
    np.testing.assert_allclose(layer.losses[0], closed[0], rtol=1e-4)

    keras.utils.set_random_seed(0)
    sampled = categorical(name, kl_weight=1.0, kl="sampled", samples=4_000, temperature=0.3)
    posterior = sampled.posterior(given)
    draw = sampled.draw(posterior)
    normals = [tfd.Normal(each.loc, tf.exp(each.log_scale)) for each in (posterior, prior)]
    ratio = tf.reduce_sum(normals[0].log_prob(draw.preimage) - normals[1].log_prob(draw.preimage), [-2, -1])[:, 0]
    np.testing.assert_allclose(sampled.kl_divergence(posterior, draw)[0], np.mean(ratio), rtol=1e-3, atol=1e-4)
    assert abs(np.mean(ratio) - closed[0]) < 5 * np.std(ratio) / np.sqrt(4_000)

    keras.utils.set_random_seed(0)
    learned = categorical(name, kl_weight=1.0, prior="learned", temperature=0.3)
    learned(given)
    np.testing.assert_allclose(learned.losses[0], layer.losses[0], rtol=1e-5)
    blocks = dict.fromkeys(layer.blocks, 0.25)
    moved = categorical(name, prior=blocks, temperature=0.3)
    assert all(np.all(np.equal(getattr(moved.prior_of(moved.posterior(given)), block), 0.25)) for block in blocks)


def test_sampled_kl_of_concrete_distributions_is_their_log_ratio():
    """GS against the densities of TFP; Bernoulli against the density of the logistic distribution."""
    layer = categorical("GS", kl_weight=1.0, samples=7, temperature=0.6)
    logits = parameters(layer)
    posterior = layer.posterior(logits)
    draw = layer.draw(posterior)
    densities = [
        tfd.ExpRelaxedOneHotCategorical(0.6, logits=each).log_prob(draw.log_sample)
        for each in (logits, tf.zeros_like(logits))
    ]
    expected = tf.reduce_mean(tf.reduce_sum(densities[0] - densities[1], -1), 0)
    np.testing.assert_allclose(layer.kl_divergence(posterior, draw), expected, rtol=1e-4, atol=1e-5)

    layer = RelaxedBernoulli(3, 0.6, dense=False, samples=7, seed=1, prior={"logits": 0.3})
    logits = parameters(layer)
    posterior = layer.posterior(logits)
    draw = layer.draw(posterior)
    scores = 0.6 * (draw.log_sample[..., 0] - draw.log_sample[..., 1])  # t logit(y)
    ratio = tfd.Logistic(logits, 1.0).log_prob(scores) - tfd.Logistic(0.3, 1.0).log_prob(scores)
    expected = tf.reduce_mean(tf.reduce_sum(ratio, -1), 0)
    np.testing.assert_allclose(layer.kl_divergence(posterior, draw), expected, rtol=1e-4, atol=1e-4)


def test_gaussian_codes_and_kls():
    """loc + scale eps; the closed form of TFP, and the mean of sampled KLs (|z| < 5)."""
    layer = GaussianLatent(3, dense=False, kl_weight=2.0, seed=1, prior={"loc": 0.5, "log_scale": [0.1, 0.2, -0.3]})
    given = parameters(layer, scale=0.5)
    loc, log_scale = np.split(given, 2, -1)
    draw = layer.draw(layer.posterior(given), seed=tf.constant([1, 0]))
    np.testing.assert_array_equal(layer(given), draw.sample)  # the layer's first seed
    np.testing.assert_allclose(draw.sample, loc + np.exp(log_scale) * draw.noise, rtol=1e-6)
    np.testing.assert_array_equal(GaussianLatent(3, dense=False, inference="mean")(given), loc)
    pair = tfd.Normal(loc, np.exp(log_scale)), tfd.Normal(0.5, tf.exp([0.1, 0.2, -0.3]))
    closed = tf.reduce_sum(tfd.kl_divergence(*pair), -1)
    np.testing.assert_allclose(layer.losses[0], 2.0 * np.mean(closed), rtol=1e-5)
    sampled = GaussianLatent(3, dense=False, kl="sampled", samples=4_000, seed=1, prior=layer.prior)
    draw = sampled.draw(sampled.posterior(given))
    ratio = np.sum(pair[0].log_prob(draw.sample) - pair[1].log_prob(draw.sample), -1)
    np.testing.assert_allclose(sampled.kl_divergence(sampled.posterior(given), draw), ratio.mean(0), rtol=1e-3)
    assert np.all(np.abs(ratio.mean(0) - closed) < 5 * ratio.std(0) / np.sqrt(4_000))


def test_schedules_count_calls_in_training():
    """Temperature and KL weight move with the layer's steps, and a call at inference does not count."""
    rising = schedules.PolynomialDecay(0.0, 4, 1.0)
    layer = RelaxedCategorical(2, 3, "IGR_I", schedules.PolynomialDecay(1.0, 4, 0.2), kl_weight=rising, seed=0)
    for step, (temperature, weight) in enumerate([(1.0, 0.0), (0.8, 0.25), (0.6, 0.5), (0.4, 0.75), (0.2, 1.0)] * 2):
        if step < 5:
            layer(X)
            kl = np.mean(layer.kl_divergence(layer.posterior(X)))
            np.testing.assert_allclose(layer.losses[0], weight * kl, rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(layer.posterior(X).temperature, temperature, rtol=1e-6)
            assert int(layer.steps) == step
        layer(X, training=True)
    np.testing.assert_allclose(layer.current("temperature"), 0.2, rtol=1e-6)


def test_a_variable_is_a_temperature_that_callbacks_set_and_training_may_learn():
    """A callback moves it between compiled epochs; a trainable one gets gradients; a copy has its own."""
    temperature = keras.Variable(0.9, trainable=False, name="temperature")
    seen = []

    def cool(epoch, logs):
        seen.append(float(code.posterior(X).temperature))
        temperature.assign(0.5 * temperature)

    code = RelaxedCategorical(2, 3, "GS", temperature, kl_weight=0.1)
    model = keras.Sequential([keras.Input((5,)), code, keras.layers.Flatten(), keras.layers.Dense(5)])
    model.compile("sgd", "mse", run_eagerly=True)
    model.fit(X, X, epochs=3, verbose=0, callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=cool)])
    np.testing.assert_allclose(seen, [0.9, 0.45, 0.225], rtol=1e-6)
    copy = RelaxedCategorical.from_config(code.get_config())
    assert copy.temperature is not temperature and not copy.temperature.trainable
    np.testing.assert_allclose(copy.temperature, 0.1125, rtol=1e-6)

    learned = RelaxedCategorical(2, 3, "IGR_I", keras.Variable(0.9), seed=0)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(learned(X, training=True)))
    assert abs(float(tape.gradient(loss, learned.temperature.value))) > 1e-3
    assert any(weight is learned.temperature for weight in learned.trainable_weights)


def test_positions_samples_and_masks():
    """Codes of a sequence [B, T, F]: samples come second, the mask passes, and the KL counts what is not masked."""
    x = np.random.default_rng(0).normal(size=(2, 4, 5)).astype(np.float32)
    mask = np.array([[True, True, False, False], [True, True, True, False]])
    for layer, shape in (
        (RelaxedCategorical(2, 3, "IGR_I", kl_weight=1.0), (2, 4, 2, 3)),
        (RelaxedBernoulli(3, kl_weight=1.0, samples=6, kl="discrete"), (2, 6, 4, 3)),
        (GaussianLatent(3, kl_weight=1.0, samples=6), (2, 6, 4, 3)),
    ):
        code = layer(x, mask=mask)
        assert code.shape == shape == layer.compute_output_shape(x.shape)
        np.testing.assert_array_equal(
            code._keras_mask, mask if layer.samples is None else np.repeat(mask[:, None], 6, 1)
        )
        kl = layer.kl_divergence(layer.posterior(x)).numpy()
        np.testing.assert_allclose(layer.losses[0], kl[mask].sum() / 2, rtol=1e-5)
        assert len(np.unique(code)) > code.numpy().size // 3, "positions and samples have noise of their own"
    padded = np.where(mask[..., None], x, 9.0)
    layer(padded, mask=mask)
    np.testing.assert_allclose(layer.losses[0], kl[mask].sum() / 2, rtol=1e-5)


def test_options_reach_the_relaxation():
    layer = categorical("IGR_SB", options={"threshold": 0.5, "truncation": "sample", "delta": 0.3})
    posterior = layer.posterior(parameters(layer))
    assert (posterior.threshold, posterior.truncation, posterior.delta) == (0.5, "sample", 0.3)
    assert layer.prior_of(posterior).truncation == "sample"
    layer = categorical("IGR_Planar", options={"flow_layers": 4, "norm": "historical"})
    posterior = layer.posterior(parameters(layer))
    assert posterior.norm == "historical" and posterior.flow.w.shape == (4, 2, 2) and len(layer.trainable_weights) == 3
