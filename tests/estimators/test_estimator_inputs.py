"""Estimators on any floating type and shape that a network, an array or a user gives them: right numbers or a clear
error."""

from dataclasses import fields

import numpy as np
import pytest
import tensorflow as tf
from estimator_cases import CASES, SEED, batch_of, estimated
from sweeps import few

from igr_suite.errors import UserError
from igr_suite.estimators import get, registered
from igr_suite.estimators.conformance import enumerable_problem, measure
from igr_suite.estimators.enumeration import expectation, multi_sample_bound, states
from igr_suite.estimators.inputs import in_dtype, uniforms

HALF = [tf.float16, tf.bfloat16]


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


@pytest.mark.parametrize(("name", "support"), CASES)
def test_noise_for_other_logits_or_settings_is_refused(name, support):
    """Noise of one example would broadcast to all, and noise of three samples be taken for that of two."""
    objective, logits = batch_of(support, tf.float32)
    estimator = get(name)
    for other in (logits[:1], tf.concat([logits, logits], 0), logits[:, :-1]):
        with pytest.raises(UserError, match=rf"noise '.*' of {name} must have shape .* got "):
            estimator.estimate(objective, logits, estimator.noise(other.shape, SEED))
    for setting in ("samples", "auxiliary"):
        if setting in {field.name for field in fields(estimator)}:
            more = get(name, **{setting: getattr(estimator, setting) + 2})
            with pytest.raises(UserError, match=f"of {name} must have shape"):
                estimator.estimate(objective, logits, more.noise(logits.shape, SEED))


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


@pytest.mark.parametrize(
    "dtype", few([tf.float32, tf.float16], lambda dtype: dtype == tf.float32), ids=lambda dtype: dtype.name
)
@pytest.mark.parametrize("support", few(["bernoulli", "categorical"], lambda support: support == "categorical"))
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
    """The nets of relax and lax need them, and estimators that go from variable to variable or category to category."""
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
        if name in ("relax", "lax", "local_expectation", "carms", "disarm_sb", "disarm_tree", "ars", "arsm"):
            with pytest.raises(UserError, match="not known while this function is traced"):
                traced(logits)
        else:
            np.testing.assert_allclose(traced(logits), gradient(logits), rtol=1e-5, atol=1e-5, err_msg=name)


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
        (lambda: get("relax", control="nets"), "relax: unknown control 'nets': did you mean 'net'"),
        (lambda: get("lax", eta_scope="layer"), "lax: unknown eta_scope 'layer'"),
        (lambda: get("disarm_sb", order="rising"), "disarm_sb: unknown order 'rising'"),
        (lambda: get("carms", samples=1), "carms needs at least 2 samples, got 1"),
        (lambda: get("carms").noise((None, 2, 3), SEED), r"pass tf.shape\(logits\)"),
        (lambda: get("dynamic_rebar", coupling="free"), "dynamic_rebar: unknown coupling 'free'"),
        (lambda: get("concrete", relaxation="gumbel"), "concrete: unknown relaxation 'gumbel'"),
        (lambda: get("reinforce", baseline="bach"), "baseline must be a finite number or 'batch', got 'bach'"),
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
    """A kept axis would broadcast against the batch; a scalar would be taken for the value of every example."""
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


@pytest.mark.parametrize(
    "wrong", [None, "a", [1, 2], float("nan"), True, object()], ids=lambda wrong: type(wrong).__name__
)
def test_no_setting_takes_what_it_cannot_be(wrong):
    """Every setting of every estimator, also of those that are registered later."""
    tried = 0
    for name, cls in registered().items():
        for setting in fields(cls):
            tried += 1
            with pytest.raises(UserError):
                get(name, **{setting.name: wrong})
    assert tried > 30


@pytest.mark.parametrize("shape", [3, 2.5, None, "ab", (2, -1), (2, 1.5)])
def test_what_is_no_shape_is_a_sentence(shape):
    with pytest.raises(UserError, match="a shape is the sizes of the logits' axes"):
        get("disarm").noise(shape, SEED)


@pytest.mark.parametrize("seed", [0, 1.5, "a", None, [1], (1, 2, 3), (0.5, 1.0)])
def test_what_is_no_seed_is_a_sentence(seed):
    with pytest.raises(UserError, match="seed must be a stateless pair"):
        get("disarm").noise((2, 3), seed)


@pytest.mark.parametrize(
    ("objective", "sentence"),
    [(None, "must be a function of the samples, got None"), (lambda b: None, "must return a tensor, got NoneType")],
)
def test_what_is_no_objective_is_a_sentence(objective, sentence):
    with pytest.raises(UserError, match=sentence):
        get("disarm").surrogate(objective, tf.zeros([2, 3]), seed=0)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda f, b: get("disarm").estimate(f, b, None), "noise must be what estimator.noise.* returns, got NoneType"),
        (lambda f, b: get("disarm").estimate(f, b, {"v": b}), r"the noise of disarm must hold 'u', got 'v'; take es"),
        (
            lambda f, b: get("rebar").estimate(f, b, get("rebar").noise(b.shape, SEED), {"etas": 1.0}),
            "the parameters of rebar must hold 'baseline', got 'etas'; take estimator.parameters",
        ),
        (lambda f, b: get("relax").surrogate(f, b, 3, seed=0), "trained must be the list of variables"),
        (lambda f, b: get("relax").surrogate(f, b, [1, 2], seed=0), "trained must be the list of variables"),
        (lambda f, b: get("relax").trainable(3), "a shape is the sizes of the logits' axes"),
        (lambda f, b: get("relax").trainable((3,), "int32"), "dtype must be float16, bfloat16, float32 or float64"),
        (lambda f, b: get("relax").trainable((3,), "single"), "dtype must be .*, got 'single'"),
        (lambda f, b: get("relax").parameters(None), "a shape is the sizes of the logits' axes"),
    ],
)
def test_what_is_of_another_estimator_is_a_sentence(call, sentence):
    with pytest.raises(UserError, match=sentence):
        call(lambda samples: tf.reduce_sum(samples, -1), tf.zeros([2, 3]))


@pytest.mark.parametrize("key", ["u", "other"])
def test_a_key_error_of_the_objective_stays_one(key):
    with pytest.raises(KeyError, match=key):
        get("disarm").estimate(lambda samples: {}[key], tf.zeros([2, 3]), {"u": tf.fill([2, 3], 0.3)})
