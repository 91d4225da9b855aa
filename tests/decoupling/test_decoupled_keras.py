"""A decoupled model beside Keras's habits: data, labels, weights, masks, precision, files; what cannot work is refused
before training."""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras_pairs import HOT, IDS, SPARSE, TAGS, WEIGHTS, X, Y, fit, network, pair, same_weights, tagger

from igr_suite.decoupling.model import DecoupledModel, split_model
from igr_suite.decoupling.synthetic_gradient import linear, mlp
from igr_suite.errors import UserError

# Keras's files read variables in a way that NumPy 2 warns of
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
losses, layers, callbacks = keras.losses, keras.layers, keras.callbacks
CLASSES = {0: 1.0, 1: 2.0, 2: 0.5}


def one_output(top=None):
    return lambda: network(1, top)


def bare_layers(inner):
    first, second, third = inner.layers
    return [keras.Sequential([keras.Input((6,)), first]), second, third]


def square(y, outputs):
    return tf.reduce_mean(tf.square(y - outputs), -1)


DATA = {  # (options of the pair, inputs, labels, options of fit)
    "class numbers, everything": (
        {"metrics": ["accuracy"], "weighted_metrics": ["accuracy"]},
        X,
        Y,
        {"sample_weight": WEIGHTS, "validation_data": (X, Y, WEIGHTS)},
    ),
    "a column of floats": ({"metrics": ["accuracy"]}, X, Y[:, None].astype("float32"), {"class_weight": CLASSES}),
    "one-hot, smoothed": (
        {"loss": losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1), "metrics": ["accuracy", "mae"]},
        X,
        HOT,
        {"class_weight": CLASSES},
    ),
    "one number an example": ({"loss": "mse", "make": one_output(), "metrics": ["mae"]}, X, Y.astype("float32"), {}),
    "hinge": ({"loss": "hinge", "make": one_output()}, X, np.sign(Y - 0.5), {}),
    "true or false": (
        {"loss": "binary_crossentropy", "make": one_output("sigmoid"), "metrics": ["accuracy"]},
        X,
        Y > 0,
        {},
    ),
    "a function, whole numbers": ({"loss": square}, X, HOT.astype("int64"), {}),
    "a function, one number": ({"loss": square, "make": one_output()}, X, Y.astype("float32"), {}),
    "a class left out": ({"loss": SPARSE(from_logits=True, ignore_class=255)}, X, np.where(Y == 2, 255, Y), {}),
    "sums": ({"loss": SPARSE(from_logits=True, reduction="sum"), "settings": {"reduction": "sum"}}, X, Y, {}),
    "regularisers": ({"make": lambda: network(weights="l2", activities="l1")}, X, Y, {"validation_data": (X, Y)}),
    "regularisers of bare layers": (
        {"make": lambda: network(weights="l2", activities="l1"), "parts": bare_layers},
        X,
        Y,
        {},
    ),
    "masks": (
        {"make": tagger, "metrics": ["accuracy"], "weighted_metrics": ["accuracy"]},
        IDS,
        TAGS,
        {"validation_data": (IDS, TAGS)},
    ),
    "masks and weights": ({"make": tagger}, IDS, TAGS, {"sample_weight": np.arange(100.0).reshape(20, 5)}),
    "masks and sums": (
        {"make": tagger, "loss": SPARSE(True, reduction="sum"), "settings": {"reduction": "sum"}},
        IDS,
        TAGS,
        {},
    ),
    "a mask that ends inside": (
        {"make": lambda: tagger(False), "metrics": ["accuracy"]},
        IDS,
        Y,
        {"validation_split": 0.2},
    ),
    "graph, XLA": ({"run_eagerly": False, "jit_compile": True}, X[:16], Y[:16], {}),
    "graph, several steps a call": ({"run_eagerly": False, "steps_per_execution": 2}, X, Y, {"epochs": 2}),
}
SELDOM = (
    "one number an example",
    "a function, one number",
    "masks and sums",
    "masks and weights",
    "true or false",
    "regularisers",
)
SELDOM += ("a mask that ends inside", "graph, XLA", "graph, several steps a call", "a column of floats")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.sweep) if name in SELDOM else name for name in DATA]
)
def test_data_are_taken_as_by_keras(name):
    """Weights after an epoch whose last batch is smaller, losses and metrics."""
    options, x, y, fitting = DATA[name]
    fit(pair(**options), x, y, **fitting)


def batches():
    for i in range(0, 20, 8):
        yield X[i : i + 8], Y[i : i + 8], WEIGHTS[i : i + 8]


def endless():
    signature = (tf.TensorSpec((None, 6)), tf.TensorSpec((None,), tf.int64), tf.TensorSpec((None,)))
    return tf.data.Dataset.from_generator(batches, output_signature=signature).repeat()


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (batches, {}),
        (endless, {"steps_per_epoch": 2, "epochs": 2, "validation_data": endless(), "validation_steps": 2}),
    ],
    ids=["generator", "data set without end"],
)
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_data_of_unknown_size(data, options):
    fit(pair(), data, shuffle=False, **options)


def test_single_batches_and_use_before_training():
    plain, decoupled, inner = pair(metrics=["accuracy"])
    np.testing.assert_allclose(decoupled.predict(X, verbose=0), plain.predict(X, verbose=0), rtol=1e-6)
    weighted = {"sample_weight": WEIGHTS, "verbose": 0, "return_dict": True}
    assert decoupled.evaluate(X, Y, **weighted) == pytest.approx(plain.evaluate(X, Y, **weighted))
    for options in ({}, {"sample_weight": WEIGHTS}, {"class_weight": CLASSES}):
        wanted = plain.train_on_batch(X, Y, return_dict=True, **options)
        found = decoupled.train_on_batch(X, Y, return_dict=True, **options)
        assert {name: found[name] for name in wanted} == pytest.approx(wanted)
    assert decoupled.test_on_batch(X, Y) == pytest.approx(plain.test_on_batch(X, Y))
    same_weights(plain, inner)


def test_masks_reach_the_layers_above_a_cut_and_silence_predictions():
    """Padding is no example to a synthesiser: what it predicts there drives nothing. Nothing warns, at inference
    neither."""
    ids, tags = tf.constant(IDS), tf.constant(TAGS)
    found = []
    for offset in (0.0, 5.0):

        def shifted(inputs, outputs, offset=offset):
            class Padding(layers.Layer):
                def call(self, values):
                    padded = tf.cast(ids == 0, values.dtype)[:, :, tf.newaxis]
                    return values * 0.1 + offset * padded

                def compute_output_shape(self, shape):
                    return shape

            return Padding()

        inner = tagger()
        decoupled = DecoupledModel(split_model(inner, ["a", "b"]), shifted)
        decoupled.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            decoupled.update(ids, tags, tf.constant([0, 0]))
            np.testing.assert_allclose(decoupled(ids), inner(ids), rtol=1e-5)
        found.append(inner.get_weights())
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_mask_may_be_given_by_hand():
    inner = keras.Sequential([keras.Input((5, 4)), layers.SimpleRNN(3, name="a"), layers.Dense(2)])
    decoupled = DecoupledModel(split_model(inner, ["a"]), linear())
    x, mask = (
        np.random.default_rng(0).normal(size=(4, 5, 4)),
        tf.constant(np.arange(5) < np.array([[1], [2], [5], [3]])),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that models do not support masking, which they do
        np.testing.assert_allclose(decoupled(x, mask=mask), inner(x, mask=mask), rtol=1e-6)
        assert np.abs(inner(x, mask=mask) - inner(x)).max() > 1e-3, "the mask has to act"


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


class Unsaved(layers.Layer):
    """A layer that Keras cannot save."""

    def __init__(self, function):
        super().__init__(name="a")
        self.function = function

    def call(self, values):
        return self.function(values)

    def compute_output_shape(self, shape):
        return shape

    def get_config(self):
        raise NotImplementedError("no configuration")


def cut(inner=None, cuts=("a",), factory=None, **settings) -> DecoupledModel:
    return DecoupledModel(split_model(inner or network(), cuts), factory or linear(), **settings)


def train(decoupled: DecoupledModel, x=X, y=Y, loss=None, **options) -> None:
    decoupled.compile("sgd", loss, run_eagerly=True)
    try:
        decoupled.fit(x, y, verbose=0, **options)
    finally:
        assert int(decoupled.steps) == 0, "refused after the first step"


def unsaved(**options):
    inner = keras.Sequential([keras.Input((6,)), Unsaved(tf.tanh), layers.Dense(3)])
    train(cut(inner), callbacks=callbacks.ModelCheckpoint("never.keras"), **options)


def functional_with_a_mask():
    words = keras.Input((5,))
    hidden = layers.Embedding(7, 4, mask_zero=True, name="a")(words)
    return split_model(keras.Model(words, layers.SimpleRNN(3)(hidden)), ["a"])


def words(inputs, outputs):
    return keras.Sequential([layers.Embedding(7, outputs[-1])])


def module_with_a_name():
    inputs = keras.Input((6,))
    named = keras.Model(inputs, {"hidden": layers.Dense(4)(inputs)}, name="named")
    return DecoupledModel([named, layers.Dense(3)], linear())


def scalar(y, outputs):
    return tf.reduce_mean(tf.square(outputs))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (unsaved, "ModelCheckpoint saves the whole model, and a part of it cannot be saved"),
        (
            lambda: train(cut(), callbacks=[callbacks.ModelCheckpoint("never.h5")]),
            "from 'never.h5'; end the name with .keras",
        ),
        (lambda: cut().save("never.h5"), "cannot be read back"),
        (functional_with_a_mask, "a mask passes the cut behind 'a'"),
        (lambda: cut(tagger(), ("a",), synthetic_inputs=words), "leave synthetic_inputs out"),
        (lambda: train(cut(tagger(), ("a",)), IDS, TAGS, scalar), r"the outputs have a mask of the shape \(20, 5\)"),
        (lambda: train(cut(), X, None), "images without labels, and its loss needs them"),
        (
            lambda: train(cut(), tf.data.Dataset.from_tensor_slices(X).batch(4), None, shuffle=False),
            "the data hold no labels",
        ),
        (lambda: train(cut(), [X, X]), "the data hold 2 inputs"),
        (module_with_a_name, "module 1, named, returns a dict; let it return the tensor itself"),
        (lambda: train(cut(), X, [Y, Y]), "the data hold 2 labels"),
        (lambda: train(cut(), X, Y + 1), "the label 3 is none of the 3 classes"),
        (
            lambda: train(cut(), X, HOT[:, :2]),
            r"labels of the shape \(20, 2\) are neither class numbers nor probabilities",
        ),
        (lambda: train(cut(), X, Y, {"top": "mse"}), "so its loss is a single one"),
        (
            lambda: train(cut(), X, Y, losses.MeanSquaredError(reduction="sum")),
            "pass reduction='sum' to DecoupledModel",
        ),
        (lambda: cut().compile("sgd", loss_weights=[1.0]), "weigh several outputs"),
        (lambda: train(cut(), X, Y, scalar, sample_weight=WEIGHTS), "examples cannot be weighted"),
    ],
)
def test_what_cannot_work_is_refused_before_training(call, sentence):
    with pytest.raises(UserError, match=sentence):
        call()


HERE = Path(__file__).parent


def on_two_devices(*words: str) -> dict:
    variables = {
        **os.environ,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE)]),
    }
    program = [sys.executable, "-W", "ignore", str(HERE / "decoupled_two_devices.py"), *words]
    done = subprocess.run(program, capture_output=True, text=True, env=variables, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def close(found: dict) -> None:
    for name, apart in found["apart"].items():
        assert apart["moved"] > 1e-3, (name, "nothing was learnt")
        assert apart["state"] < 1e-5 and apart["history"] < 1e-4 and apart["evaluation"] < 1e-5, (name, apart)


def test_two_replicas_make_the_step_of_the_whole_batch():
    """Batches of odd size and of one example, weights of examples, every kind of sum over the batch; what needs one
    device is refused."""
    found = on_two_devices()
    assert len(found["apart"]) == 1
    close(found)
    assert all(words in found["refused"][name] for name, words in REFUSED.items()), found["refused"]


@pytest.mark.sweep
def test_so_they_do_with_every_setting():
    found = on_two_devices("all")
    assert len(found["apart"]) > 15
    close(found)


REFUSED = {
    "accumulation": "gradient_accumulation_steps=2 of the optimiser",
    "averages": "ema_overwrite_frequency=2 of the optimiser",
    "several that clip": "leave clipping out, or train on one device",
    "XLA": "leave jit_compile=True out",
    "outside": "was made outside the scope of the strategy",
    "dropped updates": "p_update=0.5 leaves updates out",
}
