"""Small float64 networks for the tests of decoupled models, and what they are compared with."""

import keras
import numpy as np
import tensorflow as tf

from igr_suite.decoupling.model import DecoupledModel
from igr_suite.networks.batch_norm import BatchNorm

BATCH, INPUTS, WIDTH, CLASSES = 6, 5, 4, 3


def batch(seed: int = 0):
    """x float64 [B, INPUTS], labels int32 [B]."""
    rng = np.random.default_rng(seed)
    return tf.constant(rng.normal(size=(BATCH, INPUTS))), tf.constant(rng.integers(0, CLASSES, BATCH), tf.int32)


def modules(depth: int, seed: int = 0, batch_norm: bool = True) -> list[keras.Model]:
    """f_1 ... f_depth: linear, batch norm, tanh; the last one linear."""
    parts = []
    for i in range(depth):
        top = i == depth - 1
        dense = keras.layers.Dense(
            CLASSES if top else WIDTH,
            kernel_initializer=keras.initializers.RandomNormal(0.0, 0.7, seed=100 * seed + i + 1),
            bias_initializer=keras.initializers.RandomNormal(0.0, 0.3, seed=100 * seed + i + 51),
            dtype="float64",
        )
        norm = [BatchNorm(dtype="float64")] if batch_norm else []
        after = [] if top else [*norm, keras.layers.Activation("tanh", dtype="float64")]
        parts.append(keras.Sequential([keras.Input((INPUTS if i == 0 else WIDTH,), dtype="float64"), dense, *after]))
    return parts


def synthesiser(hidden: tuple[int, ...] = (), zero: bool = True, seed: int = 5):
    """Factory of float64 networks; `zero` begins the last layer at zero."""

    def build(inputs, outputs):
        del inputs
        layers = [
            keras.layers.Dense(
                n, "tanh", kernel_initializer=keras.initializers.RandomNormal(0.0, 0.5, seed=seed + i), dtype="float64"
            )
            for i, n in enumerate(hidden)
        ]
        distribution = "zeros" if zero else keras.initializers.RandomNormal(0.0, 0.5, seed=seed + 9)
        return keras.Sequential(
            [*layers, keras.layers.Dense(outputs[-1], kernel_initializer=distribution, dtype="float64")]
        )

    return build


def model(
    depth: int, factory=None, optimiser=None, sg_optimiser=None, batch_norm: bool = True, **settings
) -> DecoupledModel:
    """A compiled decoupled model of `modules(depth)`."""
    decoupled = DecoupledModel(modules(depth, batch_norm=batch_norm), factory or synthesiser(), **settings)
    decoupled.compile(optimiser or keras.optimizers.SGD(1.0), synthesiser_optimizer=sg_optimiser, jit_compile=False)
    return decoupled


def values(network) -> list[np.ndarray]:
    """Copies of a network's variables."""
    return [np.array(v.numpy()) for v in network.variables]


def weights(network) -> list[np.ndarray]:
    """Copies of a network's trainable variables."""
    return [np.array(v.numpy()) for v in network.trainable_variables]


def changed(before: list[np.ndarray], after: list[np.ndarray]) -> bool:
    """Whether any array differs."""
    return any(not np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def loss(y, logits):
    """Mean cross-entropy."""
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))


def backpropagation(parts, x, y) -> tuple[list[list[np.ndarray]], list[np.ndarray]]:
    """Ordinary back-propagation in training mode, state restored: (gradients of every part's weights, of the inputs of
    parts 2, 3, ...)."""
    kept = [values(part) for part in parts]
    with tf.GradientTape() as tape:
        hidden, inner = x, []
        for i, part in enumerate(parts):
            if i:
                tape.watch(hidden)
                inner.append(hidden)
            hidden = part(hidden, training=True)
        total = loss(y, hidden)
    flat, gradients = tape.gradient(total, [[v.value for v in part.trainable_variables] for part in parts] + inner), []
    gradients = [[g.numpy() for g in group] for group in flat[: len(parts)]]
    for part, arrays in zip(parts, kept):
        for variable, array in zip(part.variables, arrays):
            variable.assign(array)
    return gradients, [g.numpy() for g in flat[len(parts) :]]


SEED = tf.constant([3, 4], tf.int32)
