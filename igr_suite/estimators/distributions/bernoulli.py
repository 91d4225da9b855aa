"""Bernoulli variables from logistic noise: samples, scores, relaxations and the coupled conditional noise, in closed
form.

    z = logits + logit(u),   b = [z > 0],   u ~ Uniform(0, 1),   theta = sigmoid(logits)

All functions take logits [..., D] and uniforms of the same shape (or broadcasting against it) in (0, 1).
"""

from typing import Literal

import tensorflow as tf

Relaxed = Literal["improved", "concrete"]
LARGEST = 1e30  # logit of a unit that has one value only


def logit(u: tf.Tensor) -> tf.Tensor:
    """log u - log(1 - u), of uniforms strictly inside (0, 1)."""
    return tf.math.log(u) - tf.math.log1p(-u)


def bounded(logits: tf.Tensor) -> tf.Tensor:
    """Makes the logits of fixed units, +-inf, finite, so that a slope of 0 times them is 0; no gradient reaches
    them."""
    return tf.clip_by_value(logits, -LARGEST, LARGEST)


def noisy_logits(logits: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
    """z = logits + logit(u)."""
    return bounded(logits) + logit(u)


def noise_score(u: tf.Tensor) -> tf.Tensor:
    """d log p(z) / d logits of the logistic z = logits + logit(u): 2 u - 1."""
    return 2.0 * u - 1.0


def mean(logits: tf.Tensor) -> tf.Tensor:
    """theta = E[b]."""
    return tf.sigmoid(logits)


def variance(logits: tf.Tensor) -> tf.Tensor:
    """theta (1 - theta), which keeps its digits near theta = 1."""
    return tf.sigmoid(logits) * tf.sigmoid(-logits)


def vjp(logits: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    """Maps d/dz to d/dlogits, where z = logits + noise: the same, but 0 for units whose logit is +-inf.

    Categorical variables have a softmax between the two.
    """
    return tf.where(tf.math.is_inf(logits), tf.zeros_like(gradient), gradient)


def times_jacobian(theta: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    """Maps d/dtheta to d/dlogits, where theta = sigmoid(logits): theta (1 - theta) gradient."""
    return theta * (1.0 - theta) * gradient


def hard_sample(logits: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
    """b = [u > 1 - theta], which is [logits + logit(u) > 0]."""
    return tf.cast(u > tf.sigmoid(-logits), logits.dtype)


def antithetic_sample(logits: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
    """b' = [u < theta], the sample of the mirrored uniform 1 - u."""
    return tf.cast(u < tf.sigmoid(logits), logits.dtype)


def score(logits: tf.Tensor, samples: tf.Tensor) -> tf.Tensor:
    """d log q(b) / d logits = b - theta."""
    return samples - tf.sigmoid(logits)


def probability(logits: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """q(b) of each variable's discrete value b, also beside infinite logits."""
    return tf.where(values > 0.5, tf.sigmoid(logits), tf.sigmoid(-logits))


def other_values(samples: tf.Tensor) -> tf.Tensor:
    """The values that each variable has not, [1, ..., D]: 1 - b."""
    return 1.0 - samples[tf.newaxis]


def summed_out(logits: tf.Tensor, samples: tf.Tensor, gaps: tf.Tensor) -> tf.Tensor:
    """Each variable's gradient when it is summed out: theta (1 - theta) [f(1) - f(0)].

    Args:
      logits, samples: [B, D].
      gaps: f with variable i at its other value, less f at the sample [D, 1, B].
    Returns:
      [B, D]; 0 where a value is impossible, whatever f is there.
    """
    return tf.math.multiply_no_nan((1.0 - 2.0 * samples) * tf.transpose(gaps[:, 0]), variance(logits))


def log_probability(logits: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """b l - softplus(l), elementwise; relaxed passes use the formula for fractional b too."""
    return values * logits - tf.nn.softplus(logits)


def divergence(logits: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """KL(q || p) of each variable, q of the logits and p of the others, which broadcast."""
    on = tf.sigmoid(logits)
    return -(other * on - tf.nn.softplus(other) - on * logits + tf.nn.softplus(logits))


def relaxed_sample(logits: tf.Tensor, z: tf.Tensor, temperature, relaxation: Relaxed = "improved") -> tf.Tensor:
    """y(z), which tends to the hard sample as the temperature falls.

        concrete:  sigmoid(z / t)
        improved:  sigmoid(z / t + logits t / (t + 1)), which tends to theta, not to 1/2, as t grows

    Args:
      logits: [..., D].
      z: logits + logit(u), [..., D]; a separate argument, for derivatives with respect to z at fixed logits.
      temperature: positive; number or tensor.
      relaxation: "improved" or "concrete".
    Source: Tucker et al. (2017), section 3.2 and its appendix; docs/papers/rebar.md, section 2.4.
    """
    scaled = z / temperature
    return tf.sigmoid(scaled if relaxation == "concrete" else scaled + logits * temperature / (temperature + 1.0))


def conditional_noisy_logits(logits: tf.Tensor, samples: tf.Tensor, v: tf.Tensor) -> tf.Tensor:
    """z~ | b: logits + logit(v'), v' = (1 - theta) + theta v where b = 1 and (1 - theta) v where b = 0; v uniform and
    independent of b."""
    theta, rest = tf.sigmoid(logits), tf.sigmoid(-logits)
    inside = tf.where(samples > 0.5, rest + theta * v, rest * v)
    outside = tf.where(samples > 0.5, theta * (1.0 - v), theta + rest * (1.0 - v))
    return bounded(logits) + tf.math.log(inside) - tf.math.log(outside)


def conditional_relaxed_sample(logits: tf.Tensor, samples: tf.Tensor, v: tf.Tensor, temperature) -> tf.Tensor:
    """sigmoid(z~ / t) for the z~ of `conditional_noisy_logits`; not to be differentiated."""
    return tf.sigmoid(conditional_noisy_logits(logits, samples, v) / temperature)


def antithetic_factor(logits: tf.Tensor, samples: tf.Tensor, mirrored: tf.Tensor) -> tf.Tensor:
    """(-1)^b' [b != b'] sigmoid(|logits|) of an antithetic pair, which is (b - b') sigmoid(|logits|)."""
    return (samples - mirrored) * tf.sigmoid(tf.abs(logits))


def reparameterisation_gap(logits: tf.Tensor, samples: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
    """r = dz/dlogits - dz~/dlogits for conditional noise coupled so that z~ = z: (1 - theta)/u if b = 1, theta/(1 - u)
    if b = 0.

    It lies in (0, 1]. With it one relaxed pass serves both of REBAR's reparameterised terms, since all other dependence
    of the control variate on the parameters cancels between them.

    Source: docs/papers/rebar.md, section 2.4 (derived there; tests/estimators compare it with automatic
    differentiation).
    """
    return tf.where(samples > 0.5, tf.sigmoid(-logits) / u, tf.sigmoid(logits) / (1.0 - u))
