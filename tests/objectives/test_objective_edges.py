"""Log-weights as they come: zero weights, other axes, half precision, no examples."""

import numpy as np
import pytest
import tensorflow as tf
from sweeps import few

from igr_suite.errors import UserError
from igr_suite.objectives.base import effective_sample_size
from igr_suite.objectives.control_variate import ControlVariateDReG
from igr_suite.objectives.names import NAMES
from igr_suite.objectives.registry import build

GROUPED = ("miwae", "miwae-dreg", "piwae", "piwae-dreg")
OBJECTIVES = [
    *(
        build(name)
        for name in NAMES
        if name not in (*GROUPED, "ovis-mc", "jk", "jk-dreg", "tvo", "tvo-dreg", "dreg-cv")
    ),
    *(build(name, groups=groups) for name in GROUPED for groups in (1, 2, 4)),
    *(build(name, order=1, form="closed") for name in ("jk", "jk-dreg")),
    *(build(name, order=order) for name in ("jk", "jk-dreg") for order in (0, 1, 2, 3)),
    *(
        build(name, rule=rule, partitions=p)
        for name in ("tvo", "tvo-dreg")
        for rule in ("left", "right", "trapezoid")
        for p in (1, 5)
    ),
    *(build("ciwae", beta=beta) for beta in (0.0, 1.0)),
    build("ovis-mc", auxiliary=2),
    build("vimco", mean="arithmetic"),
    ControlVariateDReG(),
    ControlVariateDReG(alpha=0.3, beta=0.5, gamma=1.0, delta=0.2),
]
PATTERNS = [[0.3, -np.inf, -1.0, 0.5], [-np.inf, -np.inf, -1.0, 0.5], [0.3, -1.0, 0.2, -np.inf]]

PATTERNS += [[-np.inf, 0.4, -np.inf, -np.inf], [-np.inf] * 4]


def described(objective):
    return objective.facts.name + "".join(
        f"-{value:g}" if isinstance(value, float) else f"-{value}" for value in objective.options.values()
    )


def parts_of(objective, log_weights):
    coefficients = objective.coefficients(log_weights)
    return {
        "value": objective.value(log_weights),
        **{name: part for name, part in coefficients._asdict().items() if part is not None},
    }


@pytest.mark.parametrize("objective", OBJECTIVES, ids=described)
@pytest.mark.parametrize("jit", few([False, True], lambda jit: not jit))
def test_weights_of_zero_are_the_limit_of_small_ones(objective, jit):
    """log-weights -inf against -1e5 and -1e6: equal where those agree, infinite where they grow; never NaN."""
    exact, near, nearer = (tf.constant(np.maximum(np.array(PATTERNS).T, least)) for least in (-np.inf, -1e5, -1e6))
    compute = tf.function(lambda x: parts_of(objective, x), jit_compile=jit, autograph=False)
    found, near, nearer = compute(exact), compute(near), compute(nearer)
    for name, part in found.items():
        part, one, other = (x.numpy() for x in (part, near[name], nearer[name]))
        assert not np.any(np.isnan(part)), name
        grows = np.abs(other - one) > 1e-3 * (1.0 + np.abs(one))
        if objective.facts.name == "rws-dreg-norm" and name == "path":  # 0/0 where one sample has all the weight: 0
            np.testing.assert_array_equal(part[:, 3], np.zeros(4))
            part, one, grows = (np.delete(x, 3, axis=1) for x in (part, one, grows))
            other = np.delete(other, 3, axis=1)
        if name != "value":  # an example of weights that are all 0 is one of equal weights: dreg-cv sees the shift
            equal = parts_of(objective, tf.zeros([4, 1], tf.float64))[name]
            np.testing.assert_allclose(part[:, -1], equal[:, 0], atol=1e-12)
            part, one, other, grows = (x[:, :-1] for x in (part, one, other, grows))
        np.testing.assert_allclose(part[~grows], one[~grows], rtol=1e-3, atol=2e-4, err_msg=name)
        np.testing.assert_array_equal(part[grows], np.sign(other[grows]) * np.inf, err_msg=name)


def small(name):
    return build(name, **({"groups": 2} if name in GROUPED else {"auxiliary": 2} if name == "ovis-mc" else {}))


@pytest.mark.parametrize("name", NAMES)
def test_log_weights_of_other_axes_are_refused(name):
    objective = small(name)
    for wrong, sentence in (
        (tf.zeros([6]), r"must be \[K, B\], samples by examples, got the shape \(6,\); add an axis"),
        (tf.zeros([6, 2, 3]), r"must be \[K, B\], samples by examples, got the shape \(6, 2, 3\)"),
        (tf.zeros([]), r"got the shape \(\)"),
        (tf.constant([["a"]]), "must be floats, got string"),
        (None, r"must be a tensor or an array \[K, B\], got NoneType"),
    ):
        for method in (objective.value, objective.coefficients):
            with pytest.raises(UserError, match=sentence):
                method(wrong)
    with pytest.raises(UserError, match="needs at least"):
        objective.coefficients(tf.zeros([0, 3]))
    unknown = tf.function(objective.coefficients, [tf.TensorSpec([None, 3])], autograph=False)
    with pytest.raises(UserError, match="known number of samples"):
        unknown(tf.zeros([6, 3]))


@pytest.mark.parametrize("name", NAMES)
def test_log_weights_of_any_kind(name):
    """Arrays, lists and integers; half precision is float32 rounded once; graphs of unknown batch size; no examples."""
    objective = small(name)
    numbers = np.random.default_rng(0).integers(-3, 3, size=(6, 3))
    single = parts_of(objective, tf.constant(numbers, tf.float32))
    for given in (numbers, numbers.tolist(), numbers.astype(np.float32)):
        for key, part in parts_of(objective, given).items():
            assert part.dtype == tf.float32
            np.testing.assert_array_equal(part, single[key])
    for dtype, digit in ((tf.float16, 2.0**-10), (tf.bfloat16, 2.0**-7)):
        for key, part in parts_of(objective, tf.constant(numbers, dtype)).items():
            assert part.dtype == dtype
            np.testing.assert_allclose(tf.cast(part, tf.float32), single[key], rtol=digit, atol=1e-6)
    compute = tf.function(lambda x: parts_of(objective, x), [tf.TensorSpec([6, None])], autograph=False)
    for key, part in compute(tf.constant(numbers, tf.float32)).items():
        np.testing.assert_allclose(part, single[key], rtol=1e-5, atol=1e-6)
    for key, part in compute(tf.zeros([6, 0])).items():
        assert part.shape == ((0,) if key == "value" else (6, 0))


def test_effective_sample_size_of_other_axes_is_refused():
    with pytest.raises(UserError, match="samples by examples"):
        effective_sample_size(tf.zeros([5]))
    np.testing.assert_allclose(effective_sample_size([[0, 0], [0, -100]]), [2.0, 1.0])


@pytest.mark.parametrize("name", ["iwae", "dreg", "vimco"])
def test_no_samples_have_no_value(name):
    with pytest.raises(UserError, match="needs at least 1 sample"):
        build(name).value(tf.zeros([0, 3]))
