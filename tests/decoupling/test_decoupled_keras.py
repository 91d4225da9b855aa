"""A decoupled model takes data, labels, weights and masks as Keras does."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras_pairs import HOT, IDS, SPARSE, TAGS, WEIGHTS, X, Y, fit, network, pair, same_weights, tagger

from igr_suite.decoupling.model import DecoupledModel, split_model
from igr_suite.decoupling.synthetic_gradient import linear

losses, layers = keras.losses, keras.layers
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
    """Synthesisers ignore padding: what they predict there changes no weight. There is no warning, neither in training
    nor at inference."""
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
