"""Estimators in a loop of one's own: what a tape takes is the estimate, for every estimator, kind of tape and type."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from estimator_cases import BATCH, CASES, SEED, batch_of

from igr_suite.errors import UserError
from igr_suite.estimators import get
from igr_suite.estimators.tvo import thermodynamic_coefficients
from igr_suite.estimators.variables import kind_of

WEIGHTS = np.linspace(0.5, 2.0, BATCH)  # of the examples in a loss


def elbo_of(objective, logits, scale):
    """scale f(b) - log q(b | logits), the logits held."""

    def elbo(b):
        log_q = kind_of(logits).log_probability(tf.stop_gradient(logits), b)  # of each variable
        return tf.cast(scale, b.dtype) * objective(b) - tf.reduce_sum(log_q, -1)

    return elbo


def own_variables(estimator, logits):
    """The estimator's own parameters, moved from where they begin."""
    trained = estimator.trainable(logits.shape[1:], logits.dtype.name)
    generator = np.random.default_rng(11)
    for variable in trained:
        variable.assign(variable + 0.3 * generator.normal(size=variable.shape))
    return trained


def taken(estimator, objective, logits, persistent=True):
    """Gradients of the examples' weighted mean value by logits and scale, and of the own loss by own parameters."""
    scale, trained = tf.Variable(2.0, dtype=logits.dtype), own_variables(estimator, logits)
    with tf.GradientTape(persistent=persistent) as tape:
        tape.watch(logits)
        surrogate = estimator.surrogate(elbo_of(objective, logits, scale), logits, trained=trained, seed=SEED)
        value = tf.reduce_mean(tf.cast(WEIGHTS, logits.dtype) * surrogate.value)
        total = value if persistent else value + tf.cast(surrogate.own_loss, logits.dtype)
    if not persistent:
        return tape.gradient(total, [logits, scale, *trained])
    return tape.gradient(value, [logits, scale]) + tape.gradient(surrogate.own_loss, trained)


def expected(estimator, objective, logits):
    """The same from `Estimator.estimate`, with the direct term of a bound written out."""
    scale, trained = tf.Variable(2.0, dtype=logits.dtype), own_variables(estimator, logits)
    names = list(estimator.parameters(logits.shape, logits.dtype))
    noise, kind = estimator.noise(logits.shape, SEED, logits.dtype), kind_of(logits)
    with tf.GradientTape(persistent=True) as tape:
        parameters = {name: tf.convert_to_tensor(variable) for name, variable in zip(names, trained)}
        elbo = elbo_of(objective, logits, scale)
        estimate = estimator.estimate(elbo, logits, noise, parameters)
        value = tf.reduce_mean(WEIGHTS * estimate.value)
        own_loss = estimate.loss if estimator.facts.own_loss else tf.reduce_mean(tf.square(estimate.gradient))
    gradient = estimate.gradient
    if estimator.facts.target in ("multi_sample_bound", "thermodynamic"):
        values = elbo(estimate.samples)
        if estimator.facts.target == "thermodynamic":
            w = thermodynamic_coefficients(values, estimator.nodes)[1]
        else:  # OVIS-MC's further samples are for its baselines
            own = values[: estimator.samples]
            w = tf.concat([tf.nn.softmax(own, 0), tf.zeros_like(values[estimator.samples :])], 0)
        per_sample = tf.reshape(w, [*w.shape, *[1] * (logits.shape.rank - 1)])
        gradient -= tf.reduce_sum(per_sample * kind.score(logits, estimate.samples), 0)
    weights = np.reshape(WEIGHTS / BATCH, [BATCH, *[1] * (logits.shape.rank - 1)])
    return [weights * gradient, tape.gradient(value, scale), *tape.gradient(own_loss, trained)]


@pytest.mark.parametrize(("name", "support"), CASES)
def test_what_the_tape_takes_is_the_estimate(name, support):
    """Logits, the objective's parameters and own parameters; with a persistent tape and with one total on another."""
    objective, logits = batch_of(support, tf.float64)
    estimator = get(name)
    wanted = expected(estimator, objective, logits)
    for persistent in (True, False):
        gradients = taken(estimator, objective, logits, persistent)
        assert len(gradients) == len(wanted)
        for gradient, exact in zip(gradients, wanted):
            np.testing.assert_allclose(gradient, exact, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("name", "support"), CASES)
def test_half_precision(name, support):
    """Gradients of logits have the logits' type and three of its digits; own parameters and their loss are float32."""
    objective, logits = batch_of(support, tf.bfloat16)
    narrow = taken(get(name), objective, logits)
    assert narrow[0].dtype == tf.bfloat16 and all(gradient.dtype == tf.float32 for gradient in narrow[2:])
    assert all(np.isfinite(tf.cast(gradient, tf.float32)).all() for gradient in narrow)
    wide = taken(get(name), objective, tf.cast(logits, tf.float32))
    np.testing.assert_allclose(tf.cast(narrow[0], tf.float32), wide[0], atol=0.05 * (1.0 + np.max(np.abs(wide[0]))))


@pytest.mark.parametrize(("support", "jit_compile"), [("bernoulli", True), ("categorical", False)])
def test_traced_functions_of_any_batch_give_the_eager_gradients(support, jit_compile):
    """With a batch whose size is not known while the function is traced; one program for several estimators."""
    objective, logits = batch_of(support)
    estimators = [get(name) for name in ("nvil", "relax", "vimco")]
    trained = [own_variables(estimator, logits) for estimator in estimators]

    @tf.function(input_signature=[tf.TensorSpec([None, *logits.shape[1:]])], jit_compile=jit_compile, autograph=False)
    def gradients(logits):
        results = []
        for estimator, own in zip(estimators, trained):
            with tf.GradientTape(persistent=True) as tape:
                tape.watch(logits)
                elbo = elbo_of(objective, logits, 2.0)
                value, own_loss = estimator.surrogate(elbo, logits, trained=own, seed=SEED)
            results.append([tape.gradient(value, logits), *tape.gradient(own_loss, own)])
        return results

    compiled = gradients(logits)
    for estimator, own, found in zip(estimators, trained, compiled):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(logits)
            value, own_loss = estimator.surrogate(elbo_of(objective, logits, 2.0), logits, trained=own, seed=SEED)
        exact = [tape.gradient(value, logits), *tape.gradient(own_loss, own)]
        for gradient, other in zip(found, exact):
            np.testing.assert_allclose(gradient, other, rtol=1e-3, atol=1e-4, err_msg=estimator.facts.name)


@pytest.mark.parametrize(("name", "support"), CASES)
def test_each_part_trains_its_own_variables_alone(name, support):
    objective, logits = batch_of(support)
    scale, trained = tf.Variable(2.0), own_variables(get(name), logits)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        surrogate = get(name).surrogate(elbo_of(objective, logits, scale), logits, trained=trained, seed=SEED)
    assert surrogate.value.shape == (BATCH,) and surrogate.own_loss.shape == ()
    assert all(gradient is None for gradient in tape.gradient(surrogate.own_loss, [logits, scale]))
    assert all(gradient is None for gradient in tape.gradient(surrogate.value, trained))


def test_own_parameters_are_variables_of_keras():
    """Named and typed for the logits; without variables the estimator keeps its initial values."""
    objective, logits = batch_of("bernoulli")
    assert get("disarm").trainable([3]) == []
    variables = get("rebar", eta_scope="unit").trainable([3], "float64")
    assert [(v.name, v.dtype, tuple(v.shape)) for v in variables] == [
        ("rebar_eta", "float64", (3,)),
        ("rebar_baseline", "float64", ()),
    ]
    assert all(isinstance(variable, keras.Variable) for variable in variables)
    assert {v.dtype for v in get("relax").trainable([2, 3], "float16")} == {"float32"}
    held, trained = (
        get("rebar").surrogate(objective, logits, trained=trained, seed=1)
        for trained in (None, get("rebar").trainable([3]))
    )
    np.testing.assert_array_equal(held.value, trained.value)
    assert float(held.own_loss) == 0.0 < float(trained.own_loss)


def test_seeds():
    """An int repeats its noise, a generator of Keras and None draw anew, in traced functions, too."""
    objective, logits = batch_of("bernoulli")

    def draws(seed, number=2):
        traced = tf.function(lambda: get("disarm").surrogate(objective, logits, seed=seed).value, autograph=False)
        return [traced().numpy().tolist() for _ in range(number)]

    assert draws(5)[0] == draws(5)[1] != draws(6)[0]
    assert draws(tf.constant([5, 7]))[0] == draws(tf.constant([5, 7]))[1]
    assert len({str(draw) for draw in draws(None, 8)}) > 2
    first, again = (draws(keras.random.SeedGenerator(3), 8) for _ in range(2))
    assert first == again and len({str(draw) for draw in first}) > 2
    keras.utils.set_random_seed(1)
    eager = [get("disarm").surrogate(objective, logits).value.numpy().tolist() for _ in range(8)]
    assert len({str(draw) for draw in eager}) > 2


@pytest.mark.parametrize("name", ["vimco", "local_disarm"])
def test_the_direct_term_is_finite(name):
    """Units that have one value only, masked categories, and samples of weight 0."""
    logits = tf.constant([[60.0, -60.0, 0.3], [np.inf, -np.inf, 0.0]])
    if name == "vimco":
        logits = tf.stack([-tf.abs(logits), tf.zeros_like(logits)], -1)

    def half_impossible(b):
        on = tf.reduce_sum(b[..., -1:] if name == "local_disarm" else b[..., -1, :1], -1)
        return tf.where(on > 0.5, on, -np.inf)

    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = get(name, samples=16).surrogate(half_impossible, logits, seed=0).value
    assert np.isfinite(value).all() and np.isfinite(tape.gradient(value, logits)).all()


@pytest.mark.parametrize("kind_of_variable", [tf.Variable, keras.Variable])
def test_logits_may_be_a_variable(kind_of_variable):
    variable = kind_of_variable(np.zeros((2, 3), np.float32))
    with tf.GradientTape() as tape:
        value = get("disarm").surrogate(lambda b: tf.reduce_sum(b, -1), variable, seed=2).value
    assert tape.gradient(value, variable).shape == (2, 3)
    with pytest.raises(UserError, match="the objective reads the logits with their gradient"):
        get("disarm").surrogate(lambda b: tf.reduce_sum(b * variable, -1), variable)


def live(b, logits):
    """An objective that reads the logits with their gradient."""
    return tf.reduce_sum(kind_of(logits).log_probability(logits, b), -1)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda f, x: get("disarm").surrogate(lambda b: live(b, x), x), r"read tf.stop_gradient\(logits\) in it"),
        (lambda f, x: get("vimco").surrogate(lambda b: live(b, x), x), "the objective reads the logits with their"),
        (
            lambda f, x: get("rebar").surrogate(f, x, trained=[]),
            r"rebar trains eta \(\), baseline \(\) for logits of shape \(4, 3\), got variables of the shapes nothing",
        ),
        (
            lambda f, x: get("disarm").surrogate(f, x, trained=get("nvil").trainable([3])),
            r"disarm trains nothing for logits of shape \(4, 3\), got variables of the shapes \(\); pass trained=",
        ),
        (
            lambda f, x: get("relax").surrogate(f, x, trained=get("relax").trainable([4, 3])),
            r"net.hidden_kernel \(3, 10\)",
        ),
        (lambda f, x: get("disarm").surrogate(f, x, seed=True), "seed must be an int, .* or None, got True"),
        (lambda f, x: get("disarm").surrogate(f, x, seed="a"), "seed must be an int"),
        (lambda f, x: get("disarm").surrogate(f, x, seed=tf.zeros([3], tf.int32)), "seed must be an int"),
        (lambda f, x: get("disarm").surrogate(f, x[:, 0]), r"logits must be \[B, D\]"),
        (lambda f, x: get("relax").trainable([None]), "sizes that are not known"),
    ],
)
def test_what_cannot_be_right_is_a_sentence(call, sentence):
    with pytest.raises(UserError, match=sentence):
        call(*batch_of("bernoulli"))
