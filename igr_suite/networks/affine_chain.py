"""Affine maps with tanh between them as pure functions of their weights: values, gradients, and products of gradients
by Gram matrices.

A chain's weights are a list [W_1, b_1, W_2, b_2, ...], W_j [inputs, outputs]. A batch's gradient with respect to W_j is
a_j' d_j, where a_j [N, inputs] is the input of the j-th map and d_j [N, outputs] is the gradient at its output. It has
rank at most N, so its inner product with another gradient of the batch and its image under the chain's Jacobian follow
from the N x N matrix a_j a_j' at a small part of the cost of a pass over the weights.
"""

from collections.abc import Sequence

import tensorflow as tf

Tensors = Sequence[tf.Tensor]


def shapes(widths: Sequence[int]) -> list[tuple[int, ...]]:
    """Shapes of the weights of a chain through these widths: (784, 200, 10) -> [(784, 200), (200,), (200, 10),
    (10,)]."""
    return [shape for pair in zip(widths, widths[1:]) for shape in (pair, pair[1:])]


def forward(weights: Tensors, x: tf.Tensor, activation=tf.tanh) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """The chain's output and the inputs of all its maps.

    Args:
      weights: of the chain.
      x: [N, inputs].
      activation: between the maps; the other functions of this module are for tanh.
    Returns:
      [N, outputs], [a_1 [N, inputs], a_2, ...].
    """
    layer_inputs = []
    for kernel, bias in zip(weights[::2], weights[1::2]):
        x = activation(x) if layer_inputs else x
        layer_inputs.append(x)
        x = tf.matmul(x, kernel) + bias
    return x, layer_inputs


def apply(weights: Tensors, x: tf.Tensor) -> tf.Tensor:
    """The chain's output alone, for inputs with any leading axes: [..., inputs] -> [..., outputs]."""
    flat = forward(weights, tf.reshape(x, (-1, x.shape[-1])))[0]
    return tf.reshape(flat, (*x.shape[:-1], flat.shape[-1]))


def deltas(weights: Tensors, layer_inputs: Tensors, delta: tf.Tensor) -> list[tf.Tensor]:
    """Gradients at the outputs of all maps.

    Args:
      weights: of the chain.
      layer_inputs: from `forward`.
      delta: gradient at the chain's output [N, outputs].
    Returns:
      [d_1, d_2, ..., delta].
    """
    result = [delta]
    for kernel, x in zip(reversed(weights[2::2]), reversed(layer_inputs)):
        result.insert(0, tf.matmul(result[0], kernel, transpose_b=True) * (1.0 - tf.square(x)))
    return result


def gradients(layer_inputs: Tensors, kernel_deltas: Tensors, bias_deltas: Tensors | None = None) -> list[tf.Tensor]:
    """Gradients of the weights, summed over the batch: [a_1' d_1, sum_n d_1, a_2' d_2, ...].

    Args:
      layer_inputs: from `forward`.
      kernel_deltas: from `deltas`.
      bias_deltas: the deltas of the biases, where they differ from those of the kernels.
    """
    pairs = zip(layer_inputs, kernel_deltas, bias_deltas or kernel_deltas)
    return [g for x, d, e in pairs for g in (tf.matmul(x, d, transpose_a=True), tf.reduce_sum(e, 0))]


def gram_products(layer_inputs: Tensors, kernel_deltas: Tensors, bias_deltas: Tensors) -> list[tf.Tensor]:
    """Changes of each map's output when its weights move along the gradient that these deltas give:
    [a_1 a_1' d_1, sum_n e_1, ...].

    Their inner products with other deltas of the batch are those of the two gradients, weight by weight.
    """
    pairs = zip(layer_inputs, kernel_deltas, bias_deltas)
    return [
        g
        for x, d, e in pairs
        for g in (tf.matmul(tf.matmul(x, x, transpose_b=True), d), tf.reduce_sum(e, 0, keepdims=True))
    ]


def jvp(weights: Tensors, layer_inputs: Tensors, products: Tensors) -> tf.Tensor:
    """Derivative of the chain's output when its weights move along a gradient of the batch: J v.

    Args:
      weights: of the chain.
      layer_inputs: from `forward`.
      products: from `gram_products`, for the deltas of v.
    Returns:
      [N, outputs].
    """
    tangent = products[0] + products[1]
    for j in range(1, len(layer_inputs)):
        tangent = (
            tf.matmul(tangent * (1.0 - tf.square(layer_inputs[j])), weights[2 * j])
            + products[2 * j]
            + products[2 * j + 1]
        )
    return tangent
