"""Every estimator of half-and-half digits against enumeration, quadrature, its surrogate loss and the suite's
registry."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from half_mnist_problems import SEED, a_model, enumerated, first_noise, rows_of, some_images, true_gradient

from igr_suite import estimators
from igr_suite.families.half_mnist.latents import Evaluated, HardLatents, StraightThroughLatents
from igr_suite.families.half_mnist.networks import holding_averages

BATCH, SAMPLES = 4, 2


@pytest.fixture(scope="module")
def problem():
    model = a_model("reinforce", batch=2, **{"model.baseline": "off"})
    rows = rows_of(model, some_images(2))
    return model, rows, enumerated(model, rows)


@pytest.mark.parametrize("baseline", [0.0, 0.7, -3.0])
def test_the_mean_of_reinforce_is_the_enumerated_gradient_for_any_constant_baseline(problem, baseline):
    """The sum over all 64 joint codes of two images, which the decoder's normalisation couples."""
    model, rows, found = problem
    total = np.zeros(rows.outputs.shape)
    for weight, code, losses in zip(found["weights"], found["codes"], found["losses"]):
        code = tf.constant(code, tf.float32)
        at = Evaluated(code, None, tf.constant(losses - baseline, tf.float32), None, 1.0)
        total += weight * model.latent.gradient(rows.outputs, at).numpy()
    np.testing.assert_allclose(total, true_gradient(found), rtol=2e-4, atol=1e-6)
    assert np.abs(true_gradient(found)).max() > 1e-3, "a gradient of nearly 0 would show nothing"


def test_the_mean_of_drawn_gradients_is_the_enumerated_one(problem):
    """3,000 draws, standard errors from the enumeration: false alarm below 1e-5 a coordinate at 4.5, 6 coordinates."""
    model, rows, found = problem
    draws, level = 3000, np.float32(found["losses"].mean())
    rows = rows._replace(baseline=tf.fill((2,), level))
    measure = tf.function(lambda: model.mean_gradient(rows, draws, SEED), autograph=False)
    each = (found["losses"] - level)[..., None] * (found["codes"] - found["probabilities"])
    exact = true_gradient(found)
    variance = np.einsum("s,snd->nd", found["weights"], each**2) - exact**2
    z = (measure().numpy() - exact) / np.sqrt(variance / draws)
    assert np.abs(z).max() < 4.5, z
    assert np.abs(exact / np.sqrt(variance / draws)).max() > 6.0, "the sign could not be told from noise"


def surrogate(model, rows, noise, weights):
    """A loss whose automatic derivative by the encoder's weights is the estimator, written another way than the code
    under test."""
    config, name = model.config.model, model.config.model.estimator
    outputs = tf.repeat(model.encoder(rows.upper[:: config.samples], training=True), config.samples, 0)
    temperature = model.temperature(training=True)
    if model.config.model.gaussian:
        location, scale = tf.split(outputs, 2, -1)
        scale = tf.math.softplus(scale)
        code = location + scale * noise
        distribution = tfp.distributions.Normal(location, scale)
    else:
        p = tf.sigmoid(outputs)
        code = tf.cast(outputs + tf.math.log(noise / (1 - noise)) > 0, tf.float32)
        distribution = tfp.distributions.Bernoulli(logits=outputs)
        gumbels = tf.stack([outputs + tf.math.log(noise / (1 - noise)), tf.zeros_like(outputs)], -1)
        soft = tf.nn.softmax(gumbels / temperature)[..., 0]  # two classes whose noises differ by a logistic
        if name == "straight_through":
            code = p + tf.stop_gradient(code - p)
        elif name == "gumbel_softmax":
            code = soft
        elif name == "gumbel_softmax_hard":
            ones = tf.cast(soft > (0.25 if config.hard_rule == "historical" else 0.5), tf.float32)
            code = soft + ones if config.hard_rule == "historical" else soft + tf.stop_gradient(ones - soft)
    if name in ("gaussian_reinforce", "reinforce"):
        code = tf.stop_gradient(code)
    losses = model.losses(code, rows.lower)
    if name in ("gaussian_reinforce", "reinforce"):
        baseline = model.baseline_of(rows.upper[:: config.samples], rows.lower[:: config.samples], losses)
        encoder = tf.reduce_mean(tf.stop_gradient(losses - baseline) * tf.reduce_sum(distribution.log_prob(code), -1))
    else:
        encoder = tf.reduce_mean(losses)
    return encoder, tf.reduce_mean(losses), losses


CASES = [
    ("gaussian", {}),
    ("gaussian_reinforce", {"model.baseline": "off"}),
    ("gaussian_reinforce", {"model.baseline": "cmr"}),
    ("reinforce", {"model.baseline": "cmr"}),
    ("reinforce", {"model.baseline": "mr"}),
    ("reinforce", {"model.baseline": "loo", "model.batch_norm": "input"}),
    ("reinforce", {"model.baseline": "off"}),
    ("straight_through", {}),
    ("gumbel_softmax", {"model.temperature": 0.7}),
    ("gumbel_softmax_hard", {"model.temperature": 0.7}),
    ("gumbel_softmax_hard", {"model.hard_rule": "historical"}),
]


@pytest.mark.parametrize(
    ("name", "settings"), CASES, ids=lambda c: c if isinstance(c, str) else "-".join(map(str, c.values()))
)
def test_gradients_are_those_of_the_surrogate(name, settings):
    """Encoder, decoder and baseline, each by automatic differentiation of its own loss; two samples an image."""
    model = a_model(name, batch=BATCH, **{"model.samples": SAMPLES, **settings})
    images = some_images(BATCH)
    _, gradients, _ = model.gradients(images, SEED)
    rows = rows_of(model, images, SAMPLES)
    with holding_averages(model.encoder), holding_averages(model.decoder), tf.GradientTape(persistent=True) as tape:
        encoder, decoder, losses = surrogate(model, rows, first_noise(model, BATCH), model.trained)
        if model.baseline:
            values = tf.repeat(model.baseline(tf.concat([rows.upper, rows.lower], -1)[::SAMPLES]), SAMPLES, 0)[:, 0]
            regression = tf.reduce_mean((tf.stop_gradient(losses) - values) ** 2)
    wanted = {"encoder": tape.gradient(encoder, [v.value for v in model.encoder.trainable_variables])}
    wanted["decoder"] = tape.gradient(decoder, [v.value for v in model.decoder.trainable_variables])
    if model.baseline:
        wanted["baseline"] = tape.gradient(regression, [v.value for v in model.baseline.trainable_variables])
    for network, expected in wanted.items():
        size = max(float(tf.reduce_max(tf.abs(g))) for g in expected)
        assert size > 1e-5, network
        for ours, theirs in zip(gradients[network], expected):
            np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=2e-5 * size)


@pytest.mark.parametrize(
    ("name", "registered", "settings"),
    [
        ("reinforce", "reinforce", {}),
        ("straight_through", "straight_through", {}),
        ("gumbel_softmax", "concrete", {"temperature": 0.7}),
        ("gumbel_softmax_hard", "st_gumbel_softmax", {"temperature": 0.7}),
    ],
)
def test_the_suites_estimators_give_the_same(name, registered, settings):
    model = a_model(
        name, **({"model.baseline": "off"} if name == "reinforce" else {"model.temperature": 0.7} if settings else {})
    )
    rows = rows_of(model, some_images(4))
    with holding_averages(model.decoder):
        estimator = estimators.get(registered, **settings)
        noise = estimator.noise(rows.outputs.shape, SEED)
        estimate = estimator.estimate(lambda code: model.losses(code, rows.lower), rows.outputs, noise)
        at = model.evaluate_codes(rows, SEED)  # the same seed gives the same uniforms
    np.testing.assert_allclose(model.latent.gradient(rows.outputs, at), estimate.gradient, rtol=1e-4, atol=1e-7)


def test_straight_through_is_exact_for_linear_losses_and_biased_by_2p_minus_1_for_squares():
    model = a_model("straight_through", latents=1)
    logits, target = tf.constant([[0.8]]), 0.3
    p = float(tf.sigmoid(0.8))

    def mean_by_p(slope):
        codes = {1.0: p, 0.0: 1 - p}
        parts = [
            weight
            * StraightThroughLatents.gradient(
                model.latent, logits, Evaluated(tf.constant([[z]]), None, None, tf.constant([[slope(z)]]), 1.0)
            )
            for z, weight in codes.items()
        ]
        return float(sum(parts)) / (p * (1 - p))

    assert mean_by_p(lambda z: 2.5) == pytest.approx(2.5, rel=1e-5)
    assert mean_by_p(lambda z: 2 * (z - target)) == pytest.approx(2 * (p - target), rel=1e-5)
    assert mean_by_p(lambda z: 2 * (z - target)) - (1 - 2 * target) == pytest.approx(2 * p - 1, rel=1e-4)


@pytest.mark.parametrize("name", ["gaussian", "gaussian_reinforce"])
def test_gaussian_estimators_have_the_right_mean_for_squares(name):
    """l = z^2: E = m^2 + s^2, by Gauss-Hermite quadrature, exact for these polynomials."""
    model = a_model(name, latents=1)
    nodes, weights = np.polynomial.hermite_e.hermegauss(8)
    outputs = tf.repeat(tf.constant([[0.6, -0.4]]), 8, 0)
    eps = tf.constant(nodes[:, None], tf.float32)
    code = model.latent.code(outputs, eps, 1.0)
    gradient = model.latent.gradient(outputs, Evaluated(code, eps, code[:, 0] ** 2, 2 * code, 1.0))
    mean = (weights / weights.sum()) @ gradient.numpy()
    scale = float(tf.math.softplus(-0.4))
    np.testing.assert_allclose(mean, [1.2, 2 * scale * float(tf.sigmoid(-0.4))], rtol=1e-4)


def test_relaxed_codes_lie_inside_and_round_to_one_with_probability_p():
    """20,000 draws an image; false alarm below 1e-5 at 4.5 standard errors, 6 of them."""
    model = a_model("gumbel_softmax", latents=1)
    for logit in (-1.5, 0.2, 1.0):
        logits = tf.fill((20_000, 1), logit)
        u = model.latent.noise(logits.shape, SEED)
        for temperature in (1.0, 0.5):
            y = model.latent.code(logits, u, temperature).numpy()
            assert y.min() > 0 and y.max() <= 1, "float32 rounds what is nearest to 1"
            assert ((y > 0.01) & (y < 0.99)).mean() > 0.5
            p = float(tf.sigmoid(logit))
            assert abs((y > 0.5).mean() - p) < 4.5 * np.sqrt(p * (1 - p) / 20_000)


def test_hard_codes_are_binary_and_historical_ones_are_not():
    outputs = tf.constant(np.random.default_rng(0).normal(0, 2, (200, 3)), tf.float32)
    corrected, historical = (
        a_model("gumbel_softmax_hard", **{"model.hard_rule": rule}) for rule in ("corrected", "historical")
    )
    u = corrected.latent.noise(outputs.shape, SEED)
    assert set(np.unique(corrected.latent.code(outputs, u, 0.7))) == {0.0, 1.0}
    wrong = historical.latent.code(outputs, u, 0.7).numpy()
    assert ((wrong <= 0.25) | (wrong > 1.25)).all() and wrong.max() > 1.9


def test_the_temperature_falls_in_steps_of_a_thousand():
    model = a_model("gumbel_softmax")
    for step, value in (
        (0, 1.0),
        (999, 1.0),
        (1000, np.exp(-0.03)),
        (1999, np.exp(-0.03)),
        (23_000, np.exp(-0.69)),
        (24_000, 0.5),
        (90_000, 0.5),
    ):
        model.steps.assign(step)
        assert float(model.temperature(training=True)) == pytest.approx(value, rel=1e-6)
    assert model.temperature(training=False) == 0.5
    assert a_model("gumbel_softmax", **{"model.temperature": 0.8}).temperature(training=False) == 0.8


def test_clipped_probabilities_stay_off_0_and_1():
    logits = tf.constant([[-40.0, 0.0, 40.0]])
    for clip, extremes in ((True, (1e-7, 1 - 1e-7)), (False, (0.0, 1.0))):
        model = a_model("reinforce", **{"model.clip_probs": clip})
        found = model.latent.probabilities(logits).numpy()[0]
        np.testing.assert_allclose(found, [extremes[0], 0.5, extremes[1]], rtol=1e-6, atol=1e-16)
        at = Evaluated(tf.constant([[0.0, 1.0, 1.0]]), None, tf.constant([2.0]), None, 1.0)
        np.testing.assert_allclose(
            HardLatents.gradient(model.latent, logits, at).numpy()[0], 2 * (np.array([0, 1, 1]) - found), atol=1e-16
        )
