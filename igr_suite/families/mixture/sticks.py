"""Stick-breaking weights of a mixture: distributions of the sticks, weights from their logits, and truncation with
static shapes."""

import math
from typing import Protocol

import tensorflow as tf

from igr_suite.precision import in_float32, widened
from igr_suite.randomness import standard_normal, uniform
from igr_suite.relaxations.kumaraswamy import kumaraswamy_log_density, kumaraswamy_logits
from igr_suite.relaxations.stick_breaking import log_remainders, log_stick_lengths
from igr_suite.relaxations.truncation import kept_sticks, sticks_within

CUT = -1e4  # log weight of a cut component: exp gives exactly 0, and 0 times it is 0 instead of NaN


class Sticks(Protocol):
    """The distribution q(v | x) of independent sticks v in (0, 1)^(C-1)."""

    def logits(self, samples: int, seed: tf.Tensor) -> tf.Tensor:
        """Draws logit v: [S, B, C-1]."""

    def log_density(self, logits: tf.Tensor, hold: bool = False) -> tf.Tensor:
        """log q(v | x) [S, B], a density of v; `hold` stops the gradient through the distribution's parameters."""


class KumaraswamySticks:
    """v_j ~ Kumaraswamy(a_j, b_j).

    Args:
      parameters: log a and log b side by side, [B, 2 (C-1)].
    """

    def __init__(self, parameters: tf.Tensor):
        self.log_a, self.log_b = tf.split(parameters, 2, axis=-1)

    def logits(self, samples: int, seed: tf.Tensor) -> tf.Tensor:
        """See Sticks."""
        shape, dtype = tf.concat([[samples], tf.shape(self.log_a)], 0), widened(self.log_a).dtype
        return kumaraswamy_logits(self.log_a, self.log_b, uniform(shape, seed, dtype, batch_axis=1))

    def log_density(self, logits: tf.Tensor, hold: bool = False) -> tf.Tensor:
        """See Sticks."""
        held = tf.stop_gradient if hold else tf.identity
        return tf.reduce_sum(kumaraswamy_log_density(logits, held(self.log_a), held(self.log_b)), -1)


class LogitNormalSticks:
    """logit v_j ~ N(mu_j, exp(xi_j)^2): IGR's Gaussian before stick-breaking.

    Args:
      parameters: mu and xi side by side, [B, 2 (C-1)].
    """

    def __init__(self, parameters: tf.Tensor):
        self.loc, self.log_scale = tf.split(parameters, 2, axis=-1)

    def logits(self, samples: int, seed: tf.Tensor) -> tf.Tensor:
        """See Sticks."""
        shape = tf.concat([[samples], tf.shape(self.loc)], 0)
        return self.loc + tf.exp(self.log_scale) * standard_normal(shape, seed, self.loc.dtype, batch_axis=1)

    def log_density(self, logits: tf.Tensor, hold: bool = False) -> tf.Tensor:
        """See Sticks; log N(y; mu, sigma) - log v - log(1 - v), y = logit v."""
        held = tf.stop_gradient if hold else tf.identity
        return _logit_normal_log_density(logits, held(self.loc), held(self.log_scale))


@in_float32
def _logit_normal_log_density(logits: tf.Tensor, loc: tf.Tensor, log_scale: tf.Tensor) -> tf.Tensor:
    standard = (logits - loc) * tf.exp(-log_scale)
    normal = -0.5 * tf.square(standard) - log_scale - 0.5 * math.log(2 * math.pi)
    return tf.reduce_sum(normal + tf.nn.softplus(logits) + tf.nn.softplus(-logits), -1)


@in_float32
def log_weights(logits: tf.Tensor) -> tf.Tensor:
    """Logs of pi_k = v_k prod_{j<k} (1 - v_j), and of the remainder: [..., C-1] -> [..., C]."""
    if logits.shape[-1] == 0:  # one component
        return tf.zeros(tf.concat([tf.shape(logits)[:-1], [1]], 0), logits.dtype)
    return tf.concat([log_stick_lengths(logits), log_remainders(logits)[..., -1:]], -1)


@in_float32
def kept_components(
    logits: tf.Tensor, threshold: float, truncation: str, quantile: float | None, crossing: bool = True
) -> tf.Tensor:
    """The number of components that a truncated mixture keeps.

    Args:
      logits: logit v [S, B, C-1].
      threshold: rho; the pieces up to the first whose sum exceeds it are kept.
      truncation: "sample", a number for every draw, or "batch", the quantile over all draws.
      quantile: percentage, read by "batch".
      crossing: whether to keep the piece that crosses rho too, so that less than 1 - rho is lost; the authors' code
        leaves it out.
    Returns:
      int32, [S, B] or scalar, in 1..C.
    """
    if logits.shape[-1] == 0:  # one component
        return tf.ones(tf.shape(logits)[:-1], tf.int32)
    sticks, within = logits.shape[-1], sticks_within(log_remainders(logits), threshold)
    if crossing and truncation == "sample":
        return 1 + tf.reduce_sum(tf.cast(within, tf.int32), -1)
    counts = kept_sticks(within, truncation, quantile)
    return 1 + counts if crossing else tf.where(counts == sticks, sticks + 1, counts)


@in_float32
def keep_first(log_weights: tf.Tensor, kept: tf.Tensor, renormalise: bool = True) -> tf.Tensor:
    """Cuts all components after the first `kept` ones, without a change of shape.

    Args:
      log_weights: [S, B, C].
      kept: int32, [S, B] or scalar.
      renormalise: whether to make the kept weights sum to one.
    Returns:
      [S, B, C], which is CUT for the components that are cut.
    """
    inside = tf.range(tf.shape(log_weights)[-1]) < kept[..., tf.newaxis]
    cut = tf.constant(CUT, log_weights.dtype)
    masked = tf.where(inside, log_weights, cut)
    if renormalise:
        masked = tf.where(inside, masked - tf.reduce_logsumexp(masked, -1, keepdims=True), cut)
    return masked
