"""The Gaussian-latent VAE as pure functions of its weights: encoder, conditional prior, decoder, and their derivatives
by hand.

Weights are a dict of chains [W_1, b_1, W_2, b_2, W_3, b_3] (`networks/affine_chain.py`): "encoder", "decoder" and,
where images are predicted from their other half, "prior". The decoder's backward pass starts from unit weights: the
derivatives d_{j,k} of a sample's log-likelihood at every layer j are computed before the sample's weight is known, and
the weights a_k multiply the activations,

    dW_j = sum_k a_k h_{j,k}' d_{j,k},   d log p(x | z_k) / d z_k = d_{1,k} W_1'

so that one pass serves every objective, including those whose path coefficients are no multiple of a.

Source: docs/papers/dreg.md, sections 1.1, 1.2 and 2.1 (Tucker, Lawson, Gu & Maddison, 2019, and their code).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from igr_suite.networks import affine_chain
from igr_suite.networks.likelihoods import pixel_offset
from igr_suite.randomness import at_step

SHIFT = 0.25  # added before the softplus of a standard deviation
PARTS = 2  # of the samples, decoded side by side; fixed, so that sums do not depend on the number of threads

Chain = Sequence[tf.Tensor]


class DReGBatch(NamedTuple):
    """One batch as the networks read it; the last two are None for whole images.

    Attributes:
      centred: the binary image minus the mean image [B, pixels], the encoder's input.
      target: what is modelled, in {0, 1} [B, T].
      context: the half that it is predicted from [B, C], the decoder's second input.
      centred_context: the conditional prior's input [B, C].
    """

    centred: tf.Tensor
    target: tf.Tensor
    context: tf.Tensor | None = None
    centred_context: tf.Tensor | None = None


class Halves:
    """Which half of an image is predicted from which, and the constants that follow from the mean image.

    "paper" predicts the lower half from the upper one. "legacy" is the authors' code: it predicts the upper half from
    the lower one, but centres the prior's input by the mean of the upper half and offsets the decoder by the logits of
    the lower half.

    Args:
      mean: of the training images [pixels].
      layout: "paper", "legacy", or None for whole images.
      dtype: of tensors.
    """

    def __init__(self, mean: np.ndarray, layout: str | None, dtype: tf.DType):
        half = len(mean) // 2
        offset = pixel_offset(mean)
        self.layout, self.half = layout, half
        self.mean = tf.constant(mean, dtype)
        self.offset = tf.constant(offset if layout is None else offset[half:], dtype)
        self.context_mean = None if layout is None else tf.constant(mean[:half], dtype)

    def observe(self, x: tf.Tensor) -> DReGBatch:
        """Splits and centres binary images [B, pixels]."""
        if self.layout is None:
            return DReGBatch(x - self.mean, x)
        upper, lower = x[:, : self.half], x[:, self.half :]
        context, target = (upper, lower) if self.layout == "paper" else (lower, upper)
        return DReGBatch(x - self.mean, target, context, context - self.context_mean)

    def join(self, target: tf.Tensor, context: tf.Tensor | None) -> tf.Tensor:
        """The image [B, pixels] of a modelled part [B, T] and a given one."""
        if self.layout is None:
            return target
        return tf.concat([context, target] if self.layout == "paper" else [target, context], -1)


def initial_weights(
    shapes: dict[str, list[tuple[int, ...]]], seed: tf.Tensor, dtype: tf.DType
) -> dict[str, list[tf.Tensor]]:
    """Glorot-uniform kernels and zero biases of every chain."""
    weights, number = {}, 0
    for name, chain in shapes.items():
        weights[name] = []
        for shape in chain:
            number += 1
            if len(shape) == 1:
                weights[name].append(tf.zeros(shape, dtype))
                continue
            limit, own_seed = np.sqrt(6.0 / sum(shape)), at_step(seed, tf.constant(number))
            weights[name].append(tf.random.stateless_uniform(shape, own_seed, -limit, limit, dtype))
    return weights


class GaussianPass(NamedTuple):
    """A diagonal normal distribution from a chain's output, and what its derivatives need.

    Attributes:
      loc, scale: [B, D].
      slope: d scale / d output [B, D].
      layer_inputs: the inputs of each map of the chain.
    """

    loc: tf.Tensor
    scale: tf.Tensor
    slope: tf.Tensor
    layer_inputs: list[tf.Tensor]


def gaussian(chain: Chain, x: tf.Tensor, sigma_min: float) -> GaussianPass:
    """The distribution of scale max(softplus(s + 0.25), sigma_min), where (loc, s) are the halves of the chain's
    output; the slope is 0 where sigma_min is the scale."""
    output, layer_inputs = affine_chain.forward(chain, x)
    loc, raw = tf.split(output, 2, axis=-1)
    raw = raw + SHIFT
    scale, slope = tf.math.softplus(raw), tf.sigmoid(raw)
    if sigma_min > 0.0:
        slope = tf.where(scale > sigma_min, slope, tf.zeros_like(slope))
        scale = tf.maximum(scale, tf.constant(sigma_min, scale.dtype))
    return GaussianPass(loc, scale, slope, layer_inputs)


def vjp(chain: Chain, distribution: GaussianPass, by_loc: tf.Tensor, by_scale: tf.Tensor) -> list[tf.Tensor]:
    """Gradients of a chain's weights, summed over the batch, given those of its distribution's loc and scale [B, D]."""
    delta = tf.concat([by_loc, by_scale * distribution.slope], -1)
    return affine_chain.gradients(
        distribution.layer_inputs, affine_chain.deltas(chain, distribution.layer_inputs, delta)
    )


class DecoderPass(NamedTuple):
    """One pass of the decoder at z [K, B, D]; N = K B rows, sample by sample.

    Attributes:
      log_likelihood: log p(x | z) [K, B].
      slope: d log p(x | z_k) / d z_k [K, B, D].
      layer_inputs: z as rows [N, D], activations h_1 [N, hidden], h_2.
      deltas: d_1, d_2 [N, hidden], d_3 [N, T]: derivatives of each row's log-likelihood at the outputs of the maps.
    """

    log_likelihood: tf.Tensor
    slope: tf.Tensor
    layer_inputs: list[tf.Tensor]
    deltas: list[tf.Tensor]


class Decoded(NamedTuple):
    """All samples: log p(x | z) [K, B], d log p(x | z_k) / d z_k [K, B, D], and the passes that the samples are divided
    among."""

    log_likelihood: tf.Tensor
    slope: tf.Tensor
    passes: list[DecoderPass]


def likelihood(logits: tf.Tensor, bias: tf.Tensor, x: tf.Tensor, samples: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Bernoulli log-likelihoods and their derivatives by the logits, which share exp(-|l|).

        log p = sum_d x_d l_d - max(l_d, 0) - log(1 + exp(-|l_d|)),   d log p / dl = x - sigmoid(l),   l = logits + bias

    Up to seven factors 1 + exp(-|l|), each in (1, 2], are multiplied before the logarithm, whose cost otherwise
    dominates.

    Args:
      logits: [K B, T] without bias, in any float type, which is also that of the derivatives; all else is computed in
        the type of x.
      bias: [T].
      x: [B, T].
      samples: K.
    Returns:
      log p [K, B], d log p / dl [K B, T].
    """
    shifted = tf.reshape(tf.cast(logits, x.dtype), (samples, *x.shape)) + bias
    decay = tf.exp(-tf.abs(shifted))
    linear, factor = shifted * x - tf.nn.relu(shifted), 1.0 + decay
    parts = next(count for count in range(7, 0, -1) if bias.shape[0] % count == 0)
    sums = tf.add_n(tf.split(linear, parts, -1)) - tf.math.log(math.prod(tf.split(factor, parts, -1)))
    sigmoid = tf.where(shifted >= 0, tf.ones_like(decay), decay) / factor
    return tf.reduce_sum(sums, -1), tf.cast(tf.reshape(x - sigmoid, logits.shape), logits.dtype)


_compiled_likelihood = tf.function(likelihood, jit_compile=True, autograph=False, reduce_retracing=False)


def decode(
    chain: Chain, offset: tf.Tensor, z: tf.Tensor, observed: DReGBatch, operand: tf.DType | None = None
) -> Decoded:
    """The decoder at K samples of each image, forward and backward; where K is even, in two halves that two threads
    compute side by side.

    Args:
      chain: the decoder's weights.
      offset: constant added to the logits [T].
      z: [K, B, D].
      observed: the batch.
      operand: bfloat16 for the operands of the products; None leaves them as they are.
    """
    given = None
    if observed.context is not None:  # the same for all samples of an image
        given = tf.matmul(observed.context, chain[0][z.shape[-1] :])
    parts = tf.split(z, PARTS if z.shape[0] % PARTS == 0 else 1)
    passes = [_decode(chain, chain[5] + offset, part, given, observed.target, _product(operand)) for part in parts]
    log_likelihood, slope = (
        tf.concat(same, 0) for same in zip(*((done.log_likelihood, done.slope) for done in passes))
    )
    return Decoded(log_likelihood, slope, passes)


def _decode(
    chain: Chain, bias: tf.Tensor, z: tf.Tensor, given: tf.Tensor | None, target: tf.Tensor, product
) -> DecoderPass:
    samples, batch, latents = z.shape
    rows = tf.reshape(z, (samples * batch, latents))
    first = product(rows, chain[0][:latents])
    if given is not None:
        first = tf.reshape(tf.reshape(first, (samples, batch, -1)) + given, first.shape)
    h_1 = tf.tanh(tf.nn.bias_add(first, chain[1]))
    h_2 = tf.tanh(tf.nn.bias_add(product(h_1, chain[2]), chain[3]))
    values, d_3 = _compiled_likelihood(product(h_2, chain[4], keep=True), bias, target, samples)
    d_2 = tf.raw_ops.TanhGrad(y=h_2, dy=product(d_3, chain[4], transpose_b=True))
    d_1 = tf.raw_ops.TanhGrad(y=h_1, dy=product(d_2, chain[2], transpose_b=True))
    slope = product(d_1, chain[0][:latents], transpose_b=True)
    return DecoderPass(values, tf.reshape(slope, z.shape), [rows, h_1, h_2], [d_1, d_2, d_3])


def decoder_gradients(
    decoded: Decoded, observed: DReGBatch, coefficients: tf.Tensor, operand: tf.DType | None = None
) -> list[tf.Tensor]:
    """Gradients of sum_kb a_kb log p(x_b | z_kb) with respect to the decoder's weights.

    Args:
      decoded: of `decode`.
      observed: the batch.
      coefficients: a [K, B].
      operand: as in `decode`.
    """
    shares = zip(decoded.passes, tf.split(coefficients, len(decoded.passes)))
    parts = [_decoder_gradients(done, observed, a, _product(operand)) for done, a in shares]
    return [tf.add_n(same) for same in zip(*parts)]


def _decoder_gradients(done: DecoderPass, observed: DReGBatch, coefficients: tf.Tensor, product) -> list[tf.Tensor]:
    column = tf.reshape(coefficients, (-1, 1))
    kernels = [product(column * h, d, transpose_a=True) for h, d in zip(done.layer_inputs, done.deltas)]
    biases = [tf.reshape(product(column, d, transpose_a=True), (-1,)) for d in done.deltas]
    if observed.context is not None:
        summed = tf.reduce_sum(tf.reshape(column * done.deltas[0], (*coefficients.shape, -1)), 0)
        kernels[0] = tf.concat([kernels[0], tf.matmul(observed.context, summed, transpose_a=True)], 0)
    return [g for pair in zip(kernels, biases) for g in pair]


def logits(chain: Chain, offset: tf.Tensor, z: tf.Tensor, context: tf.Tensor | None) -> tf.Tensor:
    """The decoder's logits at z [N, D], given contexts [N, C] where there are any: [N, T]."""
    return affine_chain.forward(chain, z if context is None else tf.concat([z, context], -1))[0] + offset


def _product(operand: tf.DType | None):
    """tf.matmul, or the product of operands cast to `operand`, whose result is float32 again unless `keep`."""

    def product(a: tf.Tensor, b: tf.Tensor, keep: bool = False, **options: bool) -> tf.Tensor:
        if operand is None:
            return tf.matmul(a, b, **options)
        result = tf.matmul(tf.cast(a, operand), tf.cast(b, operand), **options)
        return result if keep else tf.cast(result, tf.float32)

    return product
