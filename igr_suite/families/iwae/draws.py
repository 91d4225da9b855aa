"""Samples of the Gaussian-latent VAE with their densities, and the gradients of q and of the prior at them."""

from typing import NamedTuple

import tensorflow as tf

from igr_suite.families.iwae import networks as nets
from igr_suite.objectives.base import Coefficients


class Draws(NamedTuple):
    """K samples of each image and their log densities.

    Attributes:
      noise: eps [K, B, D].
      posterior: q(z | x).
      prior: p(z | c), None for N(0, I).
      z: loc + scale eps [K, B, D].
      observed: the batch.
      decoded: log p(x | z) and its derivatives.
      log_weights: log p(z) + log p(x | z) - log q(z | x) [K, B].
    """

    noise: tf.Tensor
    posterior: nets.GaussianPass
    prior: nets.GaussianPass | None
    z: tf.Tensor
    observed: nets.DReGBatch
    decoded: nets.Decoded
    log_weights: tf.Tensor


def log_ratio(z: tf.Tensor, eps: tf.Tensor, posterior: nets.GaussianPass, prior: nets.GaussianPass | None) -> tf.Tensor:
    """log p(z) - log q(z) [K, B]; the constants of the two normal distributions cancel."""
    if prior is None:
        return 0.5 * tf.reduce_sum(tf.square(eps) - tf.square(z), -1) + tf.reduce_sum(tf.math.log(posterior.scale), -1)
    standard = (z - prior.loc) / prior.scale
    logs = tf.reduce_sum(tf.math.log(posterior.scale) - tf.math.log(prior.scale), -1)
    return 0.5 * tf.reduce_sum(tf.square(eps) - tf.square(standard), -1) + logs


def path_vectors(draws: Draws) -> tf.Tensor:
    """v_k = dlog p(x | z_k)/dz + dlog p(z_k)/dz + eps_k / scale, the derivative of log w_k at fixed parameters of q:
    [K, B, D]."""
    by_prior = -draws.z if draws.prior is None else (draws.prior.loc - draws.z) / tf.square(draws.prior.scale)
    return draws.decoded.slope + by_prior + draws.noise / draws.posterior.scale


def prior_gradients(draws: Draws, a: tf.Tensor, doubly: bool) -> tuple[tf.Tensor, tf.Tensor]:
    """Gradients with respect to the conditional prior's loc and scale [B, D], divided by the batch's size.

        sum_k a_k dlog p(z_k)/d(loc, scale),
        or doubly, a = w, sum_k (w_k dlog p(x | z_k)/dz - w_k^2 v_k) dz/d(loc, scale)

    The second form takes z_k = loc + scale eps' as a draw from the prior with eps' held fixed.

    Source: docs/papers/dreg.md, section 2.4 (after Bauer & Mnih, 2021).
    """
    scale, weight = draws.prior.scale, a[..., tf.newaxis]
    standard = (draws.z - draws.prior.loc) / scale
    if doubly:
        by_loc = weight * (draws.decoded.slope - weight * path_vectors(draws))
        by_scale = by_loc * standard
    else:
        by_loc = weight * standard / scale
        by_scale = weight * (tf.square(standard) - 1.0) / scale
    return tf.reduce_sum(by_loc, 0) / a.shape[1], tf.reduce_sum(by_scale, 0) / a.shape[1]


def posterior_gradients(draws: Draws, coefficients: Coefficients) -> tuple[tf.Tensor, tf.Tensor]:
    """Gradients with respect to the posterior's loc and scale [B, D], divided by the batch's size.

    dz/dloc = 1, dz/dscale = eps; the scores are eps / scale and (eps^2 - 1) / scale.
    """
    eps, scale = draws.noise, draws.posterior.scale
    by_loc = by_scale = tf.zeros_like(eps)
    if coefficients.path is not None:
        by_loc = coefficients.path[..., tf.newaxis] * path_vectors(draws)
        by_scale = by_loc * eps
    if coefficients.score is not None:
        score = coefficients.score[..., tf.newaxis] / scale
        by_loc, by_scale = by_loc + score * eps, by_scale + score * (tf.square(eps) - 1.0)
    batch = eps.shape[1]
    return tf.reduce_sum(by_loc, 0) / batch, tf.reduce_sum(by_scale, 0) / batch
