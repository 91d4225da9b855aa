"""Kullback-Leibler divergences: Gaussian closed form, sampled in the space where the densities are simplest,
categorical."""

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from igr_suite.errors import UserError
from igr_suite.precision import HALVES, as_float, in_float32
from igr_suite.relaxations.base import Draw, Relaxation, as_dtype
from igr_suite.relaxations.gaussian import GaussianNoise, GaussianRelaxation, normal_log_density
from igr_suite.relaxations.gumbel_softmax import GumbelSoftmax
from igr_suite.relaxations.softmax_plus_plus import log_softmax_plus_plus

tfd = tfp.distributions


@in_float32
def gaussian_kl(loc: tf.Tensor, log_scale: tf.Tensor, prior_loc: tf.Tensor, prior_log_scale: tf.Tensor) -> tf.Tensor:
    """KL between diagonal Gaussians: 1/2 sum_k [r_k^2 - 1 + ((loc - prior_loc)/prior_scale)^2] - log r_k, r = scale /
    prior_scale.

    Args:
      loc, log_scale: [..., D].
      prior_loc, prior_log_scale: broadcast against them.
    Returns:
      [...].
    Raises:
      UserError: the last axes differ.
    """
    _check_last_axis(loc, prior_loc, "loc", "prior_loc")
    log_ratio = log_scale - prior_log_scale
    shift = (loc - prior_loc) * tf.exp(-prior_log_scale)
    # expm1 keeps the digits of KL near 0, where posterior and prior agree.
    return tf.reduce_sum(0.5 * (tf.math.expm1(2.0 * log_ratio) + tf.square(shift)) - log_ratio, axis=-1)


def share_map(posterior: Relaxation, prior: Relaxation) -> bool:
    """Whether two distributions map their Gaussians to the simplex in the same way (same kind or h, temperature, delta,
    flow weights)."""
    if not (isinstance(posterior, GaussianNoise) and isinstance(prior, GaussianNoise)):
        return False
    ours, theirs = posterior.map_key, prior.map_key
    return len(ours) == len(theirs) and all(_same(a, b, posterior.dtype) for a, b in zip(ours, theirs))


def _same(a, b, dtype: tf.DType) -> bool:
    if a is b:
        return True
    if isinstance(a, tf.Variable) or isinstance(b, tf.Variable) or isinstance(a, type) or isinstance(b, type):
        return False
    if isinstance(a, str) or isinstance(b, str):
        return a == b
    known = [tf.get_static_value(as_dtype(x, dtype)) for x in (a, b)]
    return all(x is not None for x in known) and known[0].shape == known[1].shape and bool((known[0] == known[1]).all())


def _require_shared_map(posterior: Relaxation, prior: Relaxation) -> None:
    if not share_map(posterior, prior):
        raise UserError(
            f"{type(posterior).__name__} and {type(prior).__name__} do not share the map from their Gaussian to the "
            "simplex (kind, temperature, delta and flow must be the same objects or equal numbers), so their KL is not "
            "the Gaussian one; use monte_carlo_kl, or prior_after_flow=True for a Gaussian prior behind the flow"
        )


def _check_pair(posterior: Relaxation, prior: Relaxation) -> None:
    """Refuses distributions with different numbers of categories, which might broadcast, or with float types that do
    not mix."""
    for name, distribution in (("posterior", posterior), ("prior", prior)):
        if not isinstance(distribution, Relaxation):
            raise UserError(f"the {name} of a KL must be a relaxation, got {distribution!r}")
    ours, theirs = posterior.event_shape[0], prior.event_shape[0]
    if ours is not None and theirs is not None and ours != theirs:
        raise UserError(
            f"no KL between a {type(posterior).__name__} of {ours} categories and a {type(prior).__name__} of {theirs}"
        )
    types = {tf.float32 if distribution.dtype in HALVES else distribution.dtype for distribution in (posterior, prior)}
    if len(types) > 1:
        raise UserError(
            f"no KL between a posterior of {posterior.dtype.name} and a prior of {prior.dtype.name}; "
            f"make the prior with uniform_prior(categories, temperature, tf.{posterior.dtype.name})"
        )


def _check_last_axis(first: tf.Tensor, second: tf.Tensor, name: str, other: str) -> None:
    """Refuses last axes that differ: one of size 1 would broadcast."""
    shapes = [tf.convert_to_tensor(x).shape for x in (first, second)]
    sizes = [shape[-1] if shape.rank else None for shape in shapes]
    if None not in sizes and sizes[0] != sizes[1]:
        raise UserError(f"{name} has a last axis of {sizes[0]} and {other} one of {sizes[1]}; they must be equal")


@tfd.RegisterKL(GaussianNoise, GaussianNoise)
def closed_form_kl(posterior: GaussianNoise, prior: GaussianNoise, name: str | None = None) -> tf.Tensor:
    """KL of two distributions that share a map from their Gaussians: that of the Gaussians.

    A KL does not change under a bijection, so for the IGR distributions it is the KL on the simplex. IGSM and GSP lose
    one direction of K, so for them it is an upper bound of that KL (the data-processing inequality).
    tfd.kl_divergence(posterior, prior) returns it too.

    Args:
      posterior: batch shape [B, V].
      prior: batch shape that broadcasts against it.
      name: not used.
    Returns:
      [B, V].
    Raises:
      UserError: the distributions do not share the map, or have different categories or float types.
    Source: Potapczynski et al. (2020), section 3.1.
    """
    _check_pair(posterior, prior)
    _require_shared_map(posterior, prior)
    kl = gaussian_kl(posterior.loc, posterior.log_scale, prior.loc, prior.log_scale)
    batch = tf.broadcast_static_shape(posterior.batch_shape, prior.batch_shape)
    if kl.shape.rank == batch.rank:
        return kl
    return tf.broadcast_to(kl, tf.broadcast_dynamic_shape(posterior.batch_shape_tensor(), prior.batch_shape_tensor()))


def sampled_kl(
    posterior: Relaxation,
    prior: Relaxation,
    draw: Draw,
    stick_the_landing: bool = False,
    prior_after_flow: bool = False,
) -> tf.Tensor:
    """One-draw estimates of the KL, cheap enough for every training step.

        Gaussian, shared map:    log N(kappa; q) - log N(kappa; p)
        IGR, prior after flow:   log N(kappa; q) - log |det dh/dkappa| - log N(h(kappa); p)
        Gumbel-Softmax:          log q(log psi) - log p(log psi), each distribution with its own temperature

    Args:
      posterior: batch shape [B, V].
      prior: the same family as the posterior.
      draw: of the posterior, [S, B, V, ...].
      stick_the_landing: hold the posterior's parameters constant inside log q, so that only the path has a gradient;
        flow weights keep theirs.
      prior_after_flow: read the prior's loc and log_scale as a Gaussian over h(kappa) instead of kappa, as the authors'
        last code does for IGR-Planar; the prior may then be any IGR distribution.
    Returns:
      [S, B, V]; its mean over draws estimates the KL (of IGSM and GSP: that of their Gaussians, see `closed_form_kl`)
      without bias.
    Raises:
      UserError: distributions of different families, numbers of categories or float types; distributions that do not
        share the map, or, for a prior after the flow, that have no h.
    Source: Potapczynski et al. (2020), section 3.1; Roeder, Wu & Duvenaud (2017) for stick_the_landing.
    """
    _check_pair(posterior, prior)
    if not (isinstance(posterior, GumbelSoftmax) and isinstance(prior, GumbelSoftmax)):
        family = GaussianRelaxation if prior_after_flow else GaussianNoise
        if not (isinstance(posterior, family) and isinstance(prior, family)):
            raise UserError(
                f"no sampled KL between {type(posterior).__name__} and {type(prior).__name__}; use distributions of "
                f"one family"
            )
        if not prior_after_flow:
            _require_shared_map(posterior, prior)
    return _sampled_kl(posterior, prior, draw, stick_the_landing, prior_after_flow)


@in_float32
def _sampled_kl(
    posterior: Relaxation, prior: Relaxation, draw: Draw, stick_the_landing: bool, prior_after_flow: bool
) -> tf.Tensor:
    hold = tf.stop_gradient if stick_the_landing else tf.identity
    if isinstance(posterior, GumbelSoftmax):
        held = GumbelSoftmax(hold(posterior.logits), hold(posterior.temperature))
        return held.log_prob_of(draw) - prior.log_prob_of(draw)
    if stick_the_landing:
        standard = (draw.preimage - hold(posterior.loc)) * tf.exp(-hold(posterior.log_scale))
    else:
        standard = draw.noise  # the same value, which along the path does not depend on the parameters
    log_q = normal_log_density(standard, hold(posterior.log_scale))
    if prior_after_flow:
        log_q -= posterior.h.forward_log_det_jacobian(draw.preimage, event_ndims=1)
    value = draw.scores if prior_after_flow else draw.preimage
    return log_q - normal_log_density((value - prior.loc) * tf.exp(-prior.log_scale), prior.log_scale)


def monte_carlo_kl(posterior: Relaxation, prior: Relaxation, samples: int, seed: tf.Tensor) -> tf.Tensor:
    """Mean over draws of log q(log psi) - log p(log psi), for any two distributions over the same simplex.

    The prior's density is taken from the parts of the draw (its Gaussian, its scores) wherever the prior's map allows
    it: an inversion of the rounded sample would be infinite for many draws of stick-breaking distributions. A truncated
    distribution counts as the distribution before its truncation, as in all KLs here. The result is infinite where the
    posterior has mass outside the prior's support, as IGR_SB_Finite has with a prior of the same kind at a higher
    temperature.

    Args:
      posterior: batch shape [B, V].
      prior: batch shape that broadcasts against it.
      samples: draws, at least 1.
      seed: stateless seed, int32 [2].
    Returns:
      [B, V].
    Raises:
      UserError: no draws, or distributions over different categories or of float types that do not mix.
    """
    _check_pair(posterior, prior)
    if isinstance(samples, (int, np.integer)) and samples < 1:
        raise UserError(f"monte_carlo_kl is a mean over draws and needs at least 1, got samples={samples}")
    draw = posterior.draw(samples, seed)
    if isinstance(posterior, GaussianRelaxation) and share_map(posterior, prior):
        return tf.reduce_mean(_sampled_kl(posterior, prior, draw, False, False), axis=0)
    return tf.reduce_mean(_log_ratio(posterior, prior, draw), axis=0)


@in_float32
def _log_ratio(posterior: Relaxation, prior: Relaxation, draw: Draw) -> tf.Tensor:
    """log q - log p of the log-samples of the posterior's draw [S, B, V]."""
    density = posterior.log_prob_of(draw)
    if not isinstance(posterior, GaussianRelaxation):
        return density - prior.log_prob_of_log_sample(draw.log_sample)
    if isinstance(prior, GaussianRelaxation):
        return density - prior.log_prob_of_draw_from(posterior, draw)
    # The log-sample before a truncation.
    log_sample = log_softmax_plus_plus(draw.scores / posterior.temperature[..., tf.newaxis], posterior.delta)
    return density - prior.log_prob_of_log_sample(log_sample)


@in_float32
def categorical_kl(log_probs: tf.Tensor, prior_log_probs: tf.Tensor | None = None) -> tf.Tensor:
    """KL of discrete distributions: sum_k P_k (log P_k - log p_k).

    A category with P_k = 0 adds nothing, nor to gradients; one with P_k > 0 and p_k = 0 makes the KL infinite.

    Args:
      log_probs: log P [..., K], normalised.
      prior_log_probs: log p, broadcasts against it; uniform if absent.
    Returns:
      [...].
    Raises:
      UserError: log p has another number of categories.
    """
    log_probs = as_float(log_probs, "log_probs")
    # -inf is kept out of products and differences: 0 times infinity is NaN in the value or in the gradient.
    log_probs = tf.maximum(log_probs, 0.25 * log_probs.dtype.min)
    probs = tf.exp(log_probs)
    if prior_log_probs is None:
        prior_log_probs = -tf.math.log(tf.cast(tf.shape(log_probs)[-1], log_probs.dtype))
    else:
        prior_log_probs = as_float(prior_log_probs, "prior_log_probs", log_probs.dtype)
        _check_last_axis(log_probs, prior_log_probs, "log_probs", "prior_log_probs")
        prior_log_probs = tf.where(tf.equal(probs, 0.0), tf.zeros_like(log_probs), prior_log_probs)
    return tf.reduce_sum(tf.math.multiply_no_nan(log_probs - prior_log_probs, probs), axis=-1)
