"""What a decoupled model cannot do is refused before training."""

import keras
import pytest
import tensorflow as tf
from keras_pairs import HOT, IDS, TAGS, WEIGHTS, X, Y, network, tagger

from igr_suite.decoupling.model import DecoupledModel, split_model
from igr_suite.decoupling.synthetic_gradient import linear
from igr_suite.errors import UserError

losses, layers, callbacks = keras.losses, keras.layers, keras.callbacks


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


def with_unsaved() -> keras.Model:
    return keras.Sequential([keras.Input((6,)), Unsaved(tf.tanh), layers.Dense(3)])


def unsaved(**options):
    train(cut(with_unsaved()), callbacks=callbacks.ModelCheckpoint("never.keras"), **options)


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
        (unsaved, "ModelCheckpoint saves the whole model, and the module module_to_a cannot be serialised"),
        (lambda: cut(with_unsaved()).save("never.keras"), "the module module_to_a .* can be neither saved nor copied"),
        (lambda: keras.models.clone_model(cut(with_unsaved())), "can be neither saved nor copied: .* get_config"),
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
def test_what_cannot_work_is_refused_before_training(call, sentence, tmp_path, monkeypatch):
    """And writes no file."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=sentence):
        call()
    assert not list(tmp_path.iterdir())
