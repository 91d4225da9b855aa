"""Every option of an optimiser and every callback that moves one: a decoupled model by true gradients trains as the
Keras model does."""

import keras
import numpy as np
import pytest
from keras_pairs import X, Y, fit, network, normal, pair, same_weights

from igr_suite.decoupling.model import DecoupledModel, split_model
from igr_suite.decoupling.synthetic_gradient import linear
from igr_suite.errors import UserError

# Keras itself reads variables in a way that NumPy 2 warns of
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
optimizers, callbacks = keras.optimizers, keras.callbacks
NAMES = ["Adadelta", "Adafactor", "Adagrad", "Adamax", "Ftrl", "Lamb", "Lion", "Muon", "Nadam", "ScheduleFreeAdamW"]


def rest(*names: str) -> list:
    return [pytest.param(name, marks=pytest.mark.sweep) for name in names]


class Stronger(optimizers.SGD):
    """An optimiser with an option that is no part of its configuration."""

    def __init__(self, rate: float, gain: float = 1.0):
        super().__init__(rate)
        self.gain = gain

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient * self.gain, variable, learning_rate)


def excluding():
    found = optimizers.AdamW(0.01, weight_decay=0.3)
    found.exclude_from_weight_decay(var_names=["bias"])
    return found


def several():
    found = optimizers.OptimizerMap(default_optimizer=optimizers.SGD(0.1))
    found["a/kernel"] = optimizers.Adam(0.02)
    return optimizers.MultiOptimizer(found)


OPTIONS = {
    "several": several,
    "momentum": lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    "exclude_from_weight_decay": excluding,
    "no part of the configuration": lambda: Stronger(0.1, gain=3.0),
    "moving averages": lambda: optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2),
    "moving averages at the end": lambda: optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5),
    "accumulation": lambda: optimizers.Adam(0.1, gradient_accumulation_steps=2, amsgrad=True),
    "clipnorm": lambda: optimizers.SGD(0.1, clipnorm=0.05),
    "clipvalue": lambda: optimizers.SGD(0.1, clipvalue=0.02),
    "schedule": lambda: optimizers.Adam(optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)),
    "function": lambda: optimizers.SGD(lambda: 0.1),
    "loss scale": lambda: optimizers.LossScaleOptimizer(optimizers.SGD(0.1, momentum=0.5), initial_scale=2.0**10),
    "loss scale of its own": lambda: optimizers.RMSprop(0.01, loss_scale_factor=64.0),
}


SELDOM = ("several", "momentum", "schedule", "moving averages", "clipvalue", "function", "loss scale of its own")


@pytest.mark.parametrize("option", [*(name for name in OPTIONS if name not in SELDOM), *rest(*SELDOM)])
def test_an_option_acts_as_in_keras(option):
    plain = network()
    start = plain.get_weights()
    models = pair(optimiser=OPTIONS[option])
    fit(models, X, Y)
    assert any(np.abs(new - old).max() > 1e-4 for new, old in zip(models[0].get_weights(), start)), "nothing was learnt"


@pytest.mark.sweep
@pytest.mark.parametrize("name", NAMES)
def test_every_optimiser_steps_as_in_keras(name):
    fit(pair(optimiser=lambda: getattr(optimizers, name)(0.02)), X, Y, epochs=2)


CALLBACKS = {
    "scheduler": (
        lambda: optimizers.SGD(0.1, momentum=0.5),
        lambda: [callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)],
    ),
    "scheduler, loss scale": (
        lambda: optimizers.LossScaleOptimizer(optimizers.SGD(0.1)),
        lambda: [callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)],
    ),
    "plateau": (lambda: optimizers.Adam(0.1), lambda: [callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=10)]),
    "early stopping": (
        lambda: optimizers.SGD(9.0),
        lambda: [callbacks.EarlyStopping("loss", patience=1, restore_best_weights=True)],
    ),
    "averages swapped in": (
        lambda: optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5),
        lambda: [callbacks.SwapEMAWeights(swap_on_epoch=True)],
    ),
}


@pytest.mark.parametrize(
    "name", ["scheduler, loss scale", "early stopping", *rest("scheduler", "plateau", "averages swapped in")]
)
def test_a_callback_acts_as_in_keras(name):
    optimiser, made = CALLBACKS[name]
    history = fit(pair(optimiser=optimiser), X, Y, callbacks=made, epochs=3)
    if name.startswith(("scheduler", "plateau")):
        assert history["learning_rate"][-1] < history["learning_rate"][0], "the callback has to act"
    if name == "early stopping":
        assert history["loss"][-1] > min(history["loss"]), "the last epoch has to be the worse one"


@pytest.mark.parametrize("name", ["scheduler", "plateau"])
def test_callbacks_move_the_rates_of_all_networks(name):
    """With a rate of 0 nothing learns any more, be it a module or a synthesiser that has a rate of its own."""
    decoupled = DecoupledModel(split_model(network(), ["a", "b"]), linear(), labels=True)
    decoupled.compile(optimizers.SGD(0.1), synthesiser_optimizer=optimizers.SGD(0.2), run_eagerly=True)
    plateau = callbacks.ReduceLROnPlateau("loss", factor=0.0, patience=0, min_delta=10.0)
    callback = plateau if name == "plateau" else callbacks.LearningRateScheduler(lambda epoch: 0.0)
    decoupled.fit(X, Y, verbose=0, epochs=2, callbacks=[callback])
    before = [np.array(v.numpy()) for v in decoupled.weights_to_save()]
    decoupled.fit(X, Y, verbose=0)
    for old, new in zip(before, decoupled.weights_to_save(), strict=True):
        np.testing.assert_array_equal(old, new)
    decoupled.optimizer.learning_rate = 0.25
    rates = {float(o.learning_rate) for o in [*decoupled.optimisers, *decoupled.synthesiser_optimisers]}
    assert rates == {0.25}


def test_a_global_norm_is_that_of_a_network_s_gradients():
    """Of all weights where there is one module; of each module's where there are several, none of which waits for
    another one."""

    def one_module(inner):
        return [inner]

    fit(pair(optimiser=lambda: optimizers.SGD(1.0, global_clipnorm=0.01), parts=one_module), X, Y)
    plain, decoupled, inner = pair(optimiser=lambda: optimizers.SGD(1.0, global_clipnorm=0.01))
    start = inner.get_weights()
    decoupled.train_on_batch(X, Y)
    moved = [new - old for new, old in zip(inner.get_weights(), start)]
    for i in range(0, 6, 2):  # kernel and bias
        assert np.sqrt(sum(np.sum(m**2) for m in moved[i : i + 2])) == pytest.approx(0.01, rel=1e-4)


SETTINGS = {
    "penalties": {"l2": 0.3, "l1": 0.1},
    "penalties, true targets": {"l2": 0.3, "l1": 0.1, "target": "true"},
    "penalties, warm-up": {"l2": 0.3, "warmup_steps": 1},
}


@pytest.mark.parametrize(
    "settings", ["penalties, true targets", "regularisers of layers", *rest("penalties", "penalties, warm-up")]
)
def test_under_loss_scaling_a_step_is_that_of_float32(settings):
    """A regulariser whose gradient were not scaled would be 2^-15 of itself, one scaled twice 2^15 times it."""
    regulariser = keras.regularizers.L1L2(0.05, 0.1) if settings == "regularisers of layers" else None
    moved = []
    for policy in ("float32", "mixed_float16"):
        keras.config.set_dtype_policy(policy)
        try:
            parts = split_model(network(weights=regulariser, activities=regulariser), ["a", "b"])
            decoupled = DecoupledModel(parts, small, **SETTINGS.get(settings, {}))
            decoupled.compile(optimizers.SGD(0.1, momentum=0.5), run_eagerly=True)
        finally:
            keras.config.set_dtype_policy("float32")
        scaled = [isinstance(o, optimizers.LossScaleOptimizer) for o in decoupled.optimisers]
        assert scaled == [policy != "float32"] * 3
        start = [np.array(v.numpy()) for v in decoupled.weights_to_save()]
        decoupled.fit(X, Y, batch_size=10, shuffle=False, verbose=0)
        moved.append([new.numpy() - old for new, old in zip(decoupled.weights_to_save(), start)])
    for ours, theirs in zip(*moved, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=0.01 * np.linalg.norm(theirs))


def small(inputs, outputs):
    return keras.Sequential([keras.layers.Dense(outputs[-1], kernel_initializer=normal(7))])


def test_mixed_precision_trains_as_keras_does():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        models = pair(make=lambda: network(weights="l2"), metrics=["accuracy"])
        plain, decoupled, inner = models
        for model in (plain, decoupled):
            model.fit(X, Y, batch_size=8, shuffle=False, verbose=0)
        same_weights(plain, inner)
    finally:
        keras.config.set_dtype_policy("float32")


def test_an_optimiser_is_not_shared_between_models():
    used = optimizers.SGD(0.1)
    used.build([keras.Variable(0.0)])
    decoupled = DecoupledModel(split_model(network(), ["a"]), linear())
    with pytest.raises(UserError, match="already belongs to the weights of another model"):
        decoupled.compile(used)
