"""A decoupled model is saved, loaded, copied, exported and resumed as Keras models are."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras_pairs import X, Y, network

from igr_suite.decoupling.model import DecoupledModel, split_model
from igr_suite.decoupling.synthetic_gradient import mlp
from igr_suite.layers import RelaxedBernoulli

# Keras's files read variables in a way that NumPy 2 warns of
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
layers, callbacks = keras.layers, keras.callbacks


def trained(optimiser=None, make=network, factory=None, **settings) -> DecoupledModel:
    decoupled = DecoupledModel(split_model(make(), ["a", "b"]), factory or mlp((4,)), **({"labels": True} | settings))
    optimiser = optimiser or keras.optimizers.Adam(0.02, amsgrad=True)
    decoupled.compile(
        optimiser, metrics=["accuracy"], synthesiser_optimizer=keras.optimizers.SGD(0.1, momentum=0.5), run_eagerly=True
    )
    return decoupled


def equal(one: DecoupledModel, other: DecoupledModel) -> None:
    for ours, theirs in zip(one.state_variables(), other.state_variables(), strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=ours.path)


def with_dropout():
    dense = layers.Dense
    return keras.Sequential([keras.Input((6,)), dense(5, name="a"), layers.Dropout(0.5, name="b"), dense(3)])


def test_a_saved_model_goes_on_as_it_would_have(tmp_path):
    """Weights, optimisers, dropout, dropped updates, a rate that was moved: `save` and `load_model`, and weights
    alone."""
    decoupled = trained(make=with_dropout, p_update=0.7)
    decoupled.fit(X, Y, batch_size=8, verbose=0)
    decoupled.optimizer.learning_rate = 0.125
    saving = callbacks.ModelCheckpoint
    saved = [saving(tmp_path / "model.keras"), saving(tmp_path / "m.weights.h5", save_weights_only=True)]
    decoupled.fit(X, Y, batch_size=8, verbose=0, callbacks=saved)
    whole, weights = keras.models.load_model(tmp_path / "model.keras"), trained(make=with_dropout, p_update=0.7)
    weights.load_weights(tmp_path / "m.weights.h5")
    for again in (whole, weights):
        equal(decoupled, again)
        assert float(again.optimizer.learning_rate) == 0.125
    one, other = (model.fit(X, Y, batch_size=8, shuffle=False, verbose=0).history for model in (decoupled, whole))
    assert one == other
    equal(decoupled, whole)


def test_a_stopped_training_is_taken_up_again(tmp_path):
    """BackupAndRestore with a scheduler, and what a CSV log holds."""

    class Stop(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    def fitted(decoupled, *more):
        halving = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
        decoupled.fit(X, Y, batch_size=10, epochs=2, shuffle=False, verbose=0, callbacks=[*more, halving])
        return decoupled

    with pytest.raises(KeyboardInterrupt):
        fitted(trained(), callbacks.BackupAndRestore(tmp_path / "backup"), Stop())
    log = callbacks.CSVLogger(tmp_path / "log.csv")
    equal(fitted(trained(), callbacks.BackupAndRestore(tmp_path / "backup")), fitted(trained(), log))
    rows = (tmp_path / "log.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 3 and {"accuracy", "cosine_1", "loss", "sg_loss_2"} < set(rows[0].split(","))


class Scaled(layers.Layer):
    """A layer that is not registered."""

    def call(self, values):
        return 2.0 * values


def positive(x, y):
    """A context that is not registered."""
    return tf.cast(x[:, :1] > 0, tf.float32)


def with_latents():
    """Binary codes with a KL at a cut, whose weight and seeds are part of the state."""
    rising = keras.optimizers.schedules.PolynomialDecay(0.0, 5, 0.1)
    code = RelaxedBernoulli(4, kl_weight=rising, seed=0, inference="mean", name="b")
    return keras.Sequential([keras.Input((6,)), layers.Dense(5, "tanh", name="a"), code, layers.Dense(3)])


def with_own_layer():
    return keras.Sequential(
        [keras.Input((6,)), layers.Dense(5, name="a"), Scaled(name="b"), layers.Dense(3, name="top")]
    )


@pytest.mark.parametrize(
    ("make", "settings", "own"),
    [
        (with_latents, {}, None),
        (with_own_layer, {"labels": False, "context": positive}, {"Scaled": Scaled, "positive": positive}),
    ],
)
def test_modules_of_one_s_own_are_saved_and_copied(make, settings, own, tmp_path):
    """Layers of latent variables, and what has to be named in custom_objects, as with any Keras model; without the
    synthesisers the loaded modules are the network. A clone shares no weight."""
    decoupled = trained(make=make, **settings)
    weights = np.arange(1.0, 21.0)
    decoupled.fit(X, Y, sample_weight=weights, batch_size=8, verbose=0)
    decoupled.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", custom_objects=own)
    with keras.saving.custom_object_scope(own or {}):
        clone = keras.models.clone_model(decoupled)
    options = {"sample_weight": weights, "batch_size": 8, "shuffle": False, "verbose": 0}
    one, other = (model.fit(X, Y, **options).history for model in (decoupled, again))
    assert one == other
    equal(decoupled, again)
    np.testing.assert_array_equal(keras.Sequential(again.parts)(X), again(X))
    assert not {id(v) for v in clone.variables} & {id(v) for v in decoupled.variables}
    clone.set_weights(decoupled.get_weights())
    np.testing.assert_array_equal(clone(X), decoupled(X))


def test_copies_and_exports(tmp_path):
    """clone_model, get_config, the model inside, a saved model of TensorFlow."""
    decoupled = trained(target="lambda", bp_lambda=0.3, warmup_steps=2)
    again = DecoupledModel.from_config(json.loads(json.dumps(decoupled.get_config())))
    assert again.settings == decoupled.settings
    assert [v.shape for v in again.weights] == [v.shape for v in decoupled.weights]
    assert keras.models.clone_model(decoupled).settings == decoupled.settings
    decoupled.train_on_batch(X, Y)
    decoupled.export(tmp_path / "exported", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "exported"))
    np.testing.assert_allclose(loaded.serve(X), decoupled.predict(X, verbose=0), rtol=1e-5, atol=1e-6)
