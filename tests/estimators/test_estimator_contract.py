"""What every registered estimator guarantees: facts, shapes, compilation, equal noise, safe numbers, sentences for
wrong settings."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import tensorflow as tf
from sweeps import few

from igr_suite.errors import UserError
from igr_suite.estimators import Facts, costs, get, register, registered
from igr_suite.estimators.base import Estimator
from igr_suite.estimators.conformance import enumerable_problem
from igr_suite.estimators.variables import support_of
from igr_suite.randomness import run_seed

BATCH = 4
CASES = [
    pytest.param(name, support, id=f"{name}-{support}")
    for name, cls in registered().items()
    for support in cls.facts.support
]
SEED = run_seed(3, "estimators")


def test_registered_names():
    assert set(registered()) >= {
        *("reinforce", "nvil", "rloo", "simple_muprop", "muprop", "concrete", "rebar", "dynamic_rebar", "relax", "lax"),
        *("arm", "disarm", "arms", "vimco", "local_disarm", "double_cv", "straight_through", "st_gumbel_softmax"),
        *("reinmax", "gumbel_rao", "gst", "reinmax_rao"),
        *("ovis", "ovis_mc", "rws", "tvo"),
    }
    assert "arm" not in registered("categorical") and "rebar" in registered("categorical")


def batch_of(support: str, dtype=np.float32):
    """The enumerable problem's objective and BATCH different examples of logits."""
    problem = enumerable_problem(support)
    scales = np.linspace(-1.5, 1.5, BATCH).reshape(BATCH, *[1] * problem.logits.ndim)
    return problem.objective, tf.constant(scales * problem.logits, dtype)


@pytest.mark.parametrize(("name", "support"), CASES)
def test_shapes_and_parameters(name, support):
    """Parameters are those of the facts; samples are discrete; an example's gradient does not depend on the others."""
    estimator = get(name)
    objective, logits = batch_of(support)
    noise, parameters = estimator.noise(logits.shape, SEED), estimator.parameters(logits.shape)
    estimate = estimator.estimate(objective, logits, noise)
    assert {key.split(".")[0] for key in parameters} == set(estimator.facts.parameters)
    assert (estimate.loss is not None) == estimator.facts.own_loss
    assert estimate.value.shape == (BATCH,)
    assert estimate.gradient.shape == logits.shape and estimate.gradient.dtype == tf.float32
    samples = estimate.samples.numpy()
    assert samples.shape[-logits.shape.rank :] == logits.shape and set(np.unique(samples)) <= {0.0, 1.0}
    first = {key: u[..., :1, :] if support == "bernoulli" else u[..., :1, :, :] for key, u in noise.items()}
    alone = estimator.estimate(objective, logits[:1], first, parameters)
    np.testing.assert_allclose(alone.gradient[0], estimate.gradient[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("support", few(["bernoulli", "categorical"], lambda support: support == "categorical"))
def test_compilation(support):
    """XLA compiles every estimator in float32 and gives the numbers of eager TensorFlow; one program for all, because
    compiling takes the time."""
    _, logits = batch_of(support)
    estimators = {name: get(name) for name in registered(support)}
    noise = {name: estimator.noise(logits.shape, SEED) for name, estimator in estimators.items()}
    parameters = {name: estimator.parameters(logits.shape) for name, estimator in estimators.items()}

    def gradients(logits, noise, parameters):
        axes = tuple(range(1 - logits.shape.rank, 0))
        objective = lambda b: tf.square(tf.reduce_sum(b, axes) - 1.2) + tf.reduce_sum(b[..., :1], axes)  # noqa: E731
        return {
            name: one.estimate(objective, logits, noise[name], parameters[name]).gradient
            for name, one in estimators.items()
        }

    compiled = tf.function(gradients, jit_compile=True, autograph=False)(logits, noise, parameters)
    for name, eager in gradients(logits, noise, parameters).items():
        np.testing.assert_allclose(compiled[name], eager, rtol=1e-4, atol=1e-4, err_msg=name)


@pytest.mark.parametrize(("name", "support"), CASES)
def test_only_what_is_said_to_be_differentiated_is(name, support):
    """An estimator that does not need df/db gets an objective without one; those that need it fail on it."""
    objective, logits = batch_of(support)
    estimator = get(name)
    noise = estimator.noise(logits.shape, SEED)

    def flat(samples):
        return tf.stop_gradient(objective(samples))

    expected = estimator.estimate(objective, logits, noise).gradient
    if not estimator.facts.differentiates:
        np.testing.assert_array_equal(estimator.estimate(flat, logits, noise).gradient, expected)
        return
    with pytest.raises(UserError, match=f"{name} needs a derivative"):
        estimator.estimate(flat, logits, noise)


@pytest.mark.parametrize(("name", "support"), CASES)
def test_evaluations_are_counted(name, support):
    """`facts.hard` and `facts.relaxed` are the numbers of samples that the objective is asked for; concrete's hard one
    is for its value."""
    objective, logits = batch_of(support)
    estimator = get(name)
    counts = {"hard": 0, "relaxed": 0}

    def counting(samples):
        for one in tf.unstack(tf.reshape(samples, [-1, *logits.shape])):
            counts["hard" if set(np.unique(one)) <= {0.0, 1.0} else "relaxed"] += 1
        return objective(samples)

    estimator.estimate(counting, logits, estimator.noise(logits.shape, SEED))
    facts = estimator.facts
    samples, auxiliary = getattr(estimator, "samples", 1), getattr(estimator, "auxiliary", 0)
    expected = costs.evaluate(facts.hard, samples, logits.shape[1:], auxiliary)
    assert counts == {"hard": expected + (name == "concrete"), "relaxed": facts.relaxed}


@pytest.mark.parametrize(("name", "support"), CASES)
def test_finite_at_extreme_logits_and_noise(name, support):
    """float32, logits to +-60, uniforms to the ends of their grid."""
    estimator = get(name)
    objective, logits = batch_of(support)
    logits = logits * (60.0 / np.max(np.abs(logits)))
    for extreme in (2.0**-24, 1.0 - 2.0**-24):
        noise = {key: tf.fill(u.shape, np.float32(extreme)) for key, u in estimator.noise(logits.shape, SEED).items()}
        estimate = estimator.estimate(objective, logits, noise)
        assert np.isfinite(estimate.gradient).all() and np.isfinite(estimate.value).all()


def test_noise_is_a_function_of_the_seed():
    shape = (5, 3)
    for name in ("disarm", "rloo", "rebar"):
        estimator = get(name)
        first, again, other = (estimator.noise(shape, run_seed(seed, "x"))["u"].numpy() for seed in (1, 1, 2))
        np.testing.assert_array_equal(first, again)
        assert not np.allclose(first, other)
    both = get("rebar", coupling="independent").noise(shape, SEED)
    assert not np.allclose(both["u"], both["v"])


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: get("rebaar"), "unknown estimator 'rebaar': did you mean 'rebar'"),
        (lambda: get("rebar", temperatur=0.1), "rebar has no setting 'temperatur': did you mean 'temperature'"),
        (lambda: get("arm", temperature=0.1), "arm has no setting 'temperature': it has none"),
        (lambda: get("rebar", temperature=0.0), r"temperature must be positive, got 0\.0"),
        (lambda: get("concrete", temperature=-1.0), r"temperature must be positive, got -1\.0"),
        (lambda: get("relax", temperature=0), "temperature must be positive, got 0"),
        (lambda: get("vimco", samples=1), "vimco needs at least 2 samples, got 1"),
        (lambda: get("rloo", samples=1), "rloo needs at least 2 samples, got 1"),
        (lambda: get("arms", samples=1), "arms needs at least 2 samples, got 1"),
        (lambda: get("double_cv", samples=1), "double_cv needs at least 2 samples, got 1"),
        (lambda: get("local_disarm", samples=0), "local_disarm needs at least 1 pair"),
        (lambda: get("gumbel_rao", samples=0), "gumbel_rao needs at least 1 sample, got 0"),
        (lambda: get("reinmax_rao", temperature=0.0), r"temperature must be positive, got 0\.0"),
        (lambda: get("reinmax", temperature=-1.0), r"temperature must be positive, got -1\.0"),
        (lambda: support_of(tf.zeros([3])), r"logits must be \[B, D\]"),
    ],
)
def test_a_wrong_setting_is_a_sentence(make, sentence):
    with pytest.raises(UserError, match=sentence):
        make()


def test_wrong_logits_are_a_sentence():
    objective, logits = batch_of("categorical")
    arm = get("arm")
    with pytest.raises(UserError, match="arm is for bernoulli variables, got logits of shape"):
        arm.estimate(objective, logits, arm.noise(logits.shape, SEED))
    objective, logits = batch_of("bernoulli")
    centred = get("reinforce", baseline="batch")
    with pytest.raises(UserError, match="needs at least 2 examples"):
        centred.estimate(objective, logits[:1], centred.noise((1, 3), SEED))


def test_a_name_is_taken_once():
    class Another(Estimator):
        facts = Facts(name="disarm", source="", support=("bernoulli",), unbiased=True, hard=2)

    with pytest.raises(UserError, match="'disarm' is registered already"):
        register(Another)
    assert registered()["disarm"].__name__ == "DisARM"


def test_a_setting_does_not_hide_a_method():
    @dataclass(frozen=True, kw_only=True)
    class Hiding(Estimator):
        facts: ClassVar[Facts] = Facts(name="hiding", source="", support=("bernoulli",), unbiased=True, hard=2)
        surrogate: str = "net"

    with pytest.raises(UserError, match="the setting 'surrogate' of hiding would hide a method"):
        register(Hiding)
