"""A missing derivative is a clear error, both where TensorFlow returns None and where another summand hides that it is
missing."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.estimators import base, get, register, registered
from igr_suite.estimators.base import Estimate, Estimator, Facts
from igr_suite.estimators.conformance import check, enumerable_problem, measure, trained_by_own_loss
from igr_suite.estimators.derivatives import MissingDerivative, Traced, derivative
from igr_suite.estimators.relax import TinyNet
from igr_suite.families.hard_vae.distributions import Categorical
from igr_suite.families.hard_vae.gradients import evaluate_control
from igr_suite.randomness import run_seed

CASES = [
    pytest.param(name, support, id=f"{name}-{support}")
    for name, cls in registered().items()
    for support in cls.facts.support
]
NEED = [case for case in CASES if registered()[case.values[0]].facts.differentiates]
SEED = run_seed(11, "derivatives")
BATCH = 4


def batch_of(support: str, dtype=tf.float32):
    problem = enumerable_problem(support)
    scales = np.linspace(-1.5, 1.5, BATCH).reshape(BATCH, *[1] * problem.logits.ndim)
    return problem.objective, tf.cast(scales * problem.logits, dtype)


def opaque(objective):
    """Five ways to be without a derivative, by name; values of the objective itself but for the rounded one."""
    outside = lambda b: tf.numpy_function(lambda x: objective(tf.constant(x)).numpy(), [b], b.dtype)  # noqa: E731
    return {
        "numpy": outside,
        "rounded": lambda b: objective(tf.round(b)),
        "stopped": lambda b: tf.stop_gradient(objective(b)),
        "compared": lambda b: objective(tf.cast(b > 0.5, b.dtype)),
        "traced": tf.function(lambda b: tf.stop_gradient(objective(b)), autograph=False),
    }


def estimate_of(name, objective, logits, shape=None, **settings):
    estimator = get(name, **settings)
    return estimator.estimate(
        objective, logits, estimator.noise(logits.shape if shape is None else shape, SEED, logits.dtype)
    )


def settings_of(name):
    """Settings that take the derivative in another way."""
    return [{}] + [{"coupling": "independent"}] * hasattr(get(name), "coupling")


@pytest.mark.parametrize("kind", ["numpy", "rounded", "stopped", "compared", "traced"])
@pytest.mark.parametrize(("name", "support"), NEED)
def test_a_missing_derivative_is_a_sentence(name, support, kind):
    """Eagerly; the sentence names estimators of this kind of variable that need none."""
    objective, logits = batch_of(support)
    for settings in settings_of(name):
        with pytest.raises(
            UserError, match=f"^{name} needs a derivative, but the objective has no derivative"
        ) as error:
            estimate_of(name, opaque(objective)[kind], logits, **settings)
        named = str(error.value).partition("Estimators that need none: ")[2]
        for other in ("reinforce", "rloo"):
            assert other in named
        assert ("disarm," in named) == (support == "bernoulli") and "control='net'" in named


@pytest.mark.parametrize("dtype", [tf.float32, tf.float16], ids=lambda dtype: dtype.name)
@pytest.mark.parametrize(("name", "support"), NEED)
def test_a_missing_derivative_is_a_sentence_while_tracing(name, support, dtype):
    """In a function of a batch of unknown size, before anything runs."""
    objective, logits = batch_of(support, dtype)
    for kind in ("numpy", "stopped"):
        for settings in settings_of(name):

            def gradient(logits, kind=kind, settings=settings):
                return estimate_of(name, opaque(objective)[kind], logits, tf.shape(logits), **settings).gradient

            traced = tf.function(gradient, autograph=False, reduce_retracing=True)
            with pytest.raises(UserError, match="needs a derivative"):
                traced.get_concrete_function(tf.TensorSpec([None, *logits.shape[1:]], dtype))


@pytest.mark.parametrize(("name", "support"), NEED)
def test_dependence_on_the_logits_does_not_hide_it(name, support):
    """f(b, logits) = black box + g(logits): a tape by the logits stays connected through the second term."""
    objective, logits = batch_of(support)
    with pytest.raises(UserError, match="needs a derivative"):
        hidden = lambda b: opaque(objective)["stopped"](b) + tf.reduce_sum(tf.reshape(logits, [BATCH, -1]), -1)  # noqa: E731
        for settings in settings_of(name):
            estimate_of(name, hidden, logits, **settings)


@pytest.mark.parametrize(("name", "support"), [case for case in CASES if case not in NEED])
def test_estimators_without_a_derivative_take_black_boxes(name, support):
    """Equal numbers, eagerly and in a function of a batch of unknown size."""
    objective, logits = batch_of(support)
    expected = estimate_of(name, objective, logits).gradient
    for kind in ("numpy", "stopped"):
        np.testing.assert_array_equal(estimate_of(name, opaque(objective)[kind], logits).gradient, expected)

    def gradient(logits):
        return estimate_of(name, opaque(objective)["numpy"], logits, tf.shape(logits)).gradient

    traced = tf.function(gradient, [tf.TensorSpec([None, *logits.shape[1:]])], autograph=False)
    np.testing.assert_allclose(traced(logits), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("support", ["bernoulli", "categorical"])
@pytest.mark.parametrize("name", ["relax", "lax"])
def test_the_net_alone_is_unbiased_for_black_boxes(name, support):
    """100,000 draws of numpy's own objective; with control "add" it refuses."""
    problem = enumerable_problem(support)
    black = problem._replace(objective=opaque(problem.objective)["numpy"])
    assert measure(get(name, control="net"), black).unbiased
    with pytest.raises(UserError, match=f"{name} needs a derivative"):
        measure(get(name, control="add"), black)


def test_the_bias_that_a_missing_derivative_had():
    """The error prevents a real bias: RELAX whose surrogate's f is held constant is found biased."""

    @dataclass(frozen=True, kw_only=True)
    class Blind(type(get("relax"))):
        @property
        def differentiates(self):
            return False

    problem = enumerable_problem("bernoulli")
    assert measure(Blind(), problem).unbiased
    assert measure(Blind(), problem._replace(objective=opaque(problem.objective)["stopped"])).biased


@pytest.mark.parametrize(("name", "support"), NEED)
def test_objectives_that_do_not_depend_on_their_samples(name, support):
    """A constant has no derivative in TensorFlow: the error says what to add. With it, and for one unit, all is
    finite."""
    objective, logits = batch_of(support)
    axes = list(range(-logits.shape.rank + 1, 0))
    constant = lambda b: tf.fill(tf.shape(b)[: b.shape.rank - len(axes)], 2.0)  # noqa: E731
    with pytest.raises(UserError, match="constant in its samples add 0 times their sum"):
        estimate_of(name, constant, logits)
    flat = estimate_of(name, lambda b: constant(b) + 0.0 * tf.reduce_sum(b, axes), logits)
    np.testing.assert_array_equal(flat.value, np.full(BATCH, 2.0))
    assert np.isfinite(flat.gradient).all()
    first = estimate_of(name, lambda b: tf.reduce_sum(b[..., 0, :] if len(axes) == 2 else b[..., :1], -1), logits)
    assert np.isfinite(first.gradient).all()


def test_gathered_samples_have_their_derivative():
    """Slices that TensorFlow keeps sparse, operations without a registered gradient, and Python functions."""
    logits = tf.constant([[0.3, -0.2]])
    gathered = lambda b: tf.reduce_sum(tf.gather(b, [1, 0], axis=-1) * [1.0, 3.0], -1)  # noqa: E731
    plain = lambda b: tf.reduce_sum(b * [3.0, 1.0], -1)  # noqa: E731
    python = lambda b: tf.py_function(lambda x: tf.reduce_sum(x * [3.0, 1.0], -1), [b], b.dtype)  # noqa: E731
    for name in ("rebar", "straight_through", "muprop", "concrete"):
        expected = estimate_of(name, plain, logits).gradient
        for objective in (gathered, python):
            np.testing.assert_allclose(estimate_of(name, objective, logits).gradient, expected, rtol=1e-6)
        outside = lambda b: tf.py_function(lambda x: x.numpy().sum(-1), [b], b.dtype)  # noqa: E731
        forbidden = lambda b: tf.reduce_sum(tf.raw_ops.PreventGradient(input=b, message="no"), -1)  # noqa: E731
        for objective in (outside, forbidden):
            with pytest.raises(UserError, match="needs a derivative"):
                estimate_of(name, objective, logits)


def test_an_objectives_own_errors_are_its_own():
    def broken(b):
        raise KeyError("my own")

    with pytest.raises(KeyError, match="my own"):
        estimate_of("rebar", broken, tf.zeros([2, 3]))

    @tf.custom_gradient
    def broken_later(b):
        def gradient(upstream):
            raise IndexError("my own")

        return tf.reduce_sum(b, -1), gradient

    with pytest.raises(IndexError, match="my own"):
        estimate_of("rebar", broken_later, tf.zeros([2, 3]))


@pytest.mark.parametrize("control", ["add", "net"])
@pytest.mark.parametrize("name", ["relax", "lax"])
def test_a_net_without_a_derivative_is_a_sentence(name, control):
    """The net is checked apart from the objective beside it."""

    @dataclass(frozen=True, kw_only=True)
    class Stopped(TinyNet):
        def __call__(self, *arguments):
            return tf.stop_gradient(super().__call__(*arguments))

    objective, logits = batch_of("bernoulli")
    with pytest.raises(UserError, match=f"{name} needs a derivative, but the net has no derivative"):
        estimate_of(name, objective, logits, control=control, net=Stopped())


def test_a_control_variate_of_ones_own_is_checked():
    distribution, seed = Categorical(), tf.constant([1, 2])
    draw = distribution.draw(tf.zeros([3, 2, 4]), seed, "independent")
    with pytest.raises(UserError, match="the control variate has no derivative"):
        evaluate_control(lambda z: tf.reduce_sum(tf.round(z), [-2, -1]), draw, "independent")
    assert evaluate_control(lambda z: tf.reduce_sum(z, [-2, -1]), draw, "independent").slope.shape == (2, 3, 2, 4)


def test_the_note_is_taken_apart_from_a_sum():
    """The tape has a derivative; the function took no part in it."""
    x = tf.constant([1.0, 2.0])
    for function, reached in ((tf.round, False), (tf.square, True)):
        traced = Traced(function, "mine")
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = traced(x) + 3.0 * x
        expected = 2.0 * x + 3.0 if reached else [3.0, 3.0]
        np.testing.assert_array_equal(derivative(tape, value, x), expected)
        assert traced.reached == reached
    with pytest.raises(MissingDerivative, match="mine has no derivative in TensorFlow"):
        Traced(tf.round, "mine").require()


def test_estimators_of_a_user_are_checked(monkeypatch):
    """One whose tape stays connected beside the objective; and one whose own loss reaches the logits."""
    monkeypatch.setattr(base, "_registry", dict(base._registry))

    @register
    @dataclass(frozen=True, kw_only=True)
    class Beside(Estimator):
        facts: ClassVar[Facts] = Facts(
            name="beside", source="", support=("bernoulli",), unbiased=False, hard=1, differentiates=True
        )

        def _estimate(self, objective, logits, noise, parameters):
            with tf.GradientTape() as tape:
                tape.watch(logits)
                soft = tf.sigmoid(logits + noise["u"])
                value = objective(soft) + tf.reduce_sum(soft, -1)
            return Estimate(value, soft, tape.gradient(value, logits))

    objective, logits = batch_of("bernoulli")
    assert estimate_of("beside", objective, logits).gradient.shape == logits.shape
    with pytest.raises(UserError, match="beside needs a derivative"):
        estimate_of("beside", opaque(objective)["stopped"], logits)

    @register
    @dataclass(frozen=True, kw_only=True)
    class Leaking(type(get("nvil"))):
        facts: ClassVar[Facts] = replace(registered()["nvil"].facts, name="leaking", support=("bernoulli",))

        def _estimate(self, objective, logits, noise, parameters):
            estimate = super()._estimate(objective, logits, noise, parameters)
            centre = objective(tf.sigmoid(logits))
            return estimate._replace(loss=estimate.loss + tf.reduce_mean(tf.square(centre)))

    with pytest.raises(AssertionError, match="its own loss trains the logits and the objective's parameters"):
        check(get("leaking"))


@pytest.mark.parametrize(("name", "support"), CASES)
def test_an_own_loss_trains_the_estimator_alone(name, support):
    """Exactly nothing else; its gradient by the estimator's own parameters is the finite difference."""
    estimator, problem = get(name), enumerable_problem(support)
    assert trained_by_own_loss(estimator, problem) == []
    objective, logits = batch_of(support, tf.float64)
    noise = estimator.noise(logits.shape, SEED, tf.float64)
    parameters = {
        key: tf.convert_to_tensor(value) for key, value in estimator.parameters(logits.shape, tf.float64).items()
    }
    with tf.GradientTape() as tape:
        tape.watch([logits, parameters])
        estimate = estimator.estimate(objective, logits, noise, parameters)
    assert (estimate.loss is not None) == estimator.facts.own_loss
    if estimate.loss is None:
        return
    by_logits, by_parameters = tape.gradient(estimate.loss, [logits, parameters])
    assert by_logits is None
    for key, value in parameters.items():
        up, down = (
            estimator.estimate(objective, logits, noise, {**parameters, key: value + step}).loss
            for step in (1e-6, -1e-6)
        )
        assert float(by_parameters[key]) == pytest.approx(float(up - down) / 2e-6, rel=1e-6) != 0.0
