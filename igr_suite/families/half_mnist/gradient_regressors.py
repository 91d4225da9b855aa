"""Networks that regress the encoder's gradient in half-and-half MNIST: linear, deep with a residual sum, and mixtures
of the two."""

import keras
import tensorflow as tf

from igr_suite.decoupling import synthetic_gradient
from igr_suite.decoupling.synthetic_gradient import Synthesiser
from igr_suite.families.half_mnist.networks import EPSILON
from igr_suite.networks.batch_norm import BatchNorm

SMALL = 1e-4  # bound of the deep network's first weights


def regressor(kind: str, width: int | None, seed: int) -> Synthesiser:
    """Returns the factory of a kind, "lin", "deep", "lin_deep" or "custom"; the network's output is zero before
    training.

        lin       s = u W + c
        deep      a = relu(BN(u W_i)), k = relu(BN(a W_h)), s = (a + k) W_o + b_o
        lin_deep  the sum of the two
        custom    s0 = u W + c, a = relu(BN(s0)), k = relu(BN(a W_1)), s = s0 + k W_2 + b_2

    Batch normalisation always takes the batch's statistics: the networks are used in training only.

    Args:
      kind: of the network.
      width: of its hidden layers; None for "lin", which has none.
      seed: of the initial weights.
    Source: docs/papers/half_mnist.md, section 1.7.
    """
    if kind == "lin":
        return synthetic_gradient.linear(seed)
    parts = {"deep": lambda size: [Deep(size, width, seed)], "custom": lambda size: [Custom(size, width, seed)]}
    parts["lin_deep"] = lambda size: [_zeros(size), Deep(size, width, seed)]

    def build(inputs: tuple[int, ...], outputs: tuple[int, ...]) -> keras.Layer:
        del inputs  # Keras infers it when it builds the layers
        return Sum(parts[kind](outputs[-1]))

    return build


class Sum(keras.Layer):
    """The sum of layers that have the same input."""

    def __init__(self, parts: list[keras.Layer]):
        super().__init__()
        self.parts = parts

    def build(self, input_shape):
        for part in self.parts:
            part.build(input_shape)

    def call(self, inputs):
        return sum((part(inputs) for part in self.parts[1:]), self.parts[0](inputs))


class Deep(keras.Layer):
    """Two hidden layers, whose sum enters the output layer."""

    def __init__(self, outputs: int, width: int, seed: int):
        super().__init__()
        self.first = _hidden(width, keras.initializers.RandomUniform(-SMALL, SMALL, seed))
        self.second = _hidden(width, keras.initializers.Orthogonal(seed=seed + 1))
        self.out = _zeros(outputs)

    def build(self, input_shape):
        self.first.build(input_shape)
        for part in (self.second, self.out):
            part.build((*input_shape[:-1], self.first.layers[0].units))

    def call(self, inputs):
        a = self.first(inputs)
        return self.out(a + self.second(a))


class Custom(keras.Layer):
    """A linear prediction plus a correction by a hidden layer whose only input is that prediction."""

    def __init__(self, outputs: int, width: int, seed: int):
        super().__init__()
        self.linear, self.norm = _zeros(outputs), BatchNorm(epsilon=EPSILON, moving=False)
        self.hidden = _hidden(width, keras.initializers.RandomUniform(-0.1, 0.1, seed))
        self.out = _zeros(outputs)
        self.outputs = outputs

    def build(self, input_shape):
        self.linear.build(input_shape)
        for part in (self.norm, self.hidden):
            part.build((*input_shape[:-1], self.outputs))
        self.out.build((*input_shape[:-1], self.hidden.layers[0].units))

    def call(self, inputs):
        first = self.linear(inputs)
        return first + self.out(self.hidden(tf.nn.relu(self.norm(first))))


def _zeros(outputs: int) -> keras.layers.Dense:
    return keras.layers.Dense(outputs, kernel_initializer="zeros")


def _hidden(width: int, initial: keras.initializers.Initializer) -> keras.Sequential:
    """Linear, batch norm, relu."""
    norm = BatchNorm(epsilon=EPSILON, moving=False)
    return keras.Sequential([keras.layers.Dense(width, kernel_initializer=initial), norm, keras.layers.ReLU()])
