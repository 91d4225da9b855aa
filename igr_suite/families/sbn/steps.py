"""What an estimator of sigmoid belief networks reads and what it gives: the passes of a batch, a step, a method."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from igr_suite.estimators.distributions import bernoulli
from igr_suite.families.sbn.networks import SBNBatch
from igr_suite.families.sbn.passes import Model, hard_pass, mean_field_value
from igr_suite.networks import affine_chain

Parameters = Mapping[str, tf.Tensor]


class Shared:
    """Passes of one batch, each computed once, when a method first asks for it.

    Args:
      model, observed: weights and batch.
      uniforms: u_k [N, hidden], one per layer.
      seed: of further noise, int32 [2]; registered estimators draw theirs from it.
    """

    def __init__(self, model: Model, observed: SBNBatch, uniforms: list[tf.Tensor], seed: tf.Tensor | None = None):
        self.model, self.observed, self.uniforms, self.seed = model, observed, uniforms, seed
        self.hard = hard_pass(model, observed, uniforms)

    @property
    def rows(self) -> tf.Tensor:
        """N, the number of rows."""
        return tf.cast(tf.shape(self.hard.value)[0], self.hard.value.dtype)

    @cached_property
    def logistic(self) -> list[tf.Tensor]:
        """logit(u_k), one per layer."""
        return [bernoulli.logit(u) for u in self.uniforms]

    @cached_property
    def mean_field(self) -> tuple[tf.Tensor, list[tf.Tensor], list[tf.Tensor]]:
        """F(mu) [N], the means, and the derivatives of F(mu) by them; [N, hidden] each."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            value, means = mean_field_value(self.model, self.observed, self.hard.logits[0], tape.watch)
            summed = tf.reduce_sum(value)
        return value, means, tape.gradient(summed, means)

    def vjp(self, signals: list[tf.Tensor]) -> dict[str, list[tf.Tensor]]:
        """Gradients of the recognition networks, means over the batch, from those of each example's bound by their
        logits [N, hidden]."""
        deltas = self.deltas(signals)
        names = self.model.networks.recognition
        return {name: affine_chain.gradients(self.hard.layer_inputs[k], deltas[k][0]) for k, name in enumerate(names)}

    def deltas(self, signals: list[tf.Tensor]) -> list[tuple[list[tf.Tensor], list[tf.Tensor]]]:
        """The gradients at the outputs of q's maps that `vjp` is computed from, as in `Step`."""
        names, layer_inputs = self.model.networks.recognition, self.hard.layer_inputs
        deltas = [
            affine_chain.deltas(self.model.weights[q], layer_inputs[k], signals[k] / self.rows)
            for k, q in enumerate(names)
        ]
        return [(of_layer, of_layer) for of_layer in deltas]


class Step(NamedTuple):
    """What a method computes from a batch.

    Attributes:
      gradients: of the bound's mean over the batch, by network; without the generator's where they are those at the
        hard sample.
      baselines: gradient of the method's own objective by its baselines' outputs [N, baselines].
      parameters: gradients of that objective by its own parameters.
      scalars: for the log.
      logits: gradients of each example's bound by the logits of q [N, hidden], one per layer; empty for Concrete, whose
        gradient does not pass through them.
      deltas: gradients at the outputs of q's maps, (for kernels, for biases) per layer, where they do not follow from
        `logits`.
    """

    gradients: Mapping[str, list[tf.Tensor]]
    baselines: tf.Tensor | None = None
    parameters: Mapping[str, tf.Tensor] = {}
    scalars: Mapping[str, tf.Tensor] = {}
    logits: Sequence[tf.Tensor] = ()
    deltas: Sequence[tuple[list[tf.Tensor], list[tf.Tensor]]] = ()


@dataclass(frozen=True)
class Method:
    """One estimator.

    Attributes:
      step: (shared passes, its baselines [N, baselines], its parameters) -> Step.
      baselines: number of baseline networks that it reads.
      initial: initial values of its own parameters; scales are eta = 2 sigmoid(w), 1 at w = 0 (RELAX: eta itself).
      scalars: names of the step's scalars.
      nets: shapes of the networks among its own parameters, by parameter; their initial weights are drawn as those of
        all networks.
      warmup: number of first steps in which only baselines and own parameters are trained.
    """

    step: Callable[[Shared, tf.Tensor | None, Parameters], Step]
    baselines: int = 0
    initial: Mapping[str, np.ndarray] = field(default_factory=dict)
    scalars: tuple[str, ...] = ()
    nets: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    warmup: int = 0
