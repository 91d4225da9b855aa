"""GDReG: doubly reparameterised gradients for the parameters of a learned prior over the latents."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf

from igr_suite.objectives.base import normalised


class Gaussian(NamedTuple):
    """A diagonal Gaussian over the latents; both broadcast against [K, B, D]."""

    loc: tf.Tensor
    scale: tf.Tensor


def direction(log_weights: tf.Tensor, likelihood: tf.Tensor, rest: tf.Tensor) -> tf.Tensor:
    """w_k dlog p(x|z_k)/dz_k - w_k^2 v_k, from what one backward pass weighted by w gives.

    Args:
      log_weights: [K, B].
      likelihood: w_k dlog p(x|z_k)/dz_k [K, B, D], the decoder's part.
      rest: w_k d(log p(z_k) - log q(z_k))/dz_k [K, B, D], at fixed parameters; v_k is the sum of both over w_k.
    Returns:
      [K, B, D], no gradient.
    """
    w = normalised(log_weights)[..., tf.newaxis]
    return tf.stop_gradient(likelihood - w * (likelihood + rest))


def pull_back(direction: tf.Tensor, z: tf.Tensor, prior: Callable[[], Gaussian], variables: Sequence[tf.Variable]) -> list[tf.Tensor]:
    """sum_k direction_k dT(eps_k)/dtheta, mean over the batch, where T(eps) = loc + scale eps and T(eps_k) = z_k.

    Args:
      direction: [K, B, D].
      z: samples [K, B, D].
      prior: p(z), computed from the variables.
      variables: theta.
    Returns:
      Ascent gradients, one a variable.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(variables)
        loc, scale = prior()
        eps = tf.stop_gradient((z - loc) / scale)
        transported = loc + scale * eps
    batch = tf.cast(tf.shape(z)[1], z.dtype)
    return tape.gradient(transported, list(variables), output_gradients=direction / batch, unconnected_gradients="zero")


def prior_gradients(
    z: tf.Tensor,
    log_likelihood: Callable[[tf.Tensor], tf.Tensor],
    log_prior: Callable[[tf.Tensor], tf.Tensor],
    log_q: Callable[[tf.Tensor], tf.Tensor],
    prior: Callable[[], Gaussian],
    variables: Sequence[tf.Variable],
) -> list[tf.Tensor]:
    """Estimates sum_k E[w_k dlog p_theta(z_k)/dtheta] without the score of the prior.

        E[sum_k w_k dlog p_theta(z_k)] = E[sum_k (w_k dlog p(x|z_k)/dz - w_k^2 v_k) dT_theta(eps_k)],   T_theta(eps_k) = z_k

    Both parts come from one backward pass through the decoder, weighted by w, which the other gradients of L_K need anyway. It is for
    parameters of laws over z, not for those of the likelihood.

    Args:
      z: samples from q [K, B, D].
      log_likelihood, log_prior, log_q: log p(x|z), log p_theta(z) and log q(z|x) of samples, [K, B, D] -> [K, B].
      prior: the law of log_prior, computed from the variables.
      variables: theta.
    Returns:
      Ascent gradients of the mean over the batch, one a variable.
    Source: Bauer & Mnih (2021); docs/papers/dreg.md, section 2.4.
    """
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(z)
        likelihood, rest = log_likelihood(z), log_prior(z) - log_q(z)
    log_weights = tf.stop_gradient(likelihood + rest)
    w = normalised(log_weights)
    parts = [tape.gradient(part, z, output_gradients=w, unconnected_gradients="zero") for part in (likelihood, rest)]
    return pull_back(direction(log_weights, *parts), z, prior, variables)
