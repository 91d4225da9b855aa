"""What an estimator of sigmoid belief networks reads of a batch and what it gives: shared passes, a step, a method."""

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
    """Passes of one batch, each made once, when a method first asks for it.

    Args:
      model, observed: weights and batch.
      uniforms: u_k [N, hidden], one a layer.
    """

    def __init__(self, model: Model, observed: SBNBatch, uniforms: list[tf.Tensor]):
        self.model, self.observed, self.uniforms = model, observed, uniforms
        self.hard = hard_pass(model, observed, uniforms)

    @property
    def rows(self) -> tf.Tensor:
        """N."""
        return tf.cast(tf.shape(self.hard.value)[0], self.hard.value.dtype)

    @cached_property
    def logistic(self) -> list[tf.Tensor]:
        """logit(u_k), one a layer."""
        return [bernoulli.logit(u) for u in self.uniforms]

    @cached_property
    def mean_field(self) -> tuple[tf.Tensor, list[tf.Tensor], list[tf.Tensor]]:
        """F(mu) [N], the means and the derivatives of F(mu) by them, [N, hidden] each."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            value, means = mean_field_value(self.model, self.observed, self.hard.logits[0], tape.watch)
            summed = tf.reduce_sum(value)
        return value, means, tape.gradient(summed, means)

    def vjp(self, signals: list[tf.Tensor]) -> dict[str, list[tf.Tensor]]:
        """Gradients of the recognition networks from those of the summed bound by their logits [N, hidden]; means over
        the batch."""
        steps = self.deltas(signals)
        names = self.model.networks.recognition
        return {name: affine_chain.gradients(self.hard.layer_inputs[k], steps[k][0]) for k, name in enumerate(names)}

    def deltas(self, signals: list[tf.Tensor]) -> list[tuple[list[tf.Tensor], list[tf.Tensor]]]:
        """What those gradients are made of, as in `Step`."""
        names, layer_inputs = self.model.networks.recognition, self.hard.layer_inputs
        found = [
            affine_chain.deltas(self.model.weights[q], layer_inputs[k], signals[k] / self.rows)
            for k, q in enumerate(names)
        ]
        return [(steps, steps) for steps in found]


class Step(NamedTuple):
    """What a method makes of a batch.

    Attributes:
      gradients: of the bound's batch mean, by network; the generator's are absent where they are those at the hard
        sample.
      baselines: gradient of what the method minimises by its baselines' outputs [N, baselines].
      parameters: the same by its own parameters.
      scalars: for the log.
      logits: gradients of each example's bound by the logits of q [N, hidden], one a layer; none for Concrete, which
        does not pass through them.
      deltas: gradients at the outputs of q's maps, (for kernels, for biases) one a layer, where they do not follow from
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
      baselines: how many baseline networks it reads.
      initial: its own parameters' initial values; scales are eta = 2 sigmoid(w), 1 at w = 0 (RELAX: eta itself).
      nets: shapes of the networks among its own parameters, by parameter; they start as all networks do.
      warmup: steps for which baselines and own parameters are trained alone.
      step: (shared passes, its baselines [N, baselines], its parameters) -> Step.
      scalars: names of the step's scalars.
    """

    step: Callable[[Shared, tf.Tensor | None, Parameters], Step]
    baselines: int = 0
    initial: Mapping[str, np.ndarray] = field(default_factory=dict)
    scalars: tuple[str, ...] = ()
    nets: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    warmup: int = 0
