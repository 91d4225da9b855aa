"""RAdam against the published formula in numpy's float64, across the step from which it divides by the mean square."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.training.adam import FusedAdam
from igr_suite.training.radam import RAdam


def published(start, gradients, rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    """Algorithm 2 of Liu et al. (2020) with PyTorch's epsilon: the weights and rho_t after every step."""
    weights, mean, square, trace = np.array(start, float), 0.0, 0.0, []
    longest = 2.0 / (1.0 - beta_2) - 1.0
    for t, gradient in enumerate(gradients, start=1):
        mean = beta_1 * mean + (1.0 - beta_1) * gradient
        square = beta_2 * square + (1.0 - beta_2) * gradient**2
        corrected = mean / (1.0 - beta_1**t)
        length = longest - 2.0 * t * beta_2**t / (1.0 - beta_2**t)
        if length > 5.0:
            r = np.sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length))
            weights = weights - rate * corrected * r * np.sqrt(1.0 - beta_2**t) / (np.sqrt(square) + epsilon)
        else:
            weights = weights - rate * corrected
        trace.append((weights, length))
    return [np.array(part) for part in zip(*trace)]


GRADIENTS = np.random.default_rng(0).normal(size=(60, 3)) * np.array([1.0, 1e-3, 50.0])
START = [0.3, -0.2, 1.5]


def trained(dtype, compiled, **settings):
    """The weights after every step."""
    variable, optimiser = tf.Variable(START, dtype=dtype), RAdam(**settings)
    optimiser.build([variable])

    @tf.function(jit_compile=compiled, autograph=False)
    def step(gradient):
        optimiser.apply([gradient], [variable])

    trace = []
    for gradient in GRADIENTS:
        step(tf.constant(gradient, dtype))
        trace.append(variable.numpy())
    return np.array(trace)


@pytest.mark.parametrize(
    "settings", [{}, {"learning_rate": 7e-4}, {"learning_rate": 0.1, "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-3}]
)
def test_every_step_is_the_published_one(settings):
    """In float64 to 1e-9 of what the weights have moved by: Keras keeps its step size in float32."""
    settings = {name: float(np.float32(v)) if name == "learning_rate" else v for name, v in settings.items()}
    named = {"rate" if name == "learning_rate" else name: value for name, value in settings.items()}
    named.setdefault("rate", float(np.float32(1e-3)))
    expected, _ = published(START, GRADIENTS, **named)
    moved = trained(tf.float64, False, **settings) - START
    np.testing.assert_allclose(moved, expected - START, rtol=1e-9, atol=0.0)


@pytest.mark.parametrize("compiled", [False, True])
def test_float32_divides_by_the_mean_square_from_the_sixth_step_on(compiled):
    """With the default settings; the weights' own rounding is the tolerance."""
    expected, lengths = published(START, GRADIENTS)
    assert lengths[4] < 5.0 < lengths[5]
    np.testing.assert_allclose(trained(tf.float32, compiled), expected, rtol=1e-6)
    before, after = (np.abs(np.diff(expected, axis=0)[i, 2]) for i in (3, 4))
    assert before > 10.0 * after  # the third gradient is large: its steps shrink where they are divided by its root


def test_later_steps_are_nearly_adams():
    """The rectification tends to 1: at step 20,000 it is within 1e-3."""
    _, lengths = published([0.0], np.ones((20_000, 1)))
    longest, last = 1999.0, lengths[-1]
    r = np.sqrt((last - 4) * (last - 2) * longest / ((longest - 4) * (longest - 2) * last))
    assert 0.999 < r <= 1.0
    steps = []
    for optimiser in (RAdam(), FusedAdam(epsilon=1e-8)):
        variable = tf.Variable([0.0])
        optimiser.build([variable])
        optimiser.iterations.assign(20_000)
        optimiser.apply([tf.constant([1.0])], [variable])
        steps.append(float(variable[0]))
    assert steps[0] == pytest.approx(steps[1], rel=1e-3)


def test_it_is_a_keras_optimiser():
    """Saved and read back with its settings; sparse gradients are taken; amsgrad is refused."""
    again = keras.optimizers.deserialize(keras.optimizers.serialize(RAdam(5e-4, beta_2=0.99)))
    assert isinstance(again, RAdam) and (again.beta_2, again.epsilon) == (0.99, 1e-8)
    assert float(again.learning_rate) == pytest.approx(5e-4)
    table = keras.Variable(np.ones((4, 2), np.float32))
    optimiser = RAdam()
    optimiser.build([table])
    sparse = tf.IndexedSlices(tf.ones([1, 2]), tf.constant([2]), tf.constant([4, 2]))
    optimiser.apply([sparse], [table])
    np.testing.assert_allclose(table.numpy(), [[1, 1], [1, 1], [0.999, 0.999], [1, 1]], rtol=1e-6)
    with pytest.raises(UserError, match="RAdam has no amsgrad"):
        RAdam(amsgrad=True)
