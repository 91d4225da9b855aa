"""Estimators on any floating type and shape that a network, an array or a user gives them: right numbers or a clear
error."""

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.estimators import get, registered
from igr_suite.estimators.conformance import check, enumerable_problem, measure, perturbed
from igr_suite.estimators.enumeration import expectation, multi_sample_bound, states
from igr_suite.estimators.inputs import in_dtype, uniforms
from igr_suite.estimators.reinforce import mean_of_others, sum_of_others
from igr_suite.estimators.vimco import vimco_signals
from igr_suite.randomness import run_seed

CASES = [
    pytest.param(name, support, id=f"{name}-{support}")
    for name, cls in registered().items()
    for support in cls.facts.support
]
SEED = run_seed(7, "inputs")
BATCH = 4
HALF = [tf.float16, tf.bfloat16]


def batch_of(support: str, dtype=tf.float32):
    problem = enumerable_problem(support)
    scales = np.linspace(-1.5, 1.5, BATCH).reshape(BATCH, *[1] * problem.logits.ndim)
    return problem.objective, tf.cast(scales * problem.logits, dtype)


def estimated(name, objective, logits, shape=None, noise_dtype=None, **settings):
    """One estimate with perturbed parameters."""
    estimator = get(name, **settings)
    noise = estimator.noise(
        np.shape(logits) if shape is None else shape, SEED, noise_dtype or getattr(logits, "dtype", tf.float32)
    )
    return estimator.estimate(objective, logits, noise, perturbed(estimator, np.shape(logits)))


@pytest.mark.parametrize("dtype", HALF, ids=lambda dtype: dtype.name)
@pytest.mark.parametrize(("name", "support"), CASES)
def test_half_precision_is_float32_rounded(name, support, dtype):
    """The objective gets samples of the logits' type; the rest is calculated in float32 from float32 noise, rounded
    once."""
    objective, logits = batch_of(support, dtype)
    seen = set()

    def watched(samples):
        seen.add(samples.dtype)
        return objective(samples)

    half = estimated(name, watched, logits)
    assert seen == {dtype}
    rounded = lambda samples: tf.cast(objective(tf.cast(samples, dtype)), tf.float32)  # noqa: E731
    single = estimated(name, rounded, tf.cast(logits, tf.float32))
    for field in ("value", "samples", "signal", "control"):
        found, expected = getattr(half, field), getattr(single, field)
        assert (found is None) == (expected is None)
        if found is not None:
            assert found.dtype == dtype
            np.testing.assert_array_equal(found, tf.cast(expected, dtype), err_msg=field)
    assert half.gradient.dtype == dtype and np.isfinite(tf.cast(half.gradient, tf.float32)).all()
    if half.loss is not None:
        np.testing.assert_array_equal(half.loss, single.loss)


@pytest.mark.parametrize("dtype", HALF, ids=lambda dtype: dtype.name)
@pytest.mark.parametrize("support", ["bernoulli", "categorical"])
def test_noise_of_half_precision_stays_inside(support, dtype):
    """A million half-precision uniforms would hold 0 or 1; those for half-precision logits are float32."""
    for name in registered(support):
        for noise in get(name).noise((2, 3), SEED, dtype).values():
            assert noise.dtype == tf.float32
    u = uniforms([1_000_000], SEED, dtype)
    assert 0.0 < np.min(u) < 1e-5 and 1.0 - 1e-5 < np.max(u) < 1.0


def test_an_overflowing_square_does_not_reach_the_loss():
    """Residuals of 300 nats have squares beyond float16's 65504."""
    logits = tf.zeros([2, 3], tf.float16)
    for name, silent in (("nvil", {}), ("muprop", {"eta_centre": 0.0}), ("simple_muprop", {"eta": 0.0})):
        estimator = get(name)
        own = {**estimator.parameters(logits.shape, logits.dtype), **silent}
        noise = estimator.noise(logits.shape, SEED, logits.dtype)
        estimate = estimator.estimate(lambda b: 300.0 + tf.reduce_sum(b, -1), logits, noise, own)
        assert 9e4 < float(estimate.loss) < 1e5, name


@pytest.mark.parametrize(("name", "support"), CASES)
def test_arrays_lists_and_variables_are_logits(name, support):
    """float64 arrays with the default float32 noise, lists of numbers, variables: the same numbers."""
    objective, logits = batch_of(support, tf.float64)
    expected = estimated(name, objective, logits, noise_dtype=tf.float32)
    assert expected.gradient.dtype == tf.float64
    for given in (logits.numpy(), tf.Variable(logits)):
        np.testing.assert_array_equal(
            estimated(name, objective, given, noise_dtype=tf.float32).gradient, expected.gradient
        )
    listed = estimated(name, objective, tf.cast(logits, tf.float32).numpy().tolist())
    single = estimated(name, objective, tf.cast(logits, tf.float32))
    np.testing.assert_array_equal(listed.gradient, single.gradient)
    whole = np.zeros(logits.shape, int)
    np.testing.assert_array_equal(
        estimated(name, objective, whole, noise_dtype=tf.float32).gradient,
        estimated(name, objective, np.float32(whole)).gradient,
    )


def test_noise_in_a_wider_type_is_rounded_without_reaching_the_ends():
    u = in_dtype({"u": np.array([1e-300, 0.5, 1 - 1e-15])}, tf.float32)["u"]
    assert u.dtype == tf.float32 and 0.0 < u[0] < 1e-30 and u[1] == 0.5 and u[2] == np.float32(1 - 2**-24)
    counts = in_dtype({"n": tf.constant([1, 2])}, tf.float32)["n"]
    assert counts.dtype == tf.int32
    normal = in_dtype({"eps": tf.constant([-2.0, 1.5], tf.float64)}, tf.float32)["eps"]
    np.testing.assert_array_equal(normal, [-2.0, 1.5])


@pytest.mark.parametrize("dtype", [tf.float32, tf.float16], ids=lambda dtype: dtype.name)
@pytest.mark.parametrize("support", ["bernoulli", "categorical"])
def test_a_batch_of_unknown_size(support, dtype):
    """Traced once for [None, ...] with noise of tf.shape(logits): equal to eager estimates for batches of two sizes."""
    problem = enumerable_problem(support)
    names = list(registered(support))
    spec = tf.TensorSpec([None, *problem.logits.shape], dtype)

    @tf.function(input_signature=[spec], autograph=False)
    def traced(logits):
        found = {}
        for name in names:
            estimator = get(name)
            noise = estimator.noise(tf.shape(logits), SEED, logits.dtype)
            estimate = estimator.estimate(problem.objective, logits, noise)
            assert estimate.gradient.shape.as_list() == [None, *problem.logits.shape], name
            found[name] = (estimate.gradient, estimate.value, tf.zeros([]) if estimate.loss is None else estimate.loss)
        centred = get("reinforce", baseline="batch")
        if logits.shape[0] is None:
            found["batch"] = (
                centred.estimate(
                    problem.objective, logits, centred.noise(tf.shape(logits), SEED, logits.dtype)
                ).gradient,
            )
        return found

    for batch in (2, 5):
        logits = tf.cast(
            np.linspace(-1.0, 1.0, batch * problem.logits.size).reshape(batch, *problem.logits.shape), dtype
        )
        for name, (gradient, *_) in traced(logits).items():
            estimator = get("reinforce", baseline="batch") if name == "batch" else get(name)
            eager = estimator.estimate(problem.objective, logits, estimator.noise(logits.shape, SEED, dtype)).gradient
            tolerance = 1e-5 if dtype == tf.float32 else 2e-3
            np.testing.assert_allclose(gradient, eager, rtol=tolerance, atol=tolerance, err_msg=name)
    with pytest.raises(tf.errors.InvalidArgumentError, match="needs at least 2 examples"):
        traced(tf.zeros([1, *problem.logits.shape], dtype))


@pytest.mark.parametrize(("name", "support"), CASES)
def test_an_empty_batch(name, support):
    """Gradients of no example, and a loss of 0 whose gradient by the estimator's own parameters is 0."""
    objective, logits = batch_of(support)
    estimator = get(name)
    empty = logits[:0]
    parameters = {key: tf.convert_to_tensor(value) for key, value in estimator.parameters(logits.shape).items()}
    with tf.GradientTape() as tape:
        tape.watch(parameters)
        estimate = estimator.estimate(objective, empty, estimator.noise(empty.shape, SEED), parameters)
    assert estimate.gradient.shape == empty.shape and estimate.value.shape == (0,)
    if estimate.loss is not None:
        assert float(estimate.loss) == 0.0
        assert all(float(gradient) == 0.0 for gradient in tape.gradient(estimate.loss, parameters).values())


@pytest.mark.parametrize("name", registered("categorical"))
def test_one_category_has_no_gradient(name):
    objective = lambda b: tf.square(tf.reduce_sum(b, [-2, -1]) + 1.0)  # noqa: E731
    estimate = estimated(name, objective, tf.constant([[[0.3], [-2.0]]]))
    np.testing.assert_array_equal(estimate.samples, np.ones(estimate.samples.shape))
    np.testing.assert_allclose(estimate.gradient, np.zeros((1, 2, 1)), atol=1e-6)
    np.testing.assert_allclose(estimate.value, [9.0], rtol=1e-6)


@pytest.mark.parametrize("support", ["bernoulli", "categorical"])
def test_unknown_numbers_of_variables_are_right_or_a_sentence(support):
    """Only the nets of relax and lax need them."""
    problem = enumerable_problem(support)
    spec = tf.TensorSpec([None] * (problem.logits.ndim + 1))
    axes = list(range(-problem.logits.ndim, 0))
    objective = lambda b: tf.square(tf.reduce_sum(b, axes) - 1.2)  # noqa: E731
    logits = tf.constant(problem.logits[np.newaxis], tf.float32)
    for name in registered(support):
        estimator = get(name)

        def gradient(logits, estimator=estimator):
            return estimator.estimate(objective, logits, estimator.noise(tf.shape(logits), SEED)).gradient

        traced = tf.function(gradient, input_signature=[spec], autograph=False)
        if name in ("relax", "lax"):
            with pytest.raises(UserError, match="not known while this function is traced"):
                traced(logits)
        else:
            np.testing.assert_allclose(traced(logits), gradient(logits), rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.mark.parametrize(("name", "support"), CASES)
def test_masked_values_have_no_gradient(name, support):
    """A category of logit -inf and units of logit +-inf, beside ordinary ones: finite, and 0 where nothing varies."""
    infinite = np.inf
    if support == "bernoulli":
        logits, fixed = np.array([[infinite, 0.4, -infinite]]), np.array([[True, False, True]])
    else:
        logits = np.array([[[0.5, -infinite, -0.3], [0.1, 0.2, -0.4]]])
        fixed = np.isinf(logits)
    objective = enumerable_problem(support).objective
    settings = (
        [{}]
        + [{"coupling": "independent"}] * hasattr(get(name), "coupling")
        + [{"relaxation": "improved"}] * (name in ("relax", "lax"))
    )
    for setting in settings:
        estimator = get(name, **setting)
        parameters = {key: tf.convert_to_tensor(value) for key, value in perturbed(estimator, logits.shape).items()}
        with tf.GradientTape() as tape:
            tape.watch(parameters)
            estimate = estimator.estimate(
                objective, logits, estimator.noise(logits.shape, SEED, tf.float64), parameters
            )
            trained = tf.reduce_mean(tf.square(estimate.gradient)) if estimate.loss is None else estimate.loss
        gradient = estimate.gradient.numpy()
        assert np.isfinite(gradient).all(), setting
        np.testing.assert_array_equal(gradient[fixed], 0.0)
        assert np.any(gradient[~fixed] != 0.0) or name in (
            "arm",
            "disarm",
            "double_cv",
            "arms",
            "rloo",
            "local_disarm",
            "vimco",
        )
        for key, slope in tape.gradient(trained, parameters, unconnected_gradients="zero").items():
            assert np.isfinite(slope).all(), (key, setting)


@pytest.mark.parametrize("name", ["rebar", "relax", "lax", "rloo", "concrete"])
def test_a_masked_category_is_one_category_less(name):
    """The mean is the enumerated gradient, 0 for the masked category; 100,000 draws, 5 standard errors (concrete:
    biased)."""
    logits = np.array([[0.7, -np.inf, 0.2], [-0.4, 0.3, 0.9]])
    found = measure(get(name), enumerable_problem("categorical")._replace(logits=logits))
    assert np.isfinite(found.exact).all() and found.exact[1] == 0.0 and found.mean[1] == 0.0
    assert found.unbiased == (name != "concrete")


def test_enumeration_of_masked_states():
    """A masked category's states count nothing even where the objective is infinite; the rest is the smaller
    problem."""
    generator = np.random.default_rng(0)
    values = generator.normal(size=3)

    def objective(b):
        return tf.reduce_sum(
            tf.math.multiply_no_nan(tf.constant([[values[0], -np.inf, values[2]]], tf.float64), b), [-2, -1]
        )

    logits = np.array([[[0.4, -np.inf, -0.2]]])
    value, gradient = expectation(objective, logits)
    theta = np.exp([0.4, -0.2]) / np.exp([0.4, -0.2]).sum()
    mean = theta @ values[[0, 2]]
    np.testing.assert_allclose(value, [mean], rtol=1e-12)
    np.testing.assert_allclose(
        gradient, [[[theta[0] * (values[0] - mean), 0.0, theta[1] * (values[2] - mean)]]], rtol=1e-12
    )
    bound, slope = multi_sample_bound(objective, logits, 2)
    assert np.isfinite(bound).all() and np.isfinite(slope).all() and slope[0, 0, 1] == 0.0


def test_enumeration_of_units_that_are_fixed():
    objective = lambda b: tf.square(tf.reduce_sum(b * tf.constant([1.0, 2.0, 4.0], b.dtype), -1))  # noqa: E731
    value, gradient = expectation(objective, np.array([[np.inf, 0.3, -np.inf]]))
    theta = 1 / (1 + np.exp(-0.3))
    np.testing.assert_allclose(value, [theta * 9.0 + (1 - theta)], rtol=1e-12)
    np.testing.assert_allclose(gradient, [[0.0, theta * (1 - theta) * 8.0, 0.0]], rtol=1e-12)


def test_enumeration_takes_what_estimators_take():
    problem = enumerable_problem("bernoulli")
    exact = expectation(problem.objective, tf.constant(problem.logits[np.newaxis]))
    for given, dtype in ((problem.logits[np.newaxis], tf.float64), ([problem.logits.tolist()], tf.float32)):
        value, gradient = expectation(problem.objective, given)
        assert value.dtype == gradient.dtype == dtype
        np.testing.assert_allclose(gradient, exact[1], rtol=1e-5, atol=1e-6)
    half, gradient = expectation(problem.objective, tf.constant(problem.logits[np.newaxis], tf.bfloat16))
    assert half.dtype == gradient.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(gradient, tf.float64), exact[1], rtol=0.05, atol=0.05)
    traced = tf.function(
        lambda logits: expectation(problem.objective, logits), [tf.TensorSpec([None, 3], tf.float64)], autograph=False
    )
    np.testing.assert_allclose(traced(problem.logits[np.newaxis])[1], exact[1], rtol=1e-12)
    assert expectation(problem.objective, tf.zeros([0, 3]))[1].shape == (0, 3)
    assert states(tf.zeros([2, 2, 1])).shape == (1, 2, 1) and states(tf.zeros([2, 0])).shape == (1, 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [2, 3, 10])
def test_the_mean_of_others_keeps_digits_beside_an_outlier(count, dtype):
    """1e8 beside values of order 1, in float32 and float64: sums in extended precision; ordinary values bit for bit."""
    generator = np.random.default_rng(count)
    values = generator.normal(size=(count, 6)).astype(dtype)
    for row, outlier in ((0, 1e8), (count - 1, -1e8), (count // 2, 3e30)):
        values[row, row % 6] = outlier
    exact = np.array(
        [[np.delete(values[:, j].astype(np.longdouble), k).sum() / (count - 1) for j in range(6)] for k in range(count)]
    )
    for compute in (mean_of_others, tf.function(mean_of_others, jit_compile=True)):
        tolerance = 40 * np.finfo(dtype).eps
        scale = np.array([[np.abs(np.delete(values[:, j], k)).sum() for j in range(6)] for k in range(count)])
        assert np.all(np.abs(compute(values) - exact) <= tolerance * scale)
    ordinary = tf.constant(-90.0 + generator.normal(size=(count, 6)), dtype)
    plain = (tf.reduce_sum(ordinary, 0, keepdims=True) - ordinary) / (count - 1)
    if count > 2:
        np.testing.assert_array_equal(mean_of_others(ordinary), plain)


def test_the_sum_of_others_beside_infinities():
    infinite = np.inf
    columns = tf.constant(
        [[-infinite, 1.0, 2.0], [-infinite, -infinite, 2.0], [1.0, infinite, 2.0], [infinite, -infinite, 2.0]]
    )
    expected = [
        [3.0, -infinite, -infinite],
        [-infinite, -infinite, -infinite],
        [infinite, 3.0, infinite],
        [-infinite, infinite, np.nan],
    ]
    np.testing.assert_array_equal(tf.transpose(sum_of_others(tf.transpose(columns))), expected)
    np.testing.assert_array_equal(sum_of_others(tf.constant([np.nan, 1.0, 2.0])), [3.0, np.nan, np.nan])


def test_vimco_beside_samples_without_weight():
    """Signals of log-weights with -inf and with an outlier are those of numpy with the sample deleted."""
    for weights in (
        [0.3, -np.inf, -1.2, 0.8],
        [1e8, 1.0, 2.0, -3.0],
        [-np.inf, -np.inf, -1.0, 0.5],
        [-1e8, 0.1, 0.2, 0.4],
    ):
        weights = np.array(weights)
        expected = []
        for k in range(4):
            replaced = weights.copy()
            replaced[k] = np.delete(weights, k).mean()
            expected.append(log_mean_exp(weights) - log_mean_exp(replaced))
        for dtype in (tf.float32, tf.float64):
            signals = vimco_signals(tf.constant(weights[:, np.newaxis], dtype))[:, 0]
            np.testing.assert_allclose(signals, np.array(expected), rtol=1e-5 if dtype == tf.float32 else 1e-12)
    np.testing.assert_array_equal(vimco_signals(tf.fill([3, 1], -np.inf)), np.zeros((3, 1)))


def log_mean_exp(values):
    top = values.max()
    return top + np.log(np.mean(np.exp(values - top)))


@pytest.mark.parametrize("name", ["vimco", "local_disarm"])
def test_bounds_with_impossible_samples(name):
    """Where b_0 = 1 is impossible (f = -inf) nothing is NaN, neither in 20,000 draws nor for pairs that differ in b_0
    alone."""
    objective = lambda b: tf.where(b[..., 0] > 0.5, tf.constant(-np.inf, b.dtype), 0.7 * b[..., 1])  # noqa: E731
    logits = tf.broadcast_to(tf.constant([[-30.0, 0.4]], tf.float64), [20_000, 2])
    estimator = get(name, samples=3)
    gradient = estimator.estimate(objective, logits, estimator.noise(logits.shape, SEED, tf.float64)).gradient.numpy()
    assert not np.isnan(gradient).any()
    mixed = tf.constant([[0.0, 0.4]], tf.float64)
    # the first sample is impossible, its mirror image is not
    u = tf.constant([[[0.9, 0.3]], [[0.2, 0.8]], [[0.3, 0.6]]], tf.float64)
    assert not np.isnan(estimator.estimate(objective, mixed, {"u": u}).gradient).any()


def test_outliers_in_rloo_and_double_cv():
    """f = 1e8 at one sample of three, 1 and 2 at the others, in float32: the others' mean keeps its digits."""
    logits = tf.constant([[0.2]])
    u = tf.constant([[[0.9]], [[0.1]], [[0.2]]])
    values = tf.constant([[1e8], [1.0], [2.0]])
    for name in ("rloo", "double_cv"):
        estimate = get(name, samples=3).estimate(lambda b: values + 0.0 * tf.reduce_sum(b, -1), logits, {"u": u})
        others = np.array([1.5, (1e8 + 2) / 2, (1e8 + 1) / 2])
        score = estimate.samples[:, 0, 0].numpy() - 1 / (1 + np.exp(-0.2))
        expected = np.mean((np.array([1e8, 1.0, 2.0]) - others) * score)
        np.testing.assert_allclose(estimate.signal, [[expected]], rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: estimated("reinforce", None, np.zeros((4, 3), complex), noise_dtype=tf.float32),
            "logits must be real numbers, got complex128",
        ),
        (
            lambda: estimated("reinforce", None, [["a"]], noise_dtype=tf.float32),
            "logits must be real numbers, got string",
        ),
        (
            lambda: get("reinforce").estimate(None, [[0.0], [0.0, 1.0]], {}),
            "logits must be a tensor, an array or nested lists",
        ),
        (lambda: get("reinforce").estimate(None, tf.zeros([3]), {}), r"logits must be \[B, D\]"),
        (lambda: get("rloo").estimate(None, tf.zeros([3, 2, 0]), {}), "need at least one category"),
        (lambda: get("rebar").noise(tf.TensorShape([None, 3]), SEED), r"pass tf.shape\(logits\)"),
        (lambda: get("rloo").noise(tf.TensorShape(None), SEED), r"pass tf.shape\(logits\)"),
        (lambda: get("rebar", coupling="independent").noise((None, 3), SEED), r"pass tf.shape\(logits\)"),
        (lambda: get("relax").parameters((None, None)), "sizes that are not known"),
        (lambda: get("rebar", eta_scope="unit").parameters(tf.TensorShape(None)), "sizes that are not known"),
        (lambda: get("rloo", samples=2.5), "rloo needs at least 2 samples, got 2.5"),
        (lambda: get("vimco", samples=True), "vimco needs at least 2 samples, got True"),
        (lambda: get("vimco", samples=0), "vimco needs at least 2 samples, got 0"),
        (lambda: get("rebar", temperature=np.inf), "temperature must be positive, got inf"),
        (lambda: get("rebar", temperature=np.nan), "temperature must be positive, got nan"),
        (lambda: get("concrete", temperature="hot"), "temperature must be positive, got hot"),
        (lambda: get("rebar", relaxation="improvd"), "rebar: unknown relaxation 'improvd': did you mean 'improved'"),
        (lambda: get("relax", surrogate="nets"), "relax: unknown surrogate 'nets': did you mean 'net'"),
        (lambda: get("lax", eta_scope="layer"), "lax: unknown eta_scope 'layer'"),
        (lambda: get("dynamic_rebar", coupling="free"), "dynamic_rebar: unknown coupling 'free'"),
        (lambda: get("concrete", relaxation="gumbel"), "concrete: unknown relaxation 'gumbel'"),
        (lambda: get("reinforce", baseline="bach"), "baseline must be a number or 'batch', got 'bach'"),
        (
            lambda: multi_sample_bound(None, tf.zeros([1, 2]), 0),
            "the multi-sample bound needs at least 1 sample, got 0",
        ),
        (lambda: measure(get("arm"), enumerable_problem("bernoulli"), draws=0), "at least 2 draws, got 0"),
    ],
)
def test_what_cannot_be_right_is_a_sentence(make, sentence):
    with pytest.raises(UserError, match=sentence):
        make()


@pytest.mark.parametrize(("name", "support"), CASES)
def test_an_objective_with_values_of_another_shape_is_a_sentence(name, support):
    """A kept axis would broadcast against the batch; a scalar would be everybody's value."""
    objective, logits = batch_of(support)
    for wrong in (lambda b: objective(b)[..., tf.newaxis], lambda b: tf.reduce_sum(b)):
        with pytest.raises(UserError, match="the objective must return one value for each example"):
            estimated(name, wrong, logits)


def test_values_of_another_type_are_taken():
    """Counts of an objective that calculates with integers, or in float64."""
    logits = tf.zeros([3, 2])
    for dtype in (tf.int32, tf.float64):
        counted = estimated("disarm", lambda b, dtype=dtype: tf.cast(tf.reduce_sum(b, -1), dtype), logits)
        plain = estimated("disarm", lambda b: tf.reduce_sum(b, -1), logits)
        assert counted.gradient.dtype == tf.float32
        np.testing.assert_array_equal(counted.gradient, plain.gradient)


def test_logits_that_are_masked_keep_estimators_unbiased():
    """The registry's answer holds beside a unit that is fixed; 100,000 draws."""
    problem = enumerable_problem("bernoulli")._replace(logits=np.array([0.7, -np.inf, 0.2]))
    for name in ("disarm", "rebar", "relax"):
        check(get(name), problem)
