"""Stochastic DNI: what its regression sees, learns and moves."""

import numpy as np
import pytest
import tensorflow as tf
from half_mnist_problems import SEED, a_model, enumerated, rows_of, some_images, true_gradient

from igr_suite.families.half_mnist.config import SyntheticGradientConfig
from igr_suite.families.half_mnist.rows import further
from igr_suite.families.half_mnist.synthetic import SyntheticGradient
from igr_suite.randomness import at_step

BATCH = 4


def values(variables) -> list[np.ndarray]:
    return [v.numpy().copy() for v in variables]


def same(before, after) -> list[bool]:
    return [bool(np.array_equal(a, b)) for a, b in zip(before, values(after))]


@pytest.mark.parametrize("kind", ["lin", "deep", "lin_deep", "custom"])
def test_the_first_step_moves_all_but_the_encoder(kind):
    model = a_model("sdni", **{"sg.kind": kind, **({} if kind == "lin" else {"sg.width": 8})})
    groups = {
        "encoder": model.encoder,
        "decoder": model.decoder,
        "baseline": model.baseline,
        "synthetic": model.synthetic.net,
    }
    before = {name: values(net.trainable_variables) for name, net in groups.items()}
    model.train_step(some_images(BATCH), SEED)
    assert all(same(before["encoder"], model.encoder.trainable_variables))
    for name in ("decoder", "baseline"):
        assert not any(same(before[name], groups[name].trainable_variables)), name
    assert not all(same(before["synthetic"], model.synthetic.net.trainable_variables))
    moved = values(model.encoder.trainable_variables)
    model.train_step(some_images(BATCH), at_step(SEED, tf.constant(1)))
    assert not all(same(moved, model.encoder.trainable_variables)), "the second step has a synthetic gradient"


@pytest.mark.parametrize("samples", [1, 3])
def test_a_perfect_prediction_of_the_target_is_reinforce(samples):
    """Three steps end with the same weights."""
    common = {"model.samples": samples, "model.baseline": "cmr"}
    sdni, reinforce = a_model("sdni", **common, **{"sg.kind": "lin"}), a_model("reinforce", **common)
    regress = sdni.synthetic.regress
    sdni.synthetic.regress = lambda given, targets: (targets, *regress(given, targets)[1:])
    for i in range(3):
        for model in (sdni, reinforce):
            model.train_step(some_images(BATCH, i), at_step(SEED, tf.constant(i)))
    for ours, theirs in zip(
        sdni.encoder.variables + sdni.decoder.variables, reinforce.encoder.variables + reinforce.decoder.variables
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-8)


def test_the_enumerated_gradient_gives_exact_training():
    """Applied to an encoder below a decoder without normalisation it is d E[C] / d weights, by automatic
    differentiation of the sum."""
    model, images = a_model("sdni", uncoupled=True, **{"sg.kind": "lin"}), some_images(BATCH)
    rows = rows_of(model, images)
    found = [enumerated(model, type(rows)(*(value[n : n + 1] for value in rows))) for n in range(BATCH)]
    exact = tf.constant(np.concatenate([true_gradient(one) for one in found]), tf.float32)
    regress = model.synthetic.regress
    model.synthetic.regress = lambda given, targets: (exact, *regress(given, targets)[1:])
    weights = [v.value for v in model.encoder.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch(weights)
        logits = model.encoder(rows.upper, training=True)
        codes = tf.constant(found[0]["codes"], tf.float32)
        log_q = tf.reduce_sum(codes * logits - tf.math.softplus(logits), -1)  # [8, B]
        losses = tf.constant(np.concatenate([one["losses"] for one in found], axis=1), tf.float32)
        expected = tf.reduce_mean(tf.reduce_sum(tf.exp(log_q) * losses, 0))
    for ours, theirs in zip(model.gradients(images, SEED)[1]["encoder"], tape.gradient(expected, weights)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize(
    ("mask", "width"),
    [("1111100", 784 + 150), ("1110000", 784 + 50), ("0000010", 1), ("0000001", 50), ("1111111", 784 + 200 + 1)],
)
def test_the_input_width_of_a_mask(mask, width):
    config = SyntheticGradientConfig(kind="lin", inputs=mask)
    assert config.input_size(50) == width
    assert SyntheticGradient(config, 50, 10, 0).net.layers[0].kernel.shape == (width, 50)


def test_inputs_stand_in_the_order_of_the_mask():
    model = a_model("sdni", **{"sg.inputs": "1111111", "sg.kind": "lin", "sg.scale": "batch"})
    rows = rows_of(model, some_images(BATCH))
    rows = rows._replace(baseline=tf.constant([1.0, 2.0, 3.0, 4.0]))
    at, p = model.evaluate_codes(rows, SEED), tf.sigmoid(rows.outputs)
    wanted = [rows.upper, rows.lower, p, at.slope / BATCH, at.code, rows.baseline[:, None], 1 - p]
    given = model.given(rows, at, BATCH)
    np.testing.assert_allclose(given, tf.concat(wanted, -1), rtol=1e-6)
    model.synthetic.config = SyntheticGradientConfig(kind="lin", inputs="0101000", scale="batch")
    np.testing.assert_allclose(model.given(rows, at, BATCH), tf.concat([rows.lower, at.slope / BATCH], -1), rtol=1e-6)


def test_no_gradient_of_the_regression_reaches_the_networks():
    model = a_model("sdni", **{"sg.kind": "lin", "sg.inputs": "1111111"})
    with tf.GradientTape(persistent=True) as tape:
        scalars, _, _ = model.gradients(some_images(BATCH), SEED)
    for network in (model.encoder, model.decoder, model.baseline):
        assert tape.gradient(scalars["sg_loss"], [v.value for v in network.trainable_variables]) == [None] * len(
            network.trainable_variables
        )


def test_a_target_that_is_no_number_skips_only_the_regression():
    model = a_model("sdni", **{"sg.kind": "lin"})
    regress = model.synthetic.regress
    model.synthetic.regress = lambda given, targets: regress(given, targets + np.float32("nan"))
    predicted, _, (_, finite) = model.synthetic.regress(
        tf.zeros((BATCH, model.config.sg.input_size(3))), tf.zeros((BATCH, 3))
    )
    assert not bool(finite)
    before, decoder = values(model.synthetic.state_variables()), values(model.decoder.trainable_variables)
    model.synthetic.regress = lambda given, targets: (predicted, *regress(given, targets + np.float32("nan"))[1:])
    model.train_step(some_images(BATCH), SEED)
    assert all(same(before, model.synthetic.state_variables()))
    assert not any(same(decoder, model.decoder.trainable_variables))


def test_a_regression_that_sees_no_code_approaches_the_expected_gradient():
    """Four images, decoder without normalisation; 1,500 steps. Its own one-sample targets have a cosine of about 0.2
    with it."""
    model = a_model(
        "sdni",
        uncoupled=True,
        **{"sg.kind": "lin", "sg.inputs": "1110000", "sg.optimiser": "adam", "sg.learning_rate": 0.001},
    )
    rows = rows_of(model, some_images(BATCH))
    exact = np.concatenate(
        [true_gradient(enumerated(model, type(rows)(*(v[n : n + 1] for v in rows)))) for n in range(BATCH)]
    )
    mean_loss = tf.reduce_mean(model.evaluate_codes(rows, SEED).advantage)
    rows = rows._replace(baseline=tf.fill((BATCH,), mean_loss))

    @tf.function(autograph=False)
    def fit(begin, count):
        def body(i, total):
            at = model.evaluate_codes(rows, at_step(SEED, i))
            targets = model.target_rows(rows.outputs, at)
            predicted, _, own = model.synthetic.regress(model.given(rows, at, BATCH), targets)
            model.synthetic.step(own, i)
            return i + 1, total + predicted

        return tf.while_loop(
            lambda i, _: i < begin + count, body, (begin, tf.zeros((BATCH, 3))), parallel_iterations=1
        )[1] / tf.cast(count, tf.float32)

    fit(tf.constant(0), tf.constant(1000))
    late = fit(tf.constant(1000), tf.constant(500)).numpy()
    cosine = (late * exact).sum() / np.linalg.norm(late) / np.linalg.norm(exact)
    assert cosine > 0.95, cosine
    assert np.linalg.norm(late - exact) < 0.4 * np.linalg.norm(exact)


def test_scales_change_the_regression_not_what_is_applied():
    """A constant regression in the units of its scale gives the same encoder gradient."""
    images, found = some_images(BATCH), []
    for scale, factor in (("batch", 1 / BATCH), ("example", 1.0), ("image", 392.0)):
        model = a_model("sdni", **{"sg.kind": "lin", "sg.scale": scale, "sg.inputs": "1110000"})
        model.synthetic.net.layers[0].bias.assign(np.array([1.0, -2.0, 0.5]) * factor)
        scalars, gradients, _ = model.gradients(images, SEED)
        found.append((gradients["encoder"], float(scalars["target_square"]) / factor**2))
    for gradients, square in found[1:]:
        assert square == pytest.approx(found[0][1], rel=1e-5)
        for one, other in zip(gradients, found[0][0]):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-7)


def test_max_grad_fixes_the_mean_square_of_the_target():
    scalars = {
        m: a_model("sdni", **{"sg.kind": "lin", "sg.max_grad": m}).gradients(some_images(BATCH), SEED)[0]
        for m in (0.0, 2.0)
    }
    assert float(scalars[2.0]["target_square"]) == pytest.approx(2.0, rel=1e-5)
    assert float(scalars[0.0]["target_square"]) != pytest.approx(2.0, rel=0.1)


def test_a_straight_through_target_is_that_estimators_gradient():
    settings = {"sg.kind": "lin", "sg.target": "straight_through", "model.baseline": "off"}
    model, other = a_model("sdni", **settings), a_model("straight_through")
    regress = model.synthetic.regress
    model.synthetic.regress = lambda given, targets: (targets, *regress(given, targets)[1:])
    ours, theirs = (m.gradients(some_images(BATCH), SEED)[1]["encoder"] for m in (model, other))
    for one, another in zip(ours, theirs):
        np.testing.assert_allclose(one, another, rtol=1e-5, atol=1e-9)


def test_the_exponential_reward_replaces_loss_and_baseline():
    """t = -(exp(-l / T) - b)(z - p), b trained towards exp(-l / T)."""
    model = a_model("sdni", **{"sg.kind": "lin", "sg.reward_temperature": 0.5})
    rows = rows_of(model, some_images(BATCH))
    at = model.evaluate_codes(rows._replace(baseline=tf.zeros(BATCH)), SEED)
    b = model.baseline(tf.concat([rows.upper, rows.lower], -1))[:, 0]
    losses = model.losses(at.code, rows.lower)
    reward = tf.exp(-losses / 0.5)
    np.testing.assert_allclose(
        at.advantage - model.baseline_of(rows.upper, rows.lower, losses), -(reward - b), rtol=1e-5
    )
    _, gradients = model._baseline(rows.upper, rows.lower, model.rewards(losses))
    with tf.GradientTape() as tape:
        values = model.baseline(tf.concat([rows.upper, rows.lower], -1))[:, 0]
        regression = tf.reduce_mean((reward - values) ** 2)
    for ours, theirs in zip(
        gradients, tape.gradient(regression, [v.value for v in model.baseline.trainable_variables])
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-7)


def test_updates_follow_their_periods():
    decay = SyntheticGradient(SyntheticGradientConfig(kind="lin", update_style="decay"), 3, 10, 0)
    for step, due in (
        (1999, True),
        (2001, False),
        (2002, True),
        (5002, False),
        (5005, True),
        (10_010, True),
        (20_010, False),
        (30_050, False),
        (30_100, True),
    ):
        assert bool(decay.due(tf.constant(step))) is due, step
    model = a_model("sdni", **{"sg.kind": "lin", "sg.update_every": 2, "optimiser.update_every": 3})
    moved = []
    for i in range(6):
        before = values([model.decoder.trainable_variables[0], model.synthetic.net.trainable_variables[0]])
        model.train_step(some_images(BATCH), at_step(SEED, tf.constant(i)))
        moved.append(
            [
                not s
                for s in same(
                    before, [model.decoder.trainable_variables[0], model.synthetic.net.trainable_variables[0]]
                )
            ]
        )
    assert moved == [[i % 3 == 0, i % 2 == 0] for i in range(6)]
    assert int(model.optimiser.iterations) == 2 and int(model.synthetic.optimiser.iterations) == 3


def test_beside_the_encoder_the_target_is_one_sample_and_the_encoder_follows_all():
    common = {"model.samples": 3, "model.baseline": "cmr"}
    beside, reinforce = (
        a_model("sdni", **common, **{"sg.kind": "lin", "sg.applied": False}),
        a_model("reinforce", **common),
    )
    seen = []
    regress = beside.synthetic.regress
    beside.synthetic.regress = lambda given, targets: (seen.append((given.shape, targets)), regress(given, targets))[1]
    ours, theirs = (m.gradients(some_images(BATCH), SEED)[1]["encoder"] for m in (beside, reinforce))
    for one, another in zip(ours, theirs):
        np.testing.assert_allclose(one, another, rtol=1e-6, atol=1e-9)
    assert seen[0][0] == (BATCH, beside.config.sg.input_size(3)) and seen[0][1].shape == (BATCH, 3)


def test_averaging_takes_fresh_codes_and_leaves_the_decoders_averages_to_the_first_pass():
    one, many = (a_model("sdni", **{"sg.kind": "lin", "sg.average_samples": k}) for k in (1, 5))
    seen = []
    regress = many.synthetic.regress
    many.synthetic.regress = lambda given, targets: (seen.append(given), regress(given, targets))[1]
    for model in (one, many):
        model.train_step(some_images(BATCH), SEED)
    assert seen[0].shape == (BATCH * 5, many.config.sg.input_size(3))
    for ours, theirs in zip(many.decoder.non_trainable_variables, one.decoder.non_trainable_variables):
        np.testing.assert_array_equal(ours, theirs)
    assert not all(same(values(a_model("sdni").decoder.non_trainable_variables), many.decoder.non_trainable_variables))


def test_further_seeds_meet_no_other_of_the_run():
    """For 60 steps, each with its own draw and 60 further ones."""
    steps = [at_step(SEED, tf.constant(t)) for t in range(60)]
    seeds = [tuple(s.numpy()) for step in steps for s in (step, *(further(step, i) for i in range(60)))]
    assert len(set(seeds)) == len(seeds) == 60 * 61
