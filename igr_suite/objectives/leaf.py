"""Gradients of several objectives on the same draws, with only one backward pass through the generative model wherever
possible."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import keras
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.keras_variables import watchable
from igr_suite.objectives import derivatives
from igr_suite.objectives.base import Coefficients, Objective
from igr_suite.objectives.layout import Layout

Latents: TypeAlias = tf.Tensor | Sequence[tf.Tensor]


class Sampled(NamedTuple):
    """A draw from q, made while the encoder's tape records.

    Attributes:
      z: reparameterised samples [K, B, ...], or a list of them for layers, each drawn given the ones before; or with
        other axes, see `leaf_gradients`. Objectives without a path term take samples of any kind, as floats.
      log_prob: maps samples in the form of z to log q(z | x) [K, B]; it reads the inference network's tensors. With
        several layers, a layer's distribution has to be computed from the given samples, not from the drawn ones: that
        keeps the dependence of later layers on z (the indirect score), without which reparameterised estimators are
        biased.
    """

    z: Latents
    log_prob: Callable[[Latents], tf.Tensor]


class LeafGradients(NamedTuple):
    """Ascent gradients of the mean over the batch.

    Attributes:
      log_weights: [K, B], or the axes of the log-probabilities.
      values: of each objective, [B], or these axes without that of the samples.
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
    inference_variables: Sequence[tf.Variable | keras.Variable],
    generative_variables: Sequence[tf.Variable | keras.Variable],
    sample_axis: int | None = None,
) -> LeafGradients:
    """Gradients of all objectives from one draw, in two stages that meet at the samples.

    The generative model is differentiated with respect to its variables and to the samples in one backward pass
    weighted by the first objective's `generative`; each objective rescales the gradients at the samples by its `ratio`.
    A second pass, with unit weights, is needed only for objectives without such a ratio (JVI-DReG, PIWAE). Then each
    objective costs one pass through the inference network.

    Args:
      objectives: the first one trains the generative variables.
      sample: draws from q.
      log_joint: maps samples in the form of z to log p(x, z) [K, B], or to a list of terms that add up to it, such as
        log p(x | z) and log p(z). Only separate terms show that one of them is not differentiable: their sum still is,
        through the others.
      inference_variables: of q, TensorFlow's or Keras's.
      generative_variables: of p.
      sample_axis: the axis of the K samples where log-probabilities are not [K, B]. All their other axes are examples:
        1 for [B, K], -1 for [B, T, K], 0 for [K]. The samples z begin with the same axes. Gradients are of the mean
        over all examples.
    Raises:
      UserError: a derivative that an objective needs is missing (the message names the objectives that need none), or
        samples and densities have other axes than [K, B, ...] and [K, B], or than `sample_axis` says.
    Source: docs/papers/dreg.md, section 2.1.
    """
    for name, function in (("sample", sample), ("log_joint", log_joint)):
        if not callable(function):
            raise UserError(f"{name} must be a function, got {function!r}")
    for name, variables in (("inference", inference_variables), ("generative", generative_variables)):
        if not isinstance(variables, (list, tuple)) or not all(hasattr(each, "shape") for each in variables):
            raise UserError(f"{name}_variables must be a list of variables, got {variables!r}")
    inference_variables, generative_variables = watchable(inference_variables), watchable(generative_variables)
    layout = Layout(sample_axis)
    encoder = tf.GradientTape(persistent=True, watch_accessed_variables=False)
    density = tf.GradientTape(persistent=True, watch_accessed_variables=False)
    with encoder:
        encoder.watch(inference_variables)
        sampled = sample()
        if not hasattr(sampled, "z") or not callable(getattr(sampled, "log_prob", None)):
            raise UserError(f"sample must return a Sampled(z, log_prob), got {type(sampled).__name__}")
        leaves = tf.nest.map_structure(tf.stop_gradient, sampled.z)
        with density:
            density.watch(tf.nest.flatten(leaves))
            log_q = derivatives.check_log_prob("log_prob", layout.columns("log_prob", sampled.log_prob(leaves)))
    derivatives.check_latents(tf.nest.flatten(leaves), log_q.shape if layout.shape is None else layout.shape)
    with density:
        density.watch(generative_variables)
        terms = log_joint(leaves)
        terms = [
            derivatives.check_log_prob("log_joint", layout.columns("log_joint", term), log_q)
            for term in (terms if isinstance(terms, (list, tuple)) else [terms])
        ]
        log_weights = sum(terms[1:], terms[0]) - log_q
    coefficients = [objective.coefficients(log_weights) for objective in objectives]
    leaves = tf.nest.flatten(leaves)
    if any(weights.path is not None for weights in coefficients):
        for number, term in enumerate(terms):
            name = "log_joint" if len(terms) == 1 else f"term {number} of log_joint"
            derivatives.check_reaches_samples(density, name, term, leaves)
        derivatives.check_reaches_samples(density, "log_prob", log_q, leaves)
        derivatives.check_reparameterised(encoder, tf.nest.flatten(sampled.z), log_q, inference_variables)
    if any(weights.score is not None for weights in coefficients):
        derivatives.check_scores(encoder, log_q, inference_variables)
    passes = _Passes(density, log_weights, leaves, generative_variables)
    at_samples, generative = _density_gradients(objectives, coefficients, passes, layout)

    batch = tf.cast(tf.maximum(tf.shape(log_weights)[1], 1), log_weights.dtype)  # no examples give zeros
    inference = []
    for weights, path in zip(coefficients, at_samples):
        targets, seeds = ([], []) if path is None else (tf.nest.flatten(sampled.z), list(path))
        if weights.score is not None:
            targets, seeds = [*targets, log_q], [*seeds, weights.score]
        seeds = [seed / batch for seed in seeds]
        inference.append(encoder.gradient(targets, inference_variables, output_gradients=seeds))
    values = [layout.examples(objective.value(log_weights)) for objective in objectives]
    return LeafGradients(layout.given(log_weights), values, inference, [gradient / batch for gradient in generative])


class _Passes:
    """Backward passes through the log-weights, to samples and generative variables."""

    def __init__(
        self, tape: tf.GradientTape, log_weights: tf.Tensor, leaves: list[tf.Tensor], variables: list[tf.Variable]
    ):
        self.tape, self.log_weights, self.leaves, self.variables = tape, log_weights, leaves, variables

    def weighted(self, seeds: tf.Tensor, to_samples: bool) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        """Gradients of sum(seeds log_weights) with respect to the samples (if `to_samples`) and to the variables."""
        sources = (self.leaves if to_samples else []) + self.variables
        gradients = self.tape.gradient(self.log_weights, sources, output_gradients=seeds) if sources else []
        split = len(self.leaves) if to_samples else 0
        derivatives.check_all_there(gradients[split:], self.variables, "generative", "log_joint does not depend")
        return gradients[:split], gradients[split:]

    def to_samples(self) -> list[tf.Tensor]:
        """v_k, the gradients of the log-weights with respect to the samples."""
        return self.tape.gradient(self.log_weights, self.leaves)


def _density_gradients(
    objectives: Sequence[Objective], coefficients: list[Coefficients], passes: _Passes, layout: Layout
):
    """Each objective's gradients at the samples, c_k v_k (None without a path term), and the first objective's
    generative gradients."""
    family = objectives[0].generative_family
    shared = [
        weights.path is not None and weights.ratio is not None and objective.generative_family == family
        for objective, weights in zip(objectives, coefficients)
    ]
    weighted, generative = passes.weighted(coefficients[0].generative, to_samples=any(shared))
    unshared = any(weights.path is not None and not share for weights, share in zip(coefficients, shared))
    unit: list[tf.Tensor] = passes.to_samples() if unshared else []
    at_samples: list[list[tf.Tensor] | None] = []
    for weights, share in zip(coefficients, shared):
        if weights.path is None:
            at_samples.append(None)
        elif share:
            at_samples.append([_times(layout.given(weights.ratio), u) for u in weighted])
        else:
            at_samples.append([_times(layout.given(weights.path), v) for v in unit])
    return at_samples, generative


def _times(weights: tf.Tensor, vectors: tf.Tensor) -> tf.Tensor:
    """Each sample's vector times its weight: [K, B], [K, B, ...] -> [K, B, ...], or with the axes of a layout."""
    event = tf.ones([vectors.shape.rank - weights.shape.rank], tf.int32)
    return tf.reshape(weights, tf.concat([tf.shape(weights), event], 0)) * vectors
