"""Sigmoid belief networks as pure functions: the shapes of the variables, and the terms of the bound, layer by layer.

    q(h_0 | x) q(h_1 | h_0) ...   and   p(x | h_0) p(h_0 | h_1) ... p(h_{L-1}),   h_k in {0, 1}^hidden

Weights are a dict of lists of tensors in the authors' order: "prior", "q_0", ..., "q_{L-1}", "p_{L-1}", ..., "p_0".
Every input h enters a network as 2h - 1.

Source: docs/papers/rebar.md, sections 1.1 and 1.2 (Tucker et al., 2017, and their code).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from igr_suite.estimators.distributions.bernoulli import log_probability
from igr_suite.networks import affine_chain

Weights = Mapping[str, list[tf.Tensor]]


class SBNBatch(NamedTuple):
    """One batch as the networks read it.

    Attributes:
      centred: x - mean of the training images [N, pixels], what baselines read.
      condition: what q_0 reads: all of `centred` [N, pixels], or its upper half for structured prediction.
      target: what is modelled, in [0, 1]: x [N, pixels] or its lower half.
    """

    centred: tf.Tensor
    condition: tf.Tensor
    target: tf.Tensor


class Term(NamedTuple):
    """The part of the bound that depends on one layer's variables.

    Attributes:
      value: log p(layer below | h_k) [+ log p(h_k) at the top] - log q(h_k | .), shape of h_k without its last axis.
      generator: (logits, inputs of each map of p_k, target) of log p(layer below | h_k), for its gradient; None where
        that is no part of the bound.
      prior: (logits, inputs of each map of the prior) at the top, for its gradient; None elsewhere.
    """

    value: tf.Tensor
    generator: tuple | None
    prior: tuple | None


@dataclass(frozen=True)
class Networks:
    """Shapes of the networks, and which layers they connect.

    Attributes:
      layers: L, the number of stochastic layers.
      hidden: number of units in each, and in each deterministic layer.
      pixels: number of pixels of an image.
      nonlinear: whether two tanh layers stand before every output, in place of one affine map.
      predicts_half: structured prediction of the lower half of an image from the upper one.
      hierarchical: whether the generator of structured prediction has L stochastic layers and a conditional prior;
        otherwise it is one map from the last layer. With one layer the two are the same.
    """

    layers: int
    hidden: int
    pixels: int
    nonlinear: bool = False
    predicts_half: bool = False
    hierarchical: bool = True

    @property
    def modelled(self) -> int:
        """Number of pixels that p models."""
        return self.pixels // 2 if self.predicts_half else self.pixels

    @property
    def has_distribution(self) -> bool:
        """Whether the bound holds log p(h) - log q(h); a chain that only predicts has none."""
        return not self.predicts_half or (self.hierarchical and self.layers > 1)

    @property
    def recognition(self) -> list[str]:
        """Names of the recognition networks."""
        return [f"q_{k}" for k in range(self.layers)]

    def shapes(self) -> dict[str, list[tuple[int, ...]]]:
        """Shapes of all variables by network, in the authors' order."""
        between = (self.hidden, self.hidden) if self.nonlinear else ()
        condition = self.pixels - self.modelled if self.predicts_half else self.pixels
        shapes = {}
        if self.has_distribution:
            shapes["prior"] = (
                affine_chain.shapes((condition, *between, self.hidden)) if self.predicts_half else [(self.hidden,)]
            )
        for k, name in enumerate(self.recognition):
            shapes[name] = affine_chain.shapes((self.hidden if k else condition, *between, self.hidden))
        for k in reversed(range(self.layers if self.has_distribution else 1)):
            shapes[f"p_{k}"] = affine_chain.shapes((self.hidden, *between, self.hidden if k else self.modelled))
        return shapes

    def size(self) -> int:
        """Number of scalars in all variables."""
        return sum(int(np.prod(shape)) for shapes in self.shapes().values() for shape in shapes)

    def observe(self, x: tf.Tensor, mean: tf.Tensor) -> SBNBatch:
        """Splits and centres a batch [N, pixels] of values in [0, 1]; `mean` [pixels] is that of the training
        images."""
        centred = x - mean
        if not self.predicts_half:
            return SBNBatch(centred, centred, x)
        upper = self.pixels - self.modelled
        return SBNBatch(centred, centred[:, :upper], x[:, upper:])

    def term(
        self,
        k: int,
        weights: Weights,
        offset: tf.Tensor,
        observed: SBNBatch,
        h: tf.Tensor,
        below: tf.Tensor,
        logits: tf.Tensor,
    ) -> Term:
        """The part of the bound that depends on layer k; at fractional h the same formula, which is then no bound.

        Args:
          k: layer, 0 next to the pixels.
          weights: of all networks.
          offset: fixed logits of the modelled pixels [modelled].
          observed: the batch.
          h: values of layer k [..., N, hidden].
          below: values of layer k-1 [..., N, hidden]; not read at k = 0.
          logits: of q for h, [..., N, hidden].
        """
        value, generator, prior = tf.zeros(h.shape[:-1], h.dtype), None, None
        if self.generates(k):
            name, shift, target = self.generated(k, offset, observed, below)
            flat, layer_inputs = affine_chain.forward(weights[name], tf.reshape(2.0 * h - 1.0, (-1, self.hidden)))
            p_logits = tf.reshape(flat, (*h.shape[:-1], flat.shape[-1])) + shift
            generator = p_logits, layer_inputs, target
            value += total(log_probability(p_logits, target))
        if self.has_distribution:
            value -= total(log_probability(logits, h))
            if k == self.layers - 1:
                prior = self.prior(weights, observed)
                value += total(log_probability(prior[0], h))
        return Term(value, generator, prior)

    def generates(self, k: int) -> bool:
        """Whether layer k's values are the input of a generator network in the bound."""
        return self.has_distribution or k == self.layers - 1

    def generated(self, k: int, offset: tf.Tensor, observed: SBNBatch, below: tf.Tensor):
        """The name of the network that reads layer k, what is added to its outputs, and what they are logits of;
        arguments as in `term`."""
        if k == 0 or not self.has_distribution:
            return "p_0", offset, observed.target
        return f"p_{k}", 0.0, below

    def prior(self, weights: Weights, observed: SBNBatch) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """The logits of the uppermost layer's prior, and the inputs of each map that they come from."""
        if self.predicts_half:
            return affine_chain.forward(weights["prior"], observed.condition)
        return weights["prior"][0], []

    def generator_gradients(
        self, weights: Weights, terms: list[Term], samples: list[tf.Tensor]
    ) -> dict[str, list[tf.Tensor]]:
        """Gradient of the batch's mean bound with respect to the generator's weights at given samples.

        Args:
          weights: of all networks.
          terms: of all layers at these samples.
          samples: h_k [N, hidden].
        Returns:
          {"prior": [...], "p_k": [...]}, shapes of the variables.
        """
        gradients = {}
        for k, term in enumerate(terms):
            if term.generator is not None:
                logits, layer_inputs, target = term.generator
                name = "p_0" if k == 0 or not self.has_distribution else f"p_{k}"
                delta = (target - tf.sigmoid(logits)) / _rows(logits)
                gradients[name] = affine_chain.gradients(
                    layer_inputs, affine_chain.deltas(weights[name], layer_inputs, delta)
                )
            if term.prior is not None:
                logits, layer_inputs = term.prior
                delta = (samples[k] - tf.sigmoid(logits)) / _rows(samples[k])
                if layer_inputs:
                    gradients["prior"] = affine_chain.gradients(
                        layer_inputs, affine_chain.deltas(weights["prior"], layer_inputs, delta)
                    )
                else:
                    gradients["prior"] = [tf.reduce_sum(delta, 0)]
        return gradients


def total(x: tf.Tensor) -> tf.Tensor:
    """Sum over the last axis."""
    return tf.reduce_sum(x, -1)


def _rows(x: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.shape(x)[0], x.dtype)


def initial_weights(
    shapes: Mapping[str, list[tuple[int, ...]]], seed: tf.Tensor, dtype: tf.DType = tf.float32
) -> dict[str, list[tf.Tensor]]:
    """Kernels from a normal distribution of variance 2.6 / inputs that is cut at two standard deviations; vectors of 0.

    Args:
      shapes: of the variables by network.
      seed: int32 [2].
      dtype: of the weights.
    Returns:
      The weights by network.
    Source: docs/papers/rebar.md, section 1.1.
    """
    weights, number = {}, 0
    for name, group in shapes.items():
        weights[name] = []
        for shape in group:
            number += 1
            if len(shape) == 1:
                weights[name].append(tf.zeros(shape, dtype))
                continue
            own_seed = tf.stack([seed[0], seed[1] + number])
            normal = tf.random.stateless_truncated_normal(shape, own_seed, dtype=tf.float32, alg="philox")
            weights[name].append(tf.cast(normal * np.float32(np.sqrt(2.6 / shape[0])), dtype))
    return weights
