"""Kullback-Leibler divergences: Gaussian closed form, sampled in the space where the densities are simplest, categorical."""

import tensorflow as tf
import tensorflow_probability as tfp

from igr_suite.errors import UserError
from igr_suite.relaxations.base import Draw, Relaxation
from igr_suite.relaxations.gaussian import GaussianNoise, GaussianRelaxation, normal_log_density
from igr_suite.relaxations.gumbel_softmax import GumbelSoftmax

tfd = tfp.distributions


def gaussian_kl(loc: tf.Tensor, log_scale: tf.Tensor, prior_loc: tf.Tensor, prior_log_scale: tf.Tensor) -> tf.Tensor:
    """KL between diagonal Gaussians: 1/2 sum_k [r_k^2 - 1 + ((loc - prior_loc)/prior_scale)^2] - log r_k, r = scale / prior_scale.

    Args:
      loc, log_scale: [..., D].
      prior_loc, prior_log_scale: broadcast against them.
    Returns:
      [...].
    """
    log_ratio = log_scale - prior_log_scale
    shift = (loc - prior_loc) * tf.exp(-prior_log_scale)
    # expm1 keeps the digits of KL near 0, where posterior and prior agree.
    return tf.reduce_sum(0.5 * (tf.math.expm1(2.0 * log_ratio) + tf.square(shift)) - log_ratio, axis=-1)


def share_map(posterior: Relaxation, prior: Relaxation) -> bool:
    """Whether two laws push their Gaussians through the same map (same kind or h, temperature, delta, flow weights)."""
    if not (isinstance(posterior, GaussianNoise) and isinstance(prior, GaussianNoise)):
        return False
    ours, theirs = posterior.map_key, prior.map_key
    return len(ours) == len(theirs) and all(_same(a, b) for a, b in zip(ours, theirs))


def _same(a, b) -> bool:
    if a is b:
        return True
    if isinstance(a, tf.Variable) or isinstance(b, tf.Variable) or isinstance(a, type) or isinstance(b, type):
        return False
    if isinstance(a, str) or isinstance(b, str):
        return a == b
    known = [tf.get_static_value(tf.convert_to_tensor(x)) for x in (a, b)]
    return all(x is not None for x in known) and known[0].shape == known[1].shape and bool((known[0] == known[1]).all())


def _require_shared_map(posterior: Relaxation, prior: Relaxation) -> None:
    if not share_map(posterior, prior):
        raise UserError(
            f"{type(posterior).__name__} and {type(prior).__name__} do not share the map from their Gaussian to the simplex "
            "(kind, temperature, delta and flow must be the same objects or equal numbers), so their KL is not the Gaussian one; "
            "use monte_carlo_kl, or prior_after_flow=True for a Gaussian prior behind the flow"
        )


@tfd.RegisterKL(GaussianNoise, GaussianNoise)
def closed_form_kl(posterior: GaussianNoise, prior: GaussianNoise, name: str | None = None) -> tf.Tensor:
    """KL of two laws that share a map from their Gaussians: that of the Gaussians.

    A KL does not change under a bijection, so for the IGR laws it is the KL on the simplex. IGSM and GSP forget one direction of K, so
    for them it is an upper bound of that (the data-processing inequality). It is what tfd.kl_divergence(posterior, prior) returns.

    Args:
      posterior: batch shape [B, V].
      prior: batch shape that broadcasts against it.
      name: not used.
    Returns:
      [B, V].
    Raises:
      UserError: the laws do not share the map.
    Source: Potapczynski et al. (2020), section 3.1.
    """
    _require_shared_map(posterior, prior)
    return gaussian_kl(posterior.loc, posterior.log_scale, prior.loc, prior.log_scale)


def sampled_kl(
    posterior: Relaxation, prior: Relaxation, draw: Draw, stick_the_landing: bool = False, prior_after_flow: bool = False
) -> tf.Tensor:
    """One-draw estimates of the KL, cheap enough for every training step.

        Gaussian, shared map:    log N(kappa; q) - log N(kappa; p)
        IGR, prior after flow:   log N(kappa; q) - log |det dh/dkappa| - log N(h(kappa); p)
        Gumbel-Softmax:          log q(log psi) - log p(log psi), each law with its own temperature

    Args:
      posterior: batch shape [B, V].
      prior: the same family as the posterior.
      draw: of the posterior, [S, B, V, ...].
      stick_the_landing: hold the posterior's parameters constant inside log q, so that the gradient follows the path only;
        flow weights keep their gradient.
      prior_after_flow: read the prior's loc and log_scale as a Gaussian over h(kappa) instead of kappa, as the authors' last
        code does for IGR-Planar; the prior may then be any IGR law.
    Returns:
      [S, B, V]; its mean over draws estimates the KL (of IGSM and GSP: that of their Gaussians, see `closed_form_kl`) without bias.
    Raises:
      UserError: laws of different families, that do not share the map, or whose map has no h for a prior behind it.
    Source: Potapczynski et al. (2020), section 3.1; Roeder, Wu & Duvenaud (2017) for stick_the_landing.
    """
    hold = tf.stop_gradient if stick_the_landing else tf.identity
    if isinstance(posterior, GumbelSoftmax) and isinstance(prior, GumbelSoftmax):
        held = GumbelSoftmax(hold(posterior.logits), hold(posterior.temperature))
        return held.log_prob_of(draw) - prior.log_prob_of(draw)
    family = GaussianRelaxation if prior_after_flow else GaussianNoise
    if not (isinstance(posterior, family) and isinstance(prior, family)):
        raise UserError(f"no sampled KL between {type(posterior).__name__} and {type(prior).__name__}; use laws of one family")
    if not prior_after_flow:
        _require_shared_map(posterior, prior)
    if stick_the_landing:
        standard = (draw.preimage - hold(posterior.loc)) * tf.exp(-hold(posterior.log_scale))
    else:
        standard = draw.noise  # the same value; along the path it is constant in the parameters
    log_q = normal_log_density(standard, hold(posterior.log_scale))
    if prior_after_flow:
        log_q -= posterior.h.forward_log_det_jacobian(draw.preimage, event_ndims=1)
    value = draw.scores if prior_after_flow else draw.preimage
    return log_q - normal_log_density((value - prior.loc) * tf.exp(-prior.log_scale), prior.log_scale)


def monte_carlo_kl(posterior: Relaxation, prior: Relaxation, samples: int, seed: tf.Tensor) -> tf.Tensor:
    """Mean over draws of log q(log psi) - log p(log psi), for any two laws over the same simplex.

    Args:
      posterior: batch shape [B, V].
      prior: batch shape that broadcasts against it.
      samples: draws.
      seed: stateless seed, int32 [2].
    Returns:
      [B, V].
    """
    draw = posterior.draw(samples, seed)
    return tf.reduce_mean(posterior.log_prob_of(draw) - prior.log_prob_of_log_sample(draw.log_sample), axis=0)


def categorical_kl(log_probs: tf.Tensor, prior_log_probs: tf.Tensor | None = None) -> tf.Tensor:
    """KL of discrete laws: sum_k P_k (log P_k - log p_k).

    Args:
      log_probs: log P [..., K], normalised.
      prior_log_probs: log p, broadcasts against it; uniform if absent.
    Returns:
      [...].
    """
    if prior_log_probs is None:
        prior_log_probs = -tf.math.log(tf.cast(tf.shape(log_probs)[-1], log_probs.dtype))
    probs = tf.exp(log_probs)
    return tf.reduce_sum(tf.math.multiply_no_nan(log_probs - prior_log_probs, probs), axis=-1)
