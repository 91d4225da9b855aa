"""Coefficients: the numbers of docs/papers/dreg.md, section 6.3, identities that hold for every draw, extreme weights,
shifts and permutations.
"""

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.estimators.formulas import log_mean_exp, log_other_weight
from igr_suite.estimators.tvo import path_points, rule_weights
from igr_suite.objectives.base import effective_sample_size
from igr_suite.objectives.control_variate import SCALARS, ControlVariateDReG
from igr_suite.objectives.names import NAMES, minimum_samples
from igr_suite.objectives.registry import build

POINT = tf.constant([[0.0], [1.0], [-1.0], [0.5]], tf.float64)
WEIGHTS = [0.17437149, 0.47399085, 0.06414769, 0.28748998]


def column(tensor):
    return tensor.numpy()[:, 0]


def near(expected):
    return pytest.approx(expected, abs=1e-8)


def test_weights_and_bound():
    assert column(build("iwae").coefficients(POINT).path) == near(WEIGHTS)
    assert log_mean_exp(POINT).numpy() == near([0.36027291])
    assert effective_sample_size(POINT).numpy() == near([2.92536100])
    square = np.square(WEIGHTS)
    assert column(build("dreg").coefficients(POINT).path) == near(square)
    assert column(build("rws-dreg").coefficients(POINT).path) == near(WEIGHTS - square)
    assert column(build("rws").coefficients(POINT).score) == near(WEIGHTS)
    assert build("rws").coefficients(POINT).path is None
    assert column(build("iwae").coefficients(POINT).score) == near(np.negative(WEIGHTS))


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("dreg-norm", {}, [0.08894682, 0.65723302, 0.01203764, 0.24178252]),
        ("rws-dreg-norm", {}, [0.21873962, 0.37881795, 0.09121276, 0.31122967]),
        ("dreg-alpha", {"alpha": 0.9}, [0.13261001, 0.24685790, 0.05444098, 0.19262059]),
        ("jk", {}, [0.12557258, 0.58659963, 0.03933239, 0.24849540]),
        ("jk-dreg", {}, [-0.03175342, 0.12717783, -0.00530103, -0.05514851]),
        ("jk-dreg", {"form": "closed"}, [-0.03175342, 0.12717783, -0.00530103, -0.05514851]),
        ("jk", {"order": 2}, [0.13841203, 0.60860717, 0.05159638, 0.20138443]),
        ("jk-dreg", {"order": 2}, [0.03288910, 0.04876613, 0.00757650, -0.09657396]),
        ("miwae", {"groups": 2}, [0.13447071, 0.36552929, 0.09121276, 0.40878724]),
    ],
)
def test_path_coefficients(name, options, expected):
    assert column(build(name, **options).coefficients(POINT).path) == near(expected)


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("jk", {}, 0.42670613),
        ("jk", {"form": "closed"}, 0.42670613),
        ("jk-dreg", {"order": 2}, 0.42040527),
        ("miwae", {"groups": 2}, 0.31419030),
    ],
)
def test_values(name, options, expected):
    assert build(name, **options).value(POINT).numpy() == near([expected])


def options_for(name):
    """Small options, so that six samples do for all."""
    return {"groups": 2} if name.split("-")[0] in ("miwae", "piwae") else {"auxiliary": 2} if name == "ovis-mc" else {}


def draws(samples=6, batch=5, spread=3.0, dtype=np.float64):
    return tf.constant(np.random.default_rng(0).normal(size=(samples, batch)) * spread, dtype)


@pytest.mark.parametrize("name", NAMES)
def test_coefficients_ignore_a_shift_and_follow_a_permutation(name):
    """Shifts are exact for every objective; groups and auxiliary samples are permuted within themselves."""
    objective, lw = build(name, **options_for(name)), draws()
    order = [1, 0, 2, 4, 3, 5] if "groups" in objective.options else [2, 3, 0, 1, 4, 5]
    weights, shifted = objective.coefficients(lw), objective.coefficients(lw + 700.0)
    moved = objective.coefficients(tf.gather(lw, order))
    for plain, other, permuted in zip(weights, shifted, moved):
        if plain is not None and name != "dreg-cv":
            np.testing.assert_allclose(other, plain, rtol=1e-9, atol=1e-11)
        if plain is not None:
            np.testing.assert_allclose(permuted, tf.gather(plain, order), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(objective.value(lw + 700.0), objective.value(lw) + 700.0, rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_ratio_times_generative_is_the_path(name):
    weights = build(name, **options_for(name)).coefficients(draws())
    if weights.ratio is not None:
        np.testing.assert_allclose(weights.ratio * weights.generative, weights.path, rtol=1e-12)
        assert np.max(np.abs(weights.ratio)) <= 1.0 / np.min(np.sum(np.square(weights.generative), 0)) + 1e-9, (
            "bounded by the sample size"
        )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("spread", [40.0, 4000.0])
def test_one_dominant_weight_is_no_trouble_in_float32(name, spread):
    """Log-weights hundreds of nats apart: everything finite, and near what float64 gives."""
    objective = build(name, **options_for(name))
    single, double = (objective.coefficients(draws(spread=spread, dtype=dtype)) for dtype in (np.float32, np.float64))
    for low, high in zip(single, double):
        if low is not None:
            assert np.all(np.isfinite(low)), name
            np.testing.assert_allclose(low, high, rtol=2e-3, atol=2e-6 * spread)


@pytest.mark.parametrize("name", ["jk", "jk-dreg"])
def test_closed_form_of_the_jackknife_is_the_masked_one(name):
    """Also with ties, two samples, and one weight that is nearly all."""
    cases = [
        draws(),
        draws(2, 7),
        draws(64, 3),
        draws(spread=40.0),
        tf.zeros([5, 2], tf.float64),
        tf.constant([[3.0], [3.0], [-50.0]], tf.float64),
    ]
    for lw in cases:
        masked, closed = build(name), build(name, form="closed")
        np.testing.assert_allclose(closed.value(lw), masked.value(lw), rtol=1e-11, atol=1e-12)
        for one, other in zip(masked.coefficients(lw), closed.coefficients(lw)):
            if one is not None:
                np.testing.assert_allclose(other, one, rtol=1e-9, atol=1e-12)


def test_jackknife_of_order_zero_is_iwae_and_every_order_sums_to_one():
    lw = draws()
    np.testing.assert_allclose(
        build("jk", order=0).coefficients(lw).path, build("iwae").coefficients(lw).path, rtol=1e-12
    )
    np.testing.assert_allclose(
        build("jk-dreg", order=0).coefficients(lw).path, build("dreg").coefficients(lw).path, rtol=1e-12
    )
    for order in range(5):
        np.testing.assert_allclose(
            tf.reduce_sum(build("jk", order=order).coefficients(lw).path, 0), np.ones(5), rtol=1e-8
        )


def test_jackknife_removes_the_leading_terms_of_the_bias():
    """A delta-method fact: for S(K) = c0 + c1/K + c2/K^2 + c3/K^3 the weights C_j of order m leave an error without the
    first m terms."""
    from igr_suite.objectives.jackknife import order_weights

    for order in (1, 2, 3):
        weights = order_weights(10, order)
        assert sum(weights) == pytest.approx(1.0, abs=1e-9)
        for power in range(1, order + 1):
            assert sum(c / (10 - j) ** power for j, c in enumerate(weights)) == pytest.approx(0.0, abs=1e-9)
        assert abs(sum(c / (10 - j) ** (order + 1) for j, c in enumerate(weights))) > 1e-6


def test_identities_of_coefficients():
    """iwae = stl - rws; stl = dreg + rws-dreg; dreg-alpha at 0, 1 and 1/2; groups and mixtures at their ends."""
    lw = draws()
    found = {name: build(name).coefficients(lw) for name in ("iwae", "stl", "dreg", "rws", "rws-dreg")}
    np.testing.assert_allclose(found["stl"].path, found["dreg"].path + found["rws-dreg"].path, rtol=1e-12)
    np.testing.assert_allclose(found["iwae"].score, -found["rws"].score, rtol=1e-12)
    for alpha, other, factor in ((0.0, "dreg", 1.0), (1.0, "rws-dreg", 1.0), (0.5, "stl", 0.5)):
        np.testing.assert_allclose(
            build("dreg-alpha", alpha=alpha).coefficients(lw).path, factor * found[other].path, rtol=1e-12
        )
    for one, other in (
        (build("miwae", groups=1), "iwae"),
        (build("miwae-dreg", groups=1), "dreg"),
        (build("ciwae", beta=0.0), "iwae"),
    ):
        np.testing.assert_allclose(one.coefficients(lw).path, found[other].path, rtol=1e-12)
    for name in ("stl", "dreg", "rws", "rws-dreg", "piwae"):
        generative = build(name, **options_for(name)).coefficients(lw).generative
        np.testing.assert_allclose(generative, found["iwae"].generative, rtol=1e-12)


def test_one_sample():
    """dreg = stl, rws-dreg = 0 exactly while rws = score, iwae = stl - score."""
    lw = draws(1)
    found = {name: build(name).coefficients(lw) for name in NAMES if minimum_samples(name) == 1}
    total = {"iwae", "stl", "dreg", "dreg-norm", "ciwae", "ciwae-dreg", "vr-iwae", "vr-iwae-dreg", "tvo-dreg"}
    assert set(found) == total | {"rws", "rws-dreg", "dreg-alpha"}
    for name in total:
        np.testing.assert_allclose(found[name].path, np.ones([1, 5]), rtol=1e-14)
    np.testing.assert_array_equal(found["rws-dreg"].path, np.zeros([1, 5]))
    np.testing.assert_array_equal(found["rws"].score, np.ones([1, 5]))
    np.testing.assert_array_equal(found["iwae"].score, -np.ones([1, 5]))


def test_control_variate_at_its_corners():
    """beta = 1 alone is DReG; all zero is IWAE and a score of coefficient 1/K."""
    lw = draws()
    dreg, iwae = build("dreg").coefficients(lw), build("iwae").coefficients(lw)
    corner = ControlVariateDReG(beta=1.0).coefficients(lw)
    np.testing.assert_allclose(corner.path, dreg.path, rtol=1e-12)
    np.testing.assert_allclose(corner.score, np.zeros([6, 5]), atol=1e-14)
    start = build("dreg-cv").coefficients(lw)
    np.testing.assert_allclose(start.path, iwae.path, rtol=1e-12)
    np.testing.assert_allclose(start.score, iwae.score + 1.0 / 6.0, rtol=1e-12)


def test_directions_are_derivatives_of_the_coefficients():
    lw, at = draws(), {"alpha": 0.4, "beta": 0.7, "gamma": -0.3, "delta": 0.2}
    h = 1e-6
    for scalar, direction in zip(SCALARS, ControlVariateDReG(**at).directions()):
        above, below = (ControlVariateDReG(**at | {scalar: at[scalar] + step}).coefficients(lw) for step in (h, -h))
        found = direction.coefficients(lw)
        for kind in ("path", "score"):
            expected = (getattr(above, kind) - getattr(below, kind)) / (2 * h)
            ours = getattr(found, kind)
            np.testing.assert_allclose(np.zeros([6, 5]) if ours is None else ours, expected, rtol=1e-6, atol=1e-8)


def test_complements_of_weights_do_not_cancel():
    """1 - w for w = 1 - 2e-30, which float32 cannot hold, and the other weights' complements."""
    lw = tf.constant([[0.0], [-69.0], [-69.0]], tf.float32)
    expected = [np.log(2.0) - 69.0, -np.exp(-69.0), -np.exp(-69.0)]
    assert column(log_other_weight(lw)) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_thermodynamic_nodes():
    points = path_points(5, 0.02)
    np.testing.assert_allclose(points[[0, 1, -1]], [0.0, 0.02, 1.0])
    np.testing.assert_allclose(np.diff(np.log(points[1:])), np.log(50.0) / 4)
    for rule in ("left", "right", "trapezoid"):
        assert rule_weights(points, rule).sum() == pytest.approx(1.0)
    lw = draws()
    left, trapezoid, right = (build("tvo", rule=rule).value(lw).numpy() for rule in ("left", "trapezoid", "right"))
    assert np.all(left < trapezoid) and np.all(trapezoid < right)
    np.testing.assert_allclose(build("tvo", partitions=1).value(lw), tf.reduce_mean(lw, 0), rtol=1e-12)


def test_coefficients_carry_no_gradient():
    lw = tf.Variable(draws())
    for name in NAMES:
        with tf.GradientTape() as tape:
            weights = build(name, **options_for(name)).coefficients(lw)
            total = tf.add_n([tf.reduce_sum(part) for part in weights if part is not None])
        assert tape.gradient(total, lw) is None, name
