"""GDReG: doubly reparameterised gradients for the parameters of a learned prior over the latents."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.estimators.formulas import normalised
from igr_suite.objectives import derivatives
from igr_suite.objectives.base import check_log_weights


class Gaussian(NamedTuple):
    """A diagonal Gaussian over the latents; both broadcast against [K, B, D]."""

    loc: tf.Tensor
    scale: tf.Tensor


def direction(log_weights: tf.Tensor, likelihood: tf.Tensor, rest: tf.Tensor) -> tf.Tensor:
    """w_k dlog p(x|z_k)/dz_k - w_k^2 v_k, from the results of one backward pass weighted by w.

    Args:
      log_weights: [K, B].
      likelihood: w_k dlog p(x|z_k)/dz_k [K, B, D], the decoder's part.
      rest: w_k d(log p(z_k) - log q(z_k))/dz_k [K, B, D], at fixed parameters; v_k is the sum of both over w_k.
    Returns:
      [K, B, D], constant for gradients.
    Raises:
      UserError: wrong axes.
    """
    log_weights = check_log_weights(log_weights)
    _check_samples(log_weights, likelihood=likelihood, rest=rest)
    w = normalised(log_weights)[..., tf.newaxis]
    return tf.stop_gradient(likelihood - w * (likelihood + rest))


def vjp(
    direction: tf.Tensor, z: tf.Tensor, prior: Callable[[], Gaussian], variables: Sequence[tf.Variable]
) -> list[tf.Tensor]:
    """sum_k direction_k dT(eps_k)/dtheta, mean over the batch, where T(eps) = loc + scale eps and T(eps_k) = z_k.

    Args:
      direction: [K, B, D].
      z: samples [K, B, D].
      prior: p(z), computed from the variables.
      variables: theta.
    Returns:
      Ascent gradients, one for each variable.
    Raises:
      UserError: a variable that the prior does not depend on, or a prior whose axes are not those of the samples.
    """
    variables = list(variables)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(variables)
        loc, scale = prior()
        _check_prior(loc, scale, z, direction)
        eps = tf.stop_gradient((z - loc) / scale)
        transported = loc + scale * eps
    batch = tf.cast(tf.maximum(tf.shape(z)[1], 1), z.dtype)
    gradients = tape.gradient(transported, variables, output_gradients=direction / batch)
    derivatives.check_all_there(gradients, variables, "prior", "the prior's loc and scale do not depend")
    return gradients


def _check_prior(loc: tf.Tensor, scale: tf.Tensor, z: tf.Tensor, direction: tf.Tensor) -> None:
    """Refuses a prior that is wider than the samples, and samples that are not the direction's."""
    try:
        wide = tf.broadcast_static_shape(tf.broadcast_static_shape(loc.shape, scale.shape), z.shape)
        fits = wide.is_compatible_with(direction.shape) and z.shape.is_compatible_with(direction.shape)
    except ValueError:
        fits = False
    if not fits:
        raise UserError(
            f"the prior's loc {loc.shape} and scale {scale.shape} do not broadcast against samples {z.shape} "
            f"and their direction {direction.shape}; samples and direction must be [K, B, D]"
        )


def _check_samples(log_weights: tf.Tensor, **parts: tf.Tensor) -> None:
    """Refuses tensors that are not [K, B, D], since their product with weights might broadcast by accident."""
    for name, part in parts.items():
        if part.shape.rank != 3 or not part.shape[:2].is_compatible_with(log_weights.shape):
            raise UserError(
                f"{name} must be [K, B, D] beside log-weights {log_weights.shape}, got the shape {part.shape}"
            )


def prior_gradients(
    z: tf.Tensor,
    log_likelihood: Callable[[tf.Tensor], tf.Tensor],
    log_prior: Callable[[tf.Tensor], tf.Tensor],
    log_q: Callable[[tf.Tensor], tf.Tensor],
    prior: Callable[[], Gaussian],
    variables: Sequence[tf.Variable],
) -> list[tf.Tensor]:
    """Estimates sum_k E[w_k dlog p_theta(z_k)/dtheta] without the score of the prior.

        E[sum_k w_k dlog p_theta(z_k)] = E[sum_k (w_k dlog p(x|z_k)/dz - w_k^2 v_k) dT_theta(eps_k)],
        T_theta(eps_k) = z_k

    Both parts come from one backward pass through the decoder, weighted by w, which the other gradients of L_K need
    anyway. It is for parameters of distributions over z, not for those of the likelihood.

    Args:
      z: samples from q [K, B, D].
      log_likelihood, log_prior, log_q: log p(x|z), log p_theta(z) and log q(z|x) of samples, [K, B, D] -> [K, B].
      prior: the distribution of log_prior, computed from the variables.
      variables: theta.
    Returns:
      Ascent gradients of the mean over the batch, one for each variable.
    Raises:
      UserError: a log-probability that has no derivative with respect to z or is not [K, B], z that is not [K, B, D],
        or a variable on which the prior does not depend. Without derivatives by z, take the score of the prior,
        sum_k w_k dlog p_theta(z_k)/dtheta.
    Source: Bauer & Mnih (2021); docs/papers/dreg.md, section 2.4.
    """
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(z)
        by_name = {"log_likelihood": log_likelihood(z), "log_prior": log_prior(z), "log_q": log_q(z)}
        log_probs = {name: derivatives.check_log_prob(name, value, by_name["log_q"]) for name, value in by_name.items()}
        likelihood, rest = log_probs["log_likelihood"], log_probs["log_prior"] - log_probs["log_q"]
    log_weights = tf.stop_gradient(likelihood + rest)
    _check_samples(log_weights, z=z)
    for name, value in log_probs.items():
        derivatives.check_reaches_samples(tape, name, value, [z])
    w = normalised(log_weights)
    parts = [tape.gradient(part, z, output_gradients=w) for part in (likelihood, rest)]
    return vjp(direction(log_weights, *parts), z, prior, variables)
