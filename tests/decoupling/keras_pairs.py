"""A Keras model, and the same model decoupled so that its step is back-propagation: pairs that have to behave alike."""

import keras
import numpy as np

from igr_suite.decoupling.model import DecoupledModel, split_model
from igr_suite.decoupling.synthetic_gradient import linear

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 6)).astype("float32"), RNG.integers(0, 3, 20)
HOT, WEIGHTS = np.eye(3, dtype="float32")[Y], RNG.uniform(0.1, 3, 20)
IDS, TAGS = RNG.integers(1, 7, (20, 5)), RNG.integers(0, 3, (20, 5))
IDS[::3, 3:] = IDS[1::4, 1:] = 0  # padding
SPARSE = keras.losses.SparseCategoricalCrossentropy


def normal(seed: int) -> keras.initializers.Initializer:
    return keras.initializers.RandomNormal(0.0, 0.5, seed=seed)


def network(outputs: int = 3, top: str | None = None, weights=None, activities=None) -> keras.Sequential:
    """6 numbers -> outputs, with layers a, b, top; regularisers of weights and of activities."""
    dense = keras.layers.Dense
    return keras.Sequential(
        [
            keras.Input((6,)),
            dense(
                5,
                "tanh",
                name="a",
                kernel_initializer=normal(1),
                kernel_regularizer=weights,
                activity_regularizer=activities,
            ),
            dense(4, "tanh", name="b", kernel_initializer=normal(2), kernel_regularizer=weights),
            dense(outputs, top, name="top", kernel_initializer=normal(3), activity_regularizer=activities),
        ]
    )


def tagger(tags: bool = True) -> keras.Sequential:
    """5 words, 0 for none -> logits of each word's class, or of the sentence's."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((5,)),
            layers.Embedding(7, 4, mask_zero=True, name="a", embeddings_initializer=normal(3)),
            layers.SimpleRNN(
                4, return_sequences=True, name="b", kernel_initializer=normal(4), recurrent_initializer=normal(5)
            ),
            *([] if tags else [layers.GlobalAveragePooling1D()]),
            layers.Dense(3, name="top", kernel_initializer=normal(6)),
        ]
    )


def pair(loss=None, make=network, optimiser=None, parts=None, settings=None, **compiled) -> tuple:
    """(Keras model, decoupled model, the model inside), of equal weights, which learn by the same gradients."""
    optimiser = optimiser or (lambda: keras.optimizers.SGD(0.1))
    compiled = {"run_eagerly": True, "jit_compile": False} | compiled
    plain, inner = make(), make()
    plain.compile(optimiser(), loss or SPARSE(from_logits=True), **compiled)
    parts = split_model(inner, ["a", "b"]) if parts is None else parts(inner)
    decoupled = DecoupledModel(parts, linear(), target="lambda", bp_lambda=1.0, **(settings or {}))
    decoupled.compile(optimiser(), loss, **compiled)
    return plain, decoupled, inner


def fit(models: tuple, x, y=None, callbacks=list, **options) -> dict[str, list[float]]:
    """Trains both; they have to end with the same weights and the same history, which is returned."""
    plain, decoupled, inner = models
    options = {"verbose": 0} | ({"shuffle": False, "batch_size": 8} if y is not None else {}) | options
    found = [m.fit(x() if callable(x) else x, y, callbacks=callbacks(), **options).history for m in (plain, decoupled)]
    same_weights(plain, inner)
    for name, values in found[0].items():
        np.testing.assert_allclose(found[1][name], values, rtol=2e-5, atol=1e-6, err_msg=name)
    return found[0]


def same_weights(plain: keras.Model, inner: keras.Model) -> None:
    for ours, theirs in zip(inner.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
