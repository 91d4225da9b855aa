"""Discrete distributions for RELAX: a hard code, the noise behind it, the noise given the code, and the derivatives of
both with respect to the parameters.

Parameters are [..., V, P], codes [..., V, K], noise z [..., V, M]; leading axes are draws and examples. A draw holds
two values of z with the same distribution: z itself, and one from z | code. The coupling "coupled" takes the same value
for both: the uniforms behind z | code are those that give back z, which is allowed because they are uniform given the
code, and one relaxed evaluation serves both.
"""

from typing import Any, Literal, NamedTuple, Protocol

import tensorflow as tf

from igr_suite.estimators.distributions import bernoulli, categorical
from igr_suite.randomness import at_step, uniform

Coupling = Literal["coupled", "independent", "unrelated"]


class CodeSample(NamedTuple):
    """A code and the noise that its control variate reads.

    Attributes:
      code: hard code [..., V, K].
      z: noise [..., V, M]; for "unrelated" a z that is independent of the code.
      conditional: noise given the code [..., V, M]; for "unrelated" the same as z.
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
    """What the estimators need of a distribution."""

    def draw(self, parameters: tf.Tensor, seed: tf.Tensor, coupling: Coupling) -> CodeSample:
        """One draw for each of the leading axes of the parameters [..., V, P]."""

    def hard(self, parameters: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """The codes [..., V, K] of `draw` alone."""

    def relaxed(self, z: tf.Tensor, temperature: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
        """The relaxed code [..., V, K] of noise [..., V, M]; temperature [V, M]."""

    def log_prob(self, code: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
        """log q of a relaxed code, extended linearly between the hard ones: [...]. No gradient with respect to the
        parameters."""

    def vjp(self, draw: CodeSample, z_cotangent: tf.Tensor, conditional_cotangent: tf.Tensor) -> tf.Tensor:
        """J^T z_cotangent - J~^T conditional_cotangent [..., V, P], with J and J~ the derivatives of z and of the
        conditional z with respect to the parameters."""

    def jvp(self, draw: CodeSample, direction: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """(J direction, J~ direction), each [..., V, M], for a direction [..., V, P] in the space of the parameters."""


class Categorical:
    """Code ~ Cat(softmax(logits)) as the argmax of z = log pi + Gumbel noise, pi = softmax(logits).

        z~ | winner k:   z~_k = -log(-log v_k),   z~_j = -log(exp(-z~_k) - log v_j / pi_j)
        d z~_j / d log pi_j = 1 - exp(z~_j - max z~),   0 for the winner

    With pi normalised, the highest z depends neither on the winner nor on the parameters.

    Args:
      relaxation: "standard", softmax(z / temperature), or "historical", softmax(z / temperature + log pi).
    Source: Tucker et al. (2017), appendix C, Grathwohl et al. (2018), appendix B, for z~; the coupled form is derived
    here.
    """

    def __init__(self, relaxation: Literal["standard", "historical"] = "standard"):
        self.relaxation = relaxation

    def draw(self, parameters: tf.Tensor, seed: tf.Tensor, coupling: Coupling) -> CodeSample:
        """See Distribution."""
        z, code = categorical.noisy_logits(parameters, _first_uniform(parameters, seed)), self.hard(parameters, seed)
        conditional = z
        if coupling == "independent":
            v = uniform(tf.shape(parameters), at_step(seed, tf.constant(2)), parameters.dtype)
            conditional = categorical.conditional_noisy_logits(parameters, code, v)
        log_pi = categorical.log_mean(parameters)
        pi = tf.exp(log_pi)
        slope = 1.0 - tf.exp(conditional - tf.reduce_max(conditional, -1, keepdims=True))
        return CodeSample(code, z, conditional, tf.reduce_sum(code * log_pi, [-2, -1]), code - pi, (pi, slope))

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

    def vjp(self, draw: CodeSample, z_cotangent: tf.Tensor, conditional_cotangent: tf.Tensor) -> tf.Tensor:
        """See Distribution."""
        pi, slope = draw.slopes
        by_log_pi = z_cotangent - slope * conditional_cotangent
        return by_log_pi - pi * tf.reduce_sum(by_log_pi, -1, keepdims=True)

    def jvp(self, draw: CodeSample, direction: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See Distribution."""
        pi, slope = draw.slopes
        by_log_pi = direction - tf.reduce_sum(pi * direction, -1, keepdims=True)
        return by_log_pi, slope * by_log_pi


class Bernoulli:
    """Code = [z > 0], z = logit + logistic noise; V units with P = K = M = 1. The conditional noise is that of
    REBAR."""

    def draw(self, parameters: tf.Tensor, seed: tf.Tensor, coupling: Coupling) -> CodeSample:
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
        return CodeSample(code, z, conditional, log_prob, bernoulli.score(parameters, code), slope)

    def hard(self, parameters: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """See Distribution."""
        return bernoulli.hard_sample(parameters, _first_uniform(parameters, seed))

    def relaxed(self, z: tf.Tensor, temperature: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
        """See Distribution."""
        return tf.sigmoid(z / temperature)

    def log_prob(self, code: tf.Tensor, parameters: tf.Tensor) -> tf.Tensor:
        """See Distribution."""
        return tf.reduce_sum(bernoulli.log_probability(tf.stop_gradient(parameters), code), [-2, -1])

    def vjp(self, draw: CodeSample, z_cotangent: tf.Tensor, conditional_cotangent: tf.Tensor) -> tf.Tensor:
        """See Distribution."""
        return z_cotangent - draw.slopes * conditional_cotangent

    def jvp(self, draw: CodeSample, direction: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See Distribution."""
        return direction, draw.slopes * direction


def _first_uniform(parameters: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """The uniform noise behind a draw's z."""
    return uniform(tf.shape(parameters), at_step(seed, tf.constant(1)), parameters.dtype)
