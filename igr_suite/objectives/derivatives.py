"""Checks that all derivatives that gradients consist of exist and have the right shapes: a missing one is not zero."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.objectives.base import check_log_weights


def check_latents(latents: Sequence[tf.Tensor], shape: tf.TensorShape) -> None:
    """Refuses samples whose first axes are not those of the log-weights, since products might broadcast by accident.

    Args:
      latents: samples of each layer.
      shape: of the log-weights, [K, B] or with other axes.
    Raises:
      UserError: the samples of a layer do not fit; the message names the layer and its shape.
    """
    for layer, z in enumerate(latents):
        if not z.dtype.is_floating:
            raise UserError(f"samples of layer {layer} are {z.dtype.name}; latents must be floats, cast them")
        if z.shape.rank is None or not z.shape[: shape.rank].is_compatible_with(shape):
            raise UserError(
                f"samples of layer {layer} have the shape {z.shape} beside log-weights {shape}; they must begin with "
                "the same axes, samples and examples, as [K, B, ...], and end with the latents' own"
            )


def check_log_prob(name: str, log_prob, like: tf.Tensor | None = None) -> tf.Tensor:
    """Returns a log-probability as a tensor [K, B].

    Args:
      name: of the function that returned it.
      log_prob: the returned value; an array from outside TensorFlow takes the dtype of `like`.
      like: another log-probability [K, B], to which it is added.
    Raises:
      UserError: wrong axes, or sizes or a dtype that differ from those of `like`.
    """
    if like is not None and isinstance(log_prob, (np.ndarray, np.generic)) and log_prob.dtype.kind in "iuf":
        log_prob = log_prob.astype(like.dtype.as_numpy_dtype)
    log_prob = check_log_weights(log_prob, f"what {name} returns")
    if like is not None and not log_prob.shape.is_compatible_with(like.shape):
        raise UserError(
            f"{name} returns the shape {log_prob.shape}, but the samples' log q has {like.shape}; both must be [K, B]"
        )
    if like is not None and log_prob.dtype != like.dtype:
        raise UserError(
            f"{name} returns {log_prob.dtype.name}, but the samples' log q is {like.dtype.name}; cast one of them"
        )
    return log_prob


def check_reaches_samples(tape: tf.GradientTape, name: str, log_prob: tf.Tensor, leaves: Sequence[tf.Tensor]) -> None:
    """Refuses a log-probability whose derivative with respect to some samples is missing.

    Args:
      tape: persistent; it has watched the leaves.
      name: of the function that returned the log-probability.
      log_prob: [K, B].
      leaves: samples of each layer.
    Raises:
      UserError: a derivative is missing; the message names the function, the layer, and the objectives that need none.
    """
    for layer, gradient in enumerate(tape.gradient(log_prob, list(leaves))):
        if gradient is None:
            raise UserError(
                f"{name} has no derivative with respect to the samples z{_of(layer, leaves)}: it does not compute from "
                "the samples that it is given by differentiable TensorFlow operations. Objectives with a path term "
                f"need it; {_without_path()} do not. If it is constant in z, add 0.0 * tf.reduce_sum(z, -1)"
            )


def check_reparameterised(
    tape: tf.GradientTape, samples: Sequence[tf.Tensor], log_q: tf.Tensor, variables: Sequence[tf.Variable]
) -> None:
    """Refuses samples that do not depend on all inference variables on which their density depends.

    Args:
      tape: persistent; it has watched the variables.
      samples: of each layer, as drawn.
      log_q: their log-probability [K, B].
      variables: of the inference network.
    Raises:
      UserError: a dependence is missing; the message names the layer or the variable, and the objectives that need no
        path.
    """
    by_samples = [tape.gradient(z, list(variables)) for z in samples]
    for layer, gradients in enumerate(by_samples):
        if all(gradient is None for gradient in gradients):
            which = f"the samples z{_of(layer, samples)}"
            raise UserError(f"{which} do not depend on the inference variables through TensorFlow. {_way_to_path()}")
    by_density = tape.gradient(log_q, list(variables))
    for position, variable in enumerate(variables):
        drawn = any(gradients[position] is not None for gradients in by_samples)
        if not drawn and by_density[position] is not None:
            raise UserError(
                f"log q depends on the inference variable {_name(variable)}, but no samples do. {_way_to_path()}"
            )
        if not drawn:
            raise UserError(_irrelevant(variable, "inference", "neither the samples nor log q depend"))


def check_scores(tape: tf.GradientTape, log_q: tf.Tensor, variables: Sequence[tf.Variable]) -> None:
    """Refuses a density of the samples that does not depend on every inference variable.

    Args:
      tape: persistent; it has watched the variables.
      log_q: log-probability of the samples, held fixed [K, B].
      variables: of the inference network.
    Raises:
      UserError: a derivative is missing; the message names the variable, and the objectives that need no score.
    """
    for variable, gradient in zip(variables, tape.gradient(log_q, list(variables))):
        if gradient is None:
            raise UserError(
                _irrelevant(variable, "inference", "log_prob of the samples does not depend")
                + f"; or take an objective without a score term: {_without_score()}"
            )


def check_all_there(
    gradients: Sequence[tf.Tensor | None], variables: Sequence[tf.Variable], kind: str, what: str
) -> None:
    """Refuses missing gradients.

    Args:
      gradients: one for each variable, None where it is missing.
      variables: in the same order.
      kind: of the variables, "generative" or "prior".
      what: the beginning of the message, as "log_joint does not depend".
    Raises:
      UserError: a gradient is missing; the message names the first such variable.
    """
    for variable, gradient in zip(variables, gradients):
        if gradient is None:
            raise UserError(_irrelevant(variable, kind, what))


def _irrelevant(variable: tf.Variable, kind: str, who: str) -> str:
    return (
        f"{who} on the {kind} variable {_name(variable)} through TensorFlow; leave it out of the {kind} variables, "
        f"or compute with it"
    )


def _name(variable) -> str:
    return f"'{getattr(variable, 'name', type(variable).__name__)}' {tuple(variable.shape)}"


def _of(layer: int, layers: Sequence) -> str:
    return f" of layer {layer}" if len(layers) > 1 else ""


def _way_to_path() -> str:
    return (
        f"Draw them as a differentiable function of noise, or take an objective without a path term: {_without_path()}"
    )


def _without_path() -> str:
    return _without("path")


def _without_score() -> str:
    return _without("score")


def _without(part: str) -> str:
    """Names of the registered objectives that do not have a part of `Coefficients`."""
    from igr_suite.objectives.registry import OBJECTIVES, build  # the registry imports this module

    def lacks(name: str) -> bool:
        objective = build(name)
        return getattr(objective.coefficients(tf.zeros([objective.minimum_samples, 1])), part) is None

    return ", ".join(name for name in sorted(OBJECTIVES) if lacks(name))
