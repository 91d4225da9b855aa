"""Gradients of several objectives on the same draws, with one backward pass through the generative model wherever one is enough."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf

from igr_suite.objectives.base import Coefficients, Objective

Latents = tf.Tensor | Sequence[tf.Tensor]


class Sampled(NamedTuple):
    """A draw from q, made while the encoder's tape records.

    Attributes:
      z: reparameterised samples [K, B, D], or a list of them for layers, each drawn given the ones before.
      log_prob: log q(z | x) of samples in the form of z, [K, B]; it reads the inference network's tensors. With layers, a layer's law has
        to be computed from the samples given, not from those drawn: that keeps the dependence of later layers on z (the indirect score),
        without which reparameterised estimators are biased.
    """

    z: Latents
    log_prob: Callable[[Latents], tf.Tensor]


class LeafGradients(NamedTuple):
    """Ascent gradients of the mean over the batch.

    Attributes:
      log_weights: [K, B].
      values: of each objective, [B].
      inference: for each objective its gradients with respect to the inference variables.
      generative: those of the first objective with respect to the generative variables.
    """

    log_weights: tf.Tensor
    values: list[tf.Tensor]
    inference: list[list[tf.Tensor]]
    generative: list[tf.Tensor]


def leaf_gradients(
    objectives: Sequence[Objective],
    sample: Callable[[], Sampled],
    log_joint: Callable[[Latents], tf.Tensor],
    inference_variables: Sequence[tf.Variable],
    generative_variables: Sequence[tf.Variable],
) -> LeafGradients:
    """Gradients of all objectives from one draw: two stages that meet at the samples.

    The generative model is differentiated with respect to its variables and to the samples in one backward pass weighted by the first
    objective's `generative`; each objective rescales what arrived at the samples by its `ratio`. A second pass, with unit weights,
    happens only for objectives without such a ratio (JVI-DReG, PIWAE). Then each objective costs one pass through the inference network.

    Args:
      objectives: the first one trains the generative variables.
      sample: draws from q.
      log_joint: log p(x, z) of samples in the form of z, [K, B].
      inference_variables: of q.
      generative_variables: of p.
    Source: docs/papers/dreg.md, section 2.1.
    """
    encoder = tf.GradientTape(persistent=True, watch_accessed_variables=False)
    density = tf.GradientTape(persistent=True, watch_accessed_variables=False)
    with encoder:
        encoder.watch(inference_variables)
        sampled = sample()
        leaves = tf.nest.map_structure(tf.stop_gradient, sampled.z)
        with density:
            density.watch(tf.nest.flatten(leaves))
            log_q = sampled.log_prob(leaves)
    with density:
        density.watch(generative_variables)
        log_weights = log_joint(leaves) - log_q
    coefficients = [objective.coefficients(log_weights) for objective in objectives]
    passes = _Passes(density, log_weights, tf.nest.flatten(leaves), list(generative_variables))
    at_samples, generative = _density_gradients(objectives, coefficients, passes)

    batch = tf.cast(tf.shape(log_weights)[1], log_weights.dtype)
    inference = []
    for weights, path in zip(coefficients, at_samples):
        targets, seeds = ([], []) if path is None else (tf.nest.flatten(sampled.z), list(path))
        if weights.score is not None:
            targets, seeds = [*targets, log_q], [*seeds, weights.score]
        seeds = [seed / batch for seed in seeds]
        inference.append(encoder.gradient(targets, list(inference_variables), output_gradients=seeds, unconnected_gradients="zero"))
    values = [objective.value(log_weights) for objective in objectives]
    return LeafGradients(log_weights, values, inference, [gradient / batch for gradient in generative])


class _Passes:
    """Backward passes through the log-weights, to samples and generative variables."""

    def __init__(self, tape: tf.GradientTape, log_weights: tf.Tensor, leaves: list[tf.Tensor], variables: list[tf.Variable]):
        self.tape, self.log_weights, self.leaves, self.variables = tape, log_weights, leaves, variables

    def weighted(self, seeds: tf.Tensor, to_samples: bool) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        """Gradients of sum seeds log-weights with respect to the samples (where wanted) and to the variables."""
        sources = (self.leaves if to_samples else []) + self.variables
        gradients = self.tape.gradient(self.log_weights, sources, output_gradients=seeds, unconnected_gradients="zero") if sources else []
        split = len(self.leaves) if to_samples else 0
        return gradients[:split], gradients[split:]

    def to_samples(self) -> list[tf.Tensor]:
        """v_k, with unit weights."""
        return self.tape.gradient(self.log_weights, self.leaves, unconnected_gradients="zero")


def _density_gradients(objectives: Sequence[Objective], coefficients: list[Coefficients], passes: _Passes):
    """What each objective has at the samples, c_k v_k (None without a path term), and the first one's generative gradients."""
    family = objectives[0].generative_family
    shared = [
        weights.path is not None and weights.ratio is not None and objective.generative_family == family
        for objective, weights in zip(objectives, coefficients)
    ]
    weighted, generative = passes.weighted(coefficients[0].generative, to_samples=any(shared))
    unit = passes.to_samples() if any(weights.path is not None and not share for weights, share in zip(coefficients, shared)) else None
    at_samples = []
    for weights, share in zip(coefficients, shared):
        if weights.path is None:
            at_samples.append(None)
        elif share:
            at_samples.append([weights.ratio[..., tf.newaxis] * u for u in weighted])
        else:
            at_samples.append([weights.path[..., tf.newaxis] * v for v in unit])
    return at_samples, generative
