"""Oracles of docs/papers/igr.md, sections 7.1 to 7.3 and 7.11: softmax++, stick-breaking and planar flows, their
inverses and log-determinants.
"""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, logit

from igr_suite.errors import UserError
from igr_suite.relaxations import (
    Planar,
    PlanarFlow,
    SoftmaxPlusPlus,
    StickBreaking,
    StickBreakingLogRatios,
    initial_planar_flow,
    log_softmax_plus_plus,
)
from igr_suite.relaxations.planar_flow import invertible_u
from igr_suite.relaxations.stick_breaking import log_remainders, log_stick_lengths

RNG = np.random.default_rng(1)
POINTS = tf.constant(RNG.normal(size=(7, 4)))


def random_flow(scale=1.0):
    return PlanarFlow(*(tf.constant(scale * RNG.normal(size=shape)) for shape in ((2, 1, 4), (2, 1, 4), (2, 1))))


BIJECTORS = {
    "softmax++": SoftmaxPlusPlus(0.8),
    "stick_breaking": StickBreaking(),
    "stick_breaking_log_ratios": StickBreakingLogRatios(),
    "planar": Planar(random_flow()),
    "planar_strong": Planar(random_flow(3.0)),
}


@pytest.mark.parametrize("bijector", BIJECTORS.values(), ids=BIJECTORS)
def test_log_det_is_that_of_the_jacobian(bijector):
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(POINTS)
        image = bijector.forward(POINTS)[..., :4]  # the free coordinates of a simplex point
    _, expected = np.linalg.slogdet(tape.batch_jacobian(image, POINTS, experimental_use_pfor=False))
    np.testing.assert_allclose(bijector.forward_log_det_jacobian(POINTS, event_ndims=1), expected, atol=1e-12)


@pytest.mark.parametrize("bijector", BIJECTORS.values(), ids=BIJECTORS)
def test_inverse_undoes_forward(bijector):
    image = tf.identity(bijector.forward(POINTS))  # identity: past TFP's cache
    np.testing.assert_allclose(bijector.inverse(image), POINTS, atol=1e-10)
    expected = -bijector.forward_log_det_jacobian(POINTS, event_ndims=1)
    np.testing.assert_allclose(
        bijector.inverse_log_det_jacobian(tf.identity(image), event_ndims=1), expected, atol=1e-9
    )


def test_tempered_softmax_plus_plus_log_det():
    """-(K-1) log tau + sum of all K log psi, at K=5, tau=.37, delta=.8."""
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(POINTS)
        sample = SoftmaxPlusPlus(0.8).forward(POINTS / 0.37)
    _, expected = np.linalg.slogdet(tape.batch_jacobian(sample, POINTS, experimental_use_pfor=False)[:, :4])
    ours = -4 * np.log(0.37) + np.sum(np.log(sample), axis=-1)
    np.testing.assert_allclose(ours, expected, atol=1e-12)


def test_softmax_plus_plus_is_a_softmax_with_log_delta_appended():
    scores = POINTS.numpy()
    sample = SoftmaxPlusPlus(0.8).forward(POINTS).numpy()
    unnormalised = np.concatenate([np.exp(scores), np.full((7, 1), 0.8)], axis=-1)
    np.testing.assert_allclose(sample, unnormalised / unnormalised.sum(-1, keepdims=True), rtol=1e-13)
    np.testing.assert_allclose(SoftmaxPlusPlus(1.0).forward(tf.zeros([4])), np.full(5, 0.2), rtol=1e-6)


@pytest.mark.parametrize("extreme", [1e4, -1e4])
def test_softmax_plus_plus_is_finite_at_extremes(extreme):
    scores = tf.constant([extreme, 0.0, -extreme], tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(scores)
        sample, log_sample = SoftmaxPlusPlus(0.1).forward(scores), log_softmax_plus_plus(scores, 0.1)
        total = tf.reduce_sum(log_sample) + tf.reduce_sum(sample)
    assert np.all(np.isfinite(log_sample)) and np.all(np.isfinite(tape.gradient(total, scores)))
    np.testing.assert_allclose(np.sum(sample), 1.0, rtol=1e-6)


def test_delta_must_be_positive():
    with pytest.raises(UserError, match="delta must be positive, got 0"):
        SoftmaxPlusPlus(0.0)


@pytest.mark.parametrize(
    ("sticks", "pieces", "remainder"),
    [
        ((0.1, 2 / 9, 3 / 7, 0.75), (0.1, 0.2, 0.3, 0.3), 0.1),
        ((0.3, 0.4, 0.5, 0.6), (0.3, 0.28, 0.21, 0.126), 0.084),
        ((0.3, 2 / 7, 0.2, 0.5), (0.3, 0.2, 0.1, 0.2), 0.2),
        ((0.5,) * 6, tuple(2.0**-k for k in range(1, 7)), 2.0**-6),
    ],
)
def test_stick_breaking_pieces(sticks, pieces, remainder):
    y = tf.constant(logit(sticks))
    np.testing.assert_allclose(StickBreaking().forward(y), pieces, rtol=1e-13)
    np.testing.assert_allclose(np.exp(log_remainders(y)[-1]), remainder, rtol=1e-13)
    ratios = StickBreakingLogRatios().forward(y)
    np.testing.assert_allclose(tf.nn.softmax(tf.concat([ratios, [0.0]], 0)), (*pieces, remainder), rtol=1e-12)


def test_stick_breaking_equals_the_matrix_and_the_iterative_product():
    s = expit(POINTS.numpy())
    iterative, left = np.zeros_like(s), np.ones(7)
    for k in range(4):
        iterative[:, k], left = s[:, k] * left, left * (1 - s[:, k])
    before = np.tril(np.ones((4, 4)), -1)
    matrix = s * np.prod(np.where(before == 1, 1 - s[:, np.newaxis, :], 1.0), axis=-1)
    ours = StickBreaking().forward(POINTS)
    np.testing.assert_allclose(ours, iterative, rtol=1e-13)
    np.testing.assert_allclose(ours, matrix, rtol=1e-13)


def test_stick_breaking_gradients_are_finite_in_float32():
    y = tf.constant([[100.0, -100.0, 100.0, 0.0], [-100.0] * 4, [100.0] * 4, [0.0] * 4])
    with tf.GradientTape() as tape:
        tape.watch(y)
        pieces = StickBreaking().forward(y)
        total = (
            tf.reduce_sum(pieces)
            + tf.reduce_sum(log_stick_lengths(y))
            + tf.reduce_sum(StickBreakingLogRatios().forward(y))
        )
        total += tf.reduce_sum(StickBreaking().forward_log_det_jacobian(y, event_ndims=1))
    assert np.all(np.isfinite(total)) and np.all(np.isfinite(tape.gradient(total, y)))


W, U, B, Z = (tf.constant(x, tf.float64) for x in ([[0.5, -1.0, 2.0]], [[1.0, 0.3, -0.7]], [0.2], [[0.1, -0.4, 0.9]]))


@pytest.mark.parametrize(
    ("norm", "u_hat", "image", "log_det"),
    [
        ("squared", (1.044122, 0.211756, -0.523511), (1.128687, -0.191375, 0.384228), -0.0218581),
        ("historical", (1.101097, 0.097807, -0.295614), (1.184819, -0.303639, 0.608756), -0.0040725),
    ],
)
def test_planar_layer_oracle(norm, u_hat, image, log_det):
    np.testing.assert_allclose(invertible_u(W, U, norm)[0], u_hat, atol=6e-7)
    layer = Planar(PlanarFlow(W[tf.newaxis], U[tf.newaxis], B[tf.newaxis]), norm)
    np.testing.assert_allclose(layer.forward(Z)[0], image, atol=6e-7)
    np.testing.assert_allclose(layer.forward_log_det_jacobian(Z, event_ndims=1)[0], log_det, atol=6e-8)


def test_planar_weights_that_are_and_are_not_the_identity():
    w_over_norm = W / tf.reduce_sum(W**2)
    np.testing.assert_allclose(invertible_u(W, tf.zeros_like(W)), -0.3068528194 * w_over_norm, atol=1e-9)
    np.testing.assert_allclose(invertible_u(W, 0.541325 * w_over_norm), np.zeros((1, 3)), atol=1e-6)


def test_planar_layers_are_invertible_for_any_weights():
    w, u = tf.constant(RNG.normal(size=(100_000, 3)) * 0.1), tf.constant(RNG.normal(size=(100_000, 3)) * 3)
    product = tf.reduce_sum(w * invertible_u(w, u), axis=-1).numpy()
    assert product.min() > -1.0
    single = tf.map_fn(
        lambda wu: tf.reduce_sum(wu[0] * invertible_u(wu[0:1], wu[1:2], "historical")), tf.stack([w, u], 1)[:500]
    )
    assert np.mean(single.numpy() < -1.0) > 0.001  # the historical norm does lose the guarantee


def test_planar_inverse_has_the_gradient_of_the_inverse_function():
    bijector = BIJECTORS["planar"]
    image = tf.identity(bijector.forward(POINTS))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(image)
        back = bijector._inverse(image)
    _, log_det = np.linalg.slogdet(tape.batch_jacobian(back, image, experimental_use_pfor=False))
    np.testing.assert_allclose(log_det, -bijector.forward_log_det_jacobian(POINTS, event_ndims=1), atol=1e-9)


def test_unknown_norm_names_the_nearest():
    with pytest.raises(UserError, match="did you mean 'historical'"):
        Planar(random_flow(), norm="historic")


def test_initial_flow_shapes_and_seed():
    flow = initial_planar_flow(categories=5, variables=300, seed=[1, 2])
    assert [tuple(x.shape) for x in flow] == [(2, 300, 4), (2, 300, 4), (2, 300)]
    assert abs(np.std(flow.w) - 0.05) < 0.004 and not np.allclose(flow.w, flow.u)  # 2400 normals: 4 s.e. = .0029
    np.testing.assert_array_equal(flow.w, initial_planar_flow(5, 300, [1, 2]).w)
