"""What a model of discrete layers gives to estimators, and its passes.

    F(h_0, ..., h_{L-1}) = sum_k term_k(h_k, h_{k-1}, logits_k),   logits_k a function of h_{k-1}, those of layer 0 of x

F is the single-sample bound of each example, h_k ~ q(h_k | logits_k). The local signal of layer k is the part of F that
depends on h_k and the layers above, term_k + ... + term_{L-1}: the rest has no covariance with the score of h_k, so
that leaving it out does not bias a gradient.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import NamedTuple, Protocol

import tensorflow as tf

from igr_suite.estimators.base import Above
from igr_suite.estimators.neighbours import Neighbours


class Chain(Protocol):
    """One batch of a model. Values may have any leading axes before those of the batch and the variables.

    A chain may have a method `term_at_neighbours(layer, neighbours, below, logits)`, which returns what `term` returns for
    `neighbours.values()` [M, O, B], and is cheaper: the neighbours' first affine map follows from that of the samples.

    Attributes:
      kinds: functions of each layer's kind of variables, `estimators.distributions.bernoulli` or `categorical`.
      recognition: tensors or variables that the logits are functions of, for their gradients.
      generator: tensors or variables that the terms are functions of, likewise.
      context: what baselines read [B, C].
      holds_log_q: whether the terms hold -log q(h_k | logits_k), so that F depends on the logits directly, too.
    """

    kinds: Sequence[ModuleType]
    recognition: Sequence[tf.Tensor]
    generator: Sequence[tf.Tensor]
    context: tf.Tensor
    holds_log_q: bool

    def logits(self, layer: int, below: tf.Tensor | None) -> tf.Tensor:
        """Returns the logits of a layer, [..., B, D] or [..., B, V, C], for values of the layer below; at layer 0, where
        `below` is None, those that the observations give."""

    def term(self, layer: int, values: tf.Tensor, below: tf.Tensor | None, logits: tf.Tensor) -> tf.Tensor:
        """Returns the part of F that hangs on a layer [..., B]; differentiable at fractional values, too.

        Args:
          layer: its number.
          values: of this layer [..., B, D].
          below: of the layer below, which broadcast against it; None at layer 0.
          logits: of this layer, which broadcast against it.
        """

    def analytic(self, logits: Sequence[tf.Tensor]) -> tf.Tensor | None:
        """Returns a part of the target [B] that is a known function of all layers' logits, such as minus an analytic KL;
        None where there is none. Its gradient is added exactly; no estimator sees it.

        Args:
          logits: of each layer [B, D] or [B, V, C].
        """


class Pass(NamedTuple):
    """Hard samples of all layers; lists hold one item for each layer.

    Attributes:
      logits: differentiable with respect to the chain's recognition tensors, [B, D] or with leading axes.
      samples: without a gradient.
      terms: of F [..., B].
    """

    logits: list[tf.Tensor]
    samples: list[tf.Tensor]
    terms: list[tf.Tensor]

    @property
    def value(self) -> tf.Tensor:
        """F [..., B]."""
        return tf.add_n(self.terms)

    def local_value(self, layer: int) -> tf.Tensor:
        """The local signal of a layer [..., B]."""
        return tf.add_n(self.terms[layer:])

    def below(self, layer: int) -> tf.Tensor | float:
        """The rest of F, the terms below a layer [..., B]."""
        return tf.add_n(self.terms[:layer]) if layer else 0.0


def plain_draw(kind: ModuleType, logits: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
    """The sample of uniforms of the logits' shape."""
    return kind.hard_sample(logits, u)


def hard_pass(chain: Chain, uniforms: Sequence[tf.Tensor], draw: Above = plain_draw) -> Pass:
    """Samples all layers.

    Args:
      chain: the model's batch.
      uniforms: of each layer, [B, D], or [K, B, D] for K chains.
      draw: how samples follow from uniforms.
    """
    result, below = Pass([], [], []), None
    for layer, (kind, u) in enumerate(zip(chain.kinds, uniforms)):
        logits = chain.logits(layer, below)
        held = tf.stop_gradient(logits)
        samples = tf.stop_gradient(draw(kind, held, u))
        result.logits.append(logits)
        result.samples.append(samples)
        result.terms.append(chain.term(layer, samples, below, held))
        below = samples
    return result


class LocalObjective:
    """f_k(b) = the local signal of layer k at h_k = b, with the layers below as in a pass and those above drawn anew.

    The layers above have the uniforms of the pass, so that at the pass's own sample they are the pass's own.

    Args:
      chain: the model's batch.
      layer: k.
      hard: the pass, of one chain.
      uniforms: of each layer.
      whole: whether the rest of F is added, which does not depend on layer k.
      draw: how samples follow from uniforms, as in the pass.
    """

    layered = True

    def __init__(
        self,
        chain: Chain,
        layer: int,
        hard: Pass,
        uniforms: Sequence[tf.Tensor],
        whole: bool = False,
        draw: Above = plain_draw,
    ):
        self.chain, self.layer, self.hard, self.uniforms = chain, layer, hard, uniforms
        self.whole, self.draw = whole, draw

    def __call__(self, values: tf.Tensor, above: Above | None = None) -> tf.Tensor:
        """Returns f_k [..., B].

        Args:
          values: of layer k [..., B, D].
          above: how values of the layers above follow from their logits; None for hard samples.
        """
        return self._with_layers_above(values, self.chain.term(self.layer, values, *self._held), above)

    def at_neighbours(self, neighbours: Neighbours) -> tf.Tensor:
        """f_k at all neighbours of a sample [M, O, B], at the chain's own cost of them where it has one."""
        if not hasattr(self.chain, "term_at_neighbours"):
            return self(neighbours.values())
        term = self.chain.term_at_neighbours(self.layer, neighbours, *self._held)
        return self._with_layers_above(neighbours.values(), term, None)

    @property
    def _held(self) -> tuple[tf.Tensor | None, tf.Tensor]:
        """Samples of the layer below and logits of this one, as in the pass."""
        below = self.hard.samples[self.layer - 1] if self.layer else None
        return below, tf.stop_gradient(self.hard.logits[self.layer])

    def _with_layers_above(self, values: tf.Tensor, total: tf.Tensor, above: Above | None) -> tf.Tensor:
        """Adds to this layer's term those of the layers above, drawn from its values, and what f_k holds besides."""
        for layer in range(self.layer + 1, len(self.chain.kinds)):
            kind, u = self.chain.kinds[layer], self.uniforms[layer]
            logits = self.chain.logits(layer, values)
            below, values = values, (above or self.draw)(kind, logits, u)
            total += self.chain.term(layer, values, below, logits)
        return total + self.hard.below(self.layer) if self.whole else total
