"""Bounds of a stick-breaking mixture VAE as functions of one draw of all components; the README of the reproduction
says how they are related."""

import math
from typing import NamedTuple

import tensorflow as tf

LOG_2_PI = math.log(2.0 * math.pi)


class Components(NamedTuple):
    """One draw of every component, and the parameters of its posterior and of its prior.

    Attributes:
      z: [S, B, C, D], z_k ~ N(loc_k, exp(log_scale_k)^2).
      loc, log_scale: parameters of q(z | k, x), [B, C, D].
      prior_loc: m_k of p(z | k) = N(m_k, I), [C, D].
    """

    z: tf.Tensor
    loc: tf.Tensor
    log_scale: tf.Tensor
    prior_loc: tf.Tensor

    def held(self) -> "Components":
        """The same draw without gradients through the posterior's parameters; the gradient through z remains."""
        return self._replace(loc=tf.stop_gradient(self.loc), log_scale=tf.stop_gradient(self.log_scale))

    def own_log_q(self) -> tf.Tensor:
        """log q(z_k | k, x), each component at its own draw: [S, B, C]."""
        return _log_normal(self.z, self.loc, self.log_scale)

    def own_log_p(self) -> tf.Tensor:
        """log p(z_k | k): [S, B, C]."""
        return _log_normal(self.z, self.prior_loc, tf.zeros_like(self.prior_loc))

    def mixture_log_q(self, log_weights: tf.Tensor) -> tf.Tensor:
        """log q(z_k | v, x) = log sum_j w_j N(z_k; loc_j, scale_j): weights [S, B, C] -> [S, B, C]."""
        pairs = _log_normal(self.z[..., tf.newaxis, :], self.loc[:, tf.newaxis], self.log_scale[:, tf.newaxis])
        return tf.reduce_logsumexp(log_weights[..., tf.newaxis, :] + pairs, -1)

    def mixture_log_p(self, log_weights: tf.Tensor) -> tf.Tensor:
        """log p(z_k | v) = log sum_j w_j N(z_k; m_j, I): weights [S, B, C] -> [S, B, C]."""
        squares = tf.reduce_sum(tf.square(self.z), -1, keepdims=True) + tf.reduce_sum(tf.square(self.prior_loc), -1)
        cross = tf.einsum("sbkd,jd->sbkj", self.z, self.prior_loc)
        pairs = cross - 0.5 * squares - 0.5 * self.z.shape[-1] * LOG_2_PI
        return tf.reduce_logsumexp(log_weights[..., tf.newaxis, :] + pairs, -1)


class Bound(NamedTuple):
    """A bound's parts, each [S, B] in nats: elbo = reconstruction - kl_components - kl_sticks."""

    reconstruction: tf.Tensor
    kl_components: tf.Tensor
    kl_sticks: tf.Tensor

    @property
    def elbo(self) -> tf.Tensor:
        """[S, B]."""
        return self.reconstruction - self.kl_components - self.kl_sticks


def mixture_bound(
    log_likelihood: tf.Tensor, components: Components, log_p: tf.Tensor, log_q: tf.Tensor, kl_sticks: tf.Tensor
) -> Bound:
    """The bound with the component summed out of both distributions.

        sum_k w_k [log p(x | z_k) + log p(z_k | v) - log q(z_k | v, x)] - kl_sticks

    Args:
      log_likelihood: log p(x | z_k) [S, B, C].
      components: the draw.
      log_p: log pi, the prior's weights given the sticks, [S, B, C].
      log_q: log w, the posterior's (pi, or pi truncated), [S, B, C].
      kl_sticks: log q(v | x) - log p(v) [S, B].
    Source: this project; the bound of a mixture posterior sampled stratum by stratum, as in Nalisnick & Smyth (2017).
    """
    weights = tf.exp(log_q)
    difference = components.mixture_log_q(log_q) - components.mixture_log_p(log_p)
    return Bound(tf.reduce_sum(weights * log_likelihood, -1), tf.reduce_sum(weights * difference, -1), kl_sticks)


def joint_bound(
    log_likelihood: tf.Tensor, components: Components, log_p: tf.Tensor, log_q: tf.Tensor, kl_sticks: tf.Tensor
) -> Bound:
    """The bound with the component kept as a latent variable; its expectation is at most that of `mixture_bound`, which
    has the same arguments.

        sum_k w_k [log p(x | z_k) + log pi_k + log p(z_k | k) - log w_k - log q(z_k | k, x)] - kl_sticks
    """
    weights = tf.exp(log_q)
    difference = log_q - log_p + components.own_log_q() - components.own_log_p()
    return Bound(tf.reduce_sum(weights * log_likelihood, -1), tf.reduce_sum(weights * difference, -1), kl_sticks)


def historical_bound(
    log_likelihood: tf.Tensor, components: Components, log_q: tf.Tensor, kl_sticks: tf.Tensor
) -> Bound:
    """The authors' loss with its sign changed; weights are clipped and need not sum to one.

        sum_k mean_s(w_k) [mean_s log p(x | z_k) + mean_s log p(z_k | k)] - log sum_k w_k q(z_k | k, x) - log q(v | x)

    With weights that sum to one and are not clipped it lies below `joint_bound` (Jensen); otherwise it can exceed
    log p(x). The arguments are those of `mixture_bound`.

    Source: docs/papers/igr.md, section 3.6.
    """
    weights = tf.reduce_mean(tf.exp(log_q), 0, keepdims=True)
    log_q_z = tf.reduce_logsumexp(log_q + components.own_log_q(), -1)
    log_p_z = tf.reduce_sum(weights * components.own_log_p(), -1)
    return Bound(tf.reduce_sum(weights * log_likelihood, -1), log_q_z - log_p_z, kl_sticks)


def log_importance_weight(
    log_likelihood: tf.Tensor, components: Components, log_p: tf.Tensor, log_q: tf.Tensor, kl_sticks: tf.Tensor
) -> tf.Tensor:
    """Log of an importance weight, whose mean over draws is p(x); arguments as in `mixture_bound`.

        log sum_k w_k p(x | z_k) p(z_k | v) / q(z_k | v, x) + log p(v) - log q(v | x)

    Returns:
      [S, B].
    """
    ratio = components.mixture_log_p(log_p) - components.mixture_log_q(log_q)
    return tf.reduce_logsumexp(log_q + log_likelihood + ratio, -1) - kl_sticks


def _log_normal(z: tf.Tensor, loc: tf.Tensor, log_scale: tf.Tensor) -> tf.Tensor:
    """Log density of a diagonal Gaussian, summed over the last axis."""
    standard = (z - loc) * tf.exp(-log_scale)
    return tf.reduce_sum(-0.5 * tf.square(standard) - log_scale, -1) - 0.5 * z.shape[-1] * LOG_2_PI
