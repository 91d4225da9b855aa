"""Discrete distributions as RELAX sees them: a hard code, noise behind it, the same noise given the code, and how both
move with the parameters.

Parameters are [..., V, P], codes [..., V, K], noise z [..., V, M]; leading axes are draws and examples. A draw holds
two values of z with the same distribution: z itself, and one from z | code. "coupled" takes the same value for both:
the uniforms behind z | code are then those that give back z, which is allowed because given the code they are uniform,
and one relaxed evaluation serves both.
"""

import math
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from igr_suite.estimators.distributions import bernoulli, categorical
from igr_suite.randomness import at_step, standard_normal, uniform
from igr_suite.relaxations.softmax_plus_plus import append_last_category
from igr_suite.relaxations.vertices import nearest_vertex

Coupling = Literal["coupled", "independent", "unrelated"]
TAIL = 6.0  # standard deviations that the quadrature reaches beyond the winner: mass 1e-9


class Draw(NamedTuple):
    """A code and the noise that its control variate reads.

    code: [..., V, K], hard.
    z, conditional: [..., V, M]: noise, and noise given the code (for "unrelated": an independent z, twice).
    log_prob: log q(code) [...], summed over variables.
    score: d log q(code) / d parameters [..., V, P].
    slopes: what the distribution's own `vjp` and `jvp` need.
    """

    code: tf.Tensor
    z: tf.Tensor
    conditional: tf.Tensor
    log_prob: tf.Tensor
    score: tf.Tensor
    slopes: Any


class Distribution(Protocol):
    """What the estimators ask of a distribution."""

    def draw(self, parameters: tf.Tensor, seed: tf.Tensor, coupling: Coupling) -> Draw:
        """One draw for each of the leading axes of the parameters [..., V, P]."""

    def hard(self, parameters: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Codes [..., V, K] only: those of `draw`."""

    def relaxed(self, z: tf.Tensor, temperature: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
        """The relaxed code [..., V, K] of noise [..., V, M]; temperature [V, M]."""

    def log_prob(self, code: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
        """log q of a relaxed code, extended linearly between the hard ones: [...]. No gradient with respect to the
        parameters."""

    def vjp(self, draw: Draw, at_z: tf.Tensor, at_conditional: tf.Tensor) -> tf.Tensor:
        """J^T at_z - J~^T at_conditional [..., V, P]; J, J~ the derivatives of z and of the conditional z by the
        parameters."""

    def jvp(self, draw: Draw, direction: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """(J direction, J~ direction), each [..., V, M], for a direction [..., V, P] in the space of the parameters."""


class Categorical:
    """Code ~ Cat(softmax(logits)) as the argmax of z = log pi + Gumbel noise, pi = softmax(logits).

        z~ | winner k:   z~_k = -log(-log v_k),   z~_j = -log(exp(-z~_k) - log v_j / pi_j)
        d z~_j / d log pi_j = 1 - exp(z~_j - max z~),   0 for the winner

    With pi normalised the highest z does not depend on the winner nor on the parameters.

    Args:
      relaxation: "standard", softmax(z / temperature), or "historical", softmax(z / temperature + log pi).
    Source: Tucker et al. (2017), appendix C, Grathwohl et al. (2018), appendix B, for z~; the coupled form is derived
    here.
    """

    def __init__(self, relaxation: Literal["standard", "historical"] = "standard"):
        self.relaxation = relaxation

    def draw(self, parameters: tf.Tensor, seed: tf.Tensor, coupling: Coupling) -> Draw:
        """See Distribution."""
        z, code = categorical.noisy_logits(parameters, _first_uniform(parameters, seed)), self.hard(parameters, seed)
        conditional = z
        if coupling == "independent":
            v = uniform(tf.shape(parameters), at_step(seed, tf.constant(2)), parameters.dtype)
            conditional = categorical.conditional_noisy_logits(parameters, code, v)
        log_pi = categorical.log_mean(parameters)
        pi = tf.exp(log_pi)
        slope = 1.0 - tf.exp(conditional - tf.reduce_max(conditional, -1, keepdims=True))
        return Draw(code, z, conditional, tf.reduce_sum(code * log_pi, [-2, -1]), code - pi, (pi, slope))

    def hard(self, parameters: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """See Distribution."""
        return categorical.hard_sample(parameters, _first_uniform(parameters, seed))

    def relaxed(self, z: tf.Tensor, temperature: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
        """See Distribution."""
        scaled = z / temperature
        return tf.nn.softmax(
            scaled if self.relaxation == "standard" else scaled + tf.stop_gradient(categorical.log_mean(parameters))
        )

    def log_prob(self, code: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
        """See Distribution."""
        return tf.reduce_sum(code * tf.stop_gradient(categorical.log_mean(parameters)), [-2, -1])

    def vjp(self, draw: Draw, at_z: tf.Tensor, at_conditional: tf.Tensor) -> tf.Tensor:
        """See Distribution."""
        pi, slope = draw.slopes
        by_log_pi = at_z - slope * at_conditional
        return by_log_pi - pi * tf.reduce_sum(by_log_pi, -1, keepdims=True)

    def jvp(self, draw: Draw, direction: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See Distribution."""
        pi, slope = draw.slopes
        by_log_pi = direction - tf.reduce_sum(pi * direction, -1, keepdims=True)
        return by_log_pi, slope * by_log_pi


class Bernoulli:
    """Code = [z > 0], z = logit + logistic noise; V units with P = K = M = 1. The conditional noise is that of
    REBAR."""

    def draw(self, parameters: tf.Tensor, seed: tf.Tensor, coupling: Coupling) -> Draw:
        """See Distribution."""
        u = _first_uniform(parameters, seed)
        z, code = parameters + bernoulli.logit(u), bernoulli.hard_sample(parameters, u)
        conditional, behind = z, u
        if coupling == "independent":
            v = uniform(tf.shape(parameters), at_step(seed, tf.constant(2)), parameters.dtype)
            conditional = bernoulli.conditional_noisy_logits(parameters, code, v)
            behind = tf.sigmoid(conditional - parameters)
        slope = 1.0 - bernoulli.reparameterisation_gap(parameters, code, behind)
        log_prob = tf.reduce_sum(bernoulli.log_probability(parameters, code), [-2, -1])
        return Draw(code, z, conditional, log_prob, bernoulli.score(parameters, code), slope)

    def hard(self, parameters: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """See Distribution."""
        return bernoulli.hard_sample(parameters, _first_uniform(parameters, seed))

    def relaxed(self, z: tf.Tensor, temperature: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
        """See Distribution."""
        return tf.sigmoid(z / temperature)

    def log_prob(self, code: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
        """See Distribution."""
        return tf.reduce_sum(bernoulli.log_probability(tf.stop_gradient(parameters), code), [-2, -1])

    def vjp(self, draw: Draw, at_z: tf.Tensor, at_conditional: tf.Tensor) -> tf.Tensor:
        """See Distribution."""
        return at_z - draw.slopes * at_conditional

    def jvp(self, draw: Draw, direction: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See Distribution."""
        return direction, draw.slopes * direction


class GaussianArgmax:
    """Code = one-hot argmax of (z_1, ..., z_{K-1}, 0), z_j ~ N(loc_j, scale_j^2): IGR-I with delta = 1; parameters are
    (loc, log scale).

    Given the winner k < K, its value t has the cdf F = G / (G + H) with

        G = int_0^t h,  H = int_t^inf h,  h(s) = N(s; loc_k, scale_k) prod_{j != k} Phi((s - loc_j) / scale_j)

    and the others are normals cut off above t; where the last category wins, all are cut off above t = 0. Holding those
    cdfs fixed,

        d t  = -d(log G - log H) / (h(t)/G + h(t)/H)
        d z~_j = (1 - m_j) d loc_j + (a_j - m_j A_j) scale_j d log scale_j + m_j d t
        a_j = (z_j - loc_j) / scale_j,  A_j = (t - loc_j) / scale_j,  m_j = (phi/Phi)(A_j) / (phi/Phi)(a_j) in (0, 1]

    and G + H is the probability of the winner, so one quadrature of the winner (not of all categories) serves both.

    Error of log q and of its gradient's entries over 300 distributions of 10 categories, loc ~ N(0, 1), log scale ~
    N(0, 0.5^2):

        points         8               12              16
        median     2e-5  2e-4      4e-8  5e-7      2e-10  6e-9
        99%        4e-3  2e-2      6e-5  1e-3      3e-6   3e-5

    Args:
      points: Gauss-Legendre points on either side of t.
    Source: this project; the distribution of the argmax is that of docs/papers/igr.md, section 1.4.
    """

    def __init__(self, points: int = 12):
        self.points = points

    def draw(self, parameters: tf.Tensor, seed: tf.Tensor, coupling: Coupling) -> Draw:
        """See Distribution; "independent" does not exist (the cdf of t would have to be inverted)."""
        loc, log_scale = tf.split(parameters, 2, axis=-1)
        scale = tf.exp(log_scale)
        noise, z, code = self._sample(loc, scale, seed)
        log_prob, score, by_parameters = self._winner(loc, scale, z, code)
        own, last = code[..., :-1], code[..., -1:]
        top = tf.reduce_sum(own * z, -1, keepdims=True)  # 0 where the last category wins
        high = (top - loc) / scale
        mills = _log_ndtr(noise) - _log_ndtr(high) + 0.5 * (tf.square(noise) - tf.square(high))
        m = tf.minimum(tf.exp(mills), 1.0)
        by_parameters *= 1.0 - last
        slopes = (noise, scale, m, (noise - m * high) * scale, by_parameters)
        if coupling == "unrelated":
            noise = standard_normal(tf.shape(loc), at_step(seed, tf.constant(2)), loc.dtype)
            z, slopes = loc + scale * noise, (noise, *slopes[1:])
        return Draw(code, z, z, tf.reduce_sum(log_prob, -1), score, slopes)

    def hard(self, parameters: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """See Distribution."""
        loc, log_scale = tf.split(parameters, 2, axis=-1)
        return self._sample(loc, tf.exp(log_scale), seed)[2]

    def _sample(self, loc: tf.Tensor, scale: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        noise = standard_normal(tf.shape(loc), at_step(seed, tf.constant(1)), loc.dtype)
        z = loc + scale * noise
        return noise, z, nearest_vertex(append_last_category(z, 1.0))

    def relaxed(self, z: tf.Tensor, temperature: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
        """See Distribution."""
        return tf.nn.softmax(append_last_category(z / temperature, 1.0))

    def log_prob(self, code: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
        """See Distribution; the distribution of all categories from one coarse grid, which is enough for a control
        variate."""
        return tf.reduce_sum(code * tf.stop_gradient(self.coarse_log_distribution(parameters)), [-2, -1])

    def coarse_log_distribution(self, parameters: tf.Tensor) -> tf.Tensor:
        """log P(argmax = k) [..., V, K], normalised, from nodes that all categories share (so K times cheaper than one
        by one)."""
        loc, log_scale = tf.split(parameters, 2, axis=-1)
        scale = tf.exp(log_scale)
        highest = tf.maximum(tf.reduce_max(loc + 3.0 * scale, -1, keepdims=True), 0.1)
        s, log_weight = _legendre(self.points, tf.zeros_like(highest[..., 0]), highest[..., 0])
        standard = (s[..., tf.newaxis] - loc[..., tf.newaxis, :]) / scale[..., tf.newaxis, :]
        log_below = _log_ndtr(standard)
        log_normal = -0.5 * tf.square(standard) - (log_scale + 0.5 * math.log(2.0 * math.pi))[..., tf.newaxis, :]
        log_joint = log_normal - log_below + tf.reduce_sum(log_below, -1, keepdims=True) + log_weight[..., tf.newaxis]
        log_last = tf.reduce_sum(_log_ndtr(-loc / scale), -1, keepdims=True)
        return tf.nn.log_softmax(tf.concat([tf.reduce_logsumexp(log_joint, -2), log_last], -1))

    def vjp(self, draw: Draw, at_z: tf.Tensor, at_conditional: tf.Tensor) -> tf.Tensor:
        """See Distribution."""
        noise, scale, m, by_log_scale, by_parameters = draw.slopes
        by_loc = at_z - (1.0 - m) * at_conditional
        by_scale = noise * scale * at_z - by_log_scale * at_conditional
        along_top = tf.reduce_sum(m * at_conditional, -1, keepdims=True)
        return tf.concat([by_loc, by_scale], -1) - by_parameters * along_top

    def jvp(self, draw: Draw, direction: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See Distribution."""
        noise, scale, m, by_log_scale, by_parameters = draw.slopes
        by_loc, by_scale = tf.split(direction, 2, axis=-1)
        top = tf.reduce_sum(by_parameters * direction, -1, keepdims=True)
        return by_loc + noise * scale * by_scale, (1.0 - m) * by_loc + by_log_scale * by_scale + m * top

    def _winner(
        self, loc: tf.Tensor, scale: tf.Tensor, z: tf.Tensor, code: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """log q of the winner [..., V], its gradient [..., V, 2 (K-1)], and d t / d parameters of the same shape."""
        own, last = code[..., :-1], code[..., -1:]
        top = tf.reduce_sum(own * z, -1)
        top = tf.where(last[..., 0] > 0.5, tf.ones_like(top), top)  # anything finite; replaced below
        center, width = tf.reduce_sum(own * loc, -1), tf.reduce_sum(own * scale, -1) + last[..., 0]
        bottom = tf.minimum(tf.maximum(center - TAIL * width, 0.0), top)
        log_below, below = self._integral(loc, scale, own, center, width, bottom, top)
        log_above, above = self._integral(loc, scale, own, center, width, top, tf.maximum(top, center) + TAIL * width)
        log_winner = tf.reduce_logsumexp(tf.stack([log_below, log_above]), axis=0)
        share = tf.exp(log_below - log_winner)[..., tf.newaxis]
        score = share * below + (1.0 - share) * above
        log_h = self._log_h(loc, scale, own, center, width, top[..., tf.newaxis])[0][..., 0]
        log_rate = log_h + tf.reduce_logsumexp(tf.stack([-log_below, -log_above]), axis=0)
        by_parameters = (above - below) * tf.exp(-log_rate)[..., tf.newaxis]

        at_cut = -loc / scale
        log_last = _log_ndtr(at_cut)
        ratio = _mills(at_cut, log_last)
        last_score = tf.concat([-ratio / scale, -ratio * at_cut], -1)
        is_last = last > 0.5
        log_prob = tf.where(is_last[..., 0], tf.reduce_sum(log_last, -1), log_winner)
        return log_prob, tf.where(is_last, last_score, score), by_parameters

    def _integral(self, loc, scale, own, center, width, start, end) -> tuple[tf.Tensor, tf.Tensor]:
        """log int_start^end h [..., V] and its gradient by (loc, log scale) with the limits fixed [..., V, 2 (K-1)]."""
        s, log_weight = _legendre(self.points, start, end)
        log_h, standard, ratio = self._log_h(loc, scale, own, center, width, s)
        log_terms = log_h + log_weight
        log_integral = tf.reduce_logsumexp(log_terms, -1)
        weights = tf.exp(log_terms - log_integral[..., tf.newaxis])[..., tf.newaxis]
        chosen = own[..., tf.newaxis, :]
        by_loc = tf.reduce_sum(weights * (chosen * standard - (1.0 - chosen) * ratio), -2) / scale
        by_scale = tf.reduce_sum(
            weights * (chosen * (tf.square(standard) - 1.0) - (1.0 - chosen) * ratio * standard), -2
        )
        return log_integral, tf.concat([by_loc, by_scale], -1)

    def _log_h(self, loc, scale, own, center, width, s) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """log h at the points s [..., V, N], and there (s - loc_j) / scale_j and (phi/Phi) of it [..., V, N, K-1]."""
        standard = (s[..., tf.newaxis] - loc[..., tf.newaxis, :]) / scale[..., tf.newaxis, :]
        log_below = _log_ndtr(standard)
        own_standard = (s - center[..., tf.newaxis]) / width[..., tf.newaxis]
        log_normal = (
            -0.5 * tf.square(own_standard) - tf.math.log(width)[..., tf.newaxis] - 0.5 * math.log(2.0 * math.pi)
        )
        log_h = log_normal + tf.reduce_sum((1.0 - own)[..., tf.newaxis, :] * log_below, -1)
        return log_h, standard, _mills(standard, log_below)


def _first_uniform(parameters: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """The uniforms behind a draw's z."""
    return uniform(tf.shape(parameters), at_step(seed, tf.constant(1)), parameters.dtype)


def _legendre(points: int, start: tf.Tensor, end: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Nodes [..., N] of Gauss and Legendre on [start, end] [...] and the logs of their weights."""
    nodes, weights = (tf.constant(x, start.dtype) for x in np.polynomial.legendre.leggauss(points))
    half = 0.5 * (end - start)[..., tf.newaxis]
    return start[..., tf.newaxis] + half * (nodes + 1.0), tf.math.log(weights) + tf.math.log(tf.maximum(half, 1e-30))


def _mills(x: tf.Tensor, log_below: tf.Tensor) -> tf.Tensor:
    """phi(x) / Phi(x)."""
    return tf.exp(-0.5 * tf.square(x) - 0.5 * math.log(2.0 * math.pi) - log_below)


def _log_ndtr(x: tf.Tensor) -> tf.Tensor:
    """log Phi(x); value only, its gradients are written out above.

    Below -8 by the asymptotic series of the Mills ratio, 1 - 1/x^2 + 3/x^4 - 15/x^6 + 105/x^8, relative error below
    1e-6.
    """
    middle = tf.math.log(0.5 * tf.math.erfc(-tf.maximum(x, -8.0) * math.sqrt(0.5)))
    far = tf.minimum(x, -8.0)
    inverse = 1.0 / tf.square(far)
    series = 1.0 - inverse * (1.0 - inverse * (3.0 - inverse * (15.0 - inverse * 105.0)))
    return tf.where(
        x > -8.0,
        middle,
        -0.5 * tf.square(far) - tf.math.log(-far) - 0.5 * math.log(2.0 * math.pi) + tf.math.log(series),
    )
