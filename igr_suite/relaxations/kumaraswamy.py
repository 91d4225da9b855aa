"""The Kumaraswamy distribution on (0, 1), as functions of the logit of its value: nothing is lost near 0 and 1."""

import math

import tensorflow as tf
import tensorflow_probability as tfp

from igr_suite.precision import in_float32

_FAR = 15.0  # beyond it the first term of a series is exact to float32, and near enough in float64 (e^-15 squared)


@in_float32
def log_one_minus_exp(log_t: tf.Tensor) -> tf.Tensor:
    """log(1 - exp(-t)) from log t; for small t it is log t - t/2, also where t is too small for a float.

    Args:
      log_t: [...].
    Returns:
      [...].
    """
    near = tf.maximum(log_t, -_FAR)
    return tf.where(log_t < -_FAR, log_t - 0.5 * tf.exp(tf.minimum(log_t, -_FAR)), tfp.math.log1mexp(tf.exp(near)))


@in_float32
def kumaraswamy_logits(log_a: tf.Tensor, log_b: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """Logits of draws: v = (1 - u^(1/b))^(1/a), u ~ Uniform(0, 1).

        t = -log(u) / b,  s = -log(v) = -log(1 - e^-t) / a,  logit v = -log(e^s - 1)

    Args:
      log_a, log_b: [...], broadcast against the noise.
      uniform: u in (0, 1), [...].
    Returns:
      logit v [...].
    Source: Kumaraswamy (1980); the reparameterisation is that of Nalisnick & Smyth (2017).
    """
    log_t = tf.math.log(-tf.math.log(uniform)) - log_b
    close, far = tf.minimum(log_t, math.log(_FAR)), tf.exp(tf.maximum(log_t, math.log(_FAR)))
    # log(-log(1 - e^-t))
    log_minus = tf.where(log_t > math.log(_FAR), 0.5 * tf.exp(-far) - far, tf.math.log(-log_one_minus_exp(close)))
    log_s = log_minus - log_a
    return -(tf.exp(log_s) + log_one_minus_exp(log_s))


@in_float32
def kumaraswamy_log_density(logits: tf.Tensor, log_a: tf.Tensor, log_b: tf.Tensor) -> tf.Tensor:
    """Log density with respect to v in (0, 1): log a + log b + (a - 1) log v + (b - 1) log(1 - v^a).

    Args:
      logits: logit v [...].
      log_a, log_b: [...].
    Returns:
      [...]; minus the log density of Beta(1, 1) it is log q - log p.
    """
    s = tf.nn.softplus(-logits)  # -log v
    log_s = tf.where(logits > _FAR, -logits, tf.math.log(tf.nn.softplus(-tf.minimum(logits, _FAR))))
    return log_a + log_b - tf.math.expm1(log_a) * s + tf.math.expm1(log_b) * log_one_minus_exp(log_a + log_s)


@in_float32
def kumaraswamy_entropy(log_a: tf.Tensor, log_b: tf.Tensor) -> tf.Tensor:
    """Entropy: 1 - 1/b + (1 - 1/a) H_b - log(a b), H_b = digamma(b + 1) + 0.57721...; minus it is the KL to Beta(1, 1).

    Args:
      log_a, log_b: [...].
    Returns:
      [...] in nats.
    """
    harmonic = tf.math.digamma(tf.exp(log_b) + 1.0) + 0.5772156649015329
    return -tf.math.expm1(-log_b) - tf.math.expm1(-log_a) * harmonic - log_a - log_b
