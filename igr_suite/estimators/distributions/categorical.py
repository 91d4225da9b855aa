"""Categorical variables from Gumbel noise: samples, scores, relaxations and the coupled conditional noise, in closed
form.

    z = log theta - log(-log u),   b = one-hot(argmax z),   u ~ Uniform(0, 1),   theta = softmax(logits)

Functions have the same names and meanings as those in `bernoulli`, so that an estimator can be written once for both
kinds. Logits are [..., V, C], samples one-hot; uniforms have the same shape, one a category.
"""

import tensorflow as tf

from igr_suite.estimators.distributions.bernoulli import Relaxed

LOWEST = -1e30  # log theta of a category without mass, finite so that a slope of 0 times it is 0


def log_mean(logits: tf.Tensor) -> tf.Tensor:
    """log theta, finite; a category whose logit is -inf is masked: it is never sampled, and no gradient reaches its
    logit."""
    return tf.maximum(tf.nn.log_softmax(logits), LOWEST)


def bounded(logits: tf.Tensor) -> tf.Tensor:
    """The logits unchanged: `log_mean` makes those that are -inf finite."""
    return logits


def gumbel(u: tf.Tensor) -> tf.Tensor:
    """-log(-log u), standard Gumbel noise."""
    return -tf.math.log(-tf.math.log(u))


def noisy_logits(logits: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
    """z = log theta - log(-log u), with theta normalised, so that z are Gumbel variables located at log theta."""
    return log_mean(logits) + gumbel(u)


def noise_score(u: tf.Tensor) -> tf.Tensor:
    """d log p(z) / d log theta of the Gumbel z: 1 + log u; `vjp` accounts for the normalisation of theta."""
    return 1.0 + tf.math.log(u)


def mean(logits: tf.Tensor) -> tf.Tensor:
    """theta = E[b]."""
    return tf.nn.softmax(logits)


def vjp(logits: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    """Maps d/d log theta to d/d logits: gradient - theta sum(gradient)."""
    gradient = tf.where(tf.math.is_inf(logits), tf.zeros_like(gradient), gradient)
    return gradient - tf.nn.softmax(logits) * tf.reduce_sum(gradient, -1, keepdims=True)


def times_jacobian(theta: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    """Maps d/dtheta to d/dlogits, where theta = softmax(logits): theta (gradient - theta . gradient)."""
    return theta * (gradient - tf.reduce_sum(theta * gradient, -1, keepdims=True))


def hard_sample(logits: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
    """b = one-hot(argmax z)."""
    return largest(noisy_logits(logits, u))


def largest(z: tf.Tensor) -> tf.Tensor:
    """one-hot(argmax z) [..., C]."""
    categories = tf.shape(z)[-1] if z.shape[-1] is None else z.shape[-1]
    return tf.one_hot(tf.argmax(z, -1), categories, dtype=z.dtype)


def score(logits: tf.Tensor, samples: tf.Tensor) -> tf.Tensor:
    """d log q(b) / d logits = b - theta."""
    return samples - tf.nn.softmax(logits)


def probability(logits: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """q(b) of each variable's one-hot value b, without the categories' axis."""
    return tf.reduce_sum(tf.nn.softmax(logits) * values, -1)


def other_values(samples: tf.Tensor) -> tf.Tensor:
    """The values that each variable has not, [C - 1, ..., V, C]: the categories after its own, in cyclic order."""
    categories = tf.shape(samples)[-1] if samples.shape[-1] is None else samples.shape[-1]
    own = tf.argmax(samples, -1, tf.int32)
    steps = tf.reshape(tf.range(1, categories), (-1, *[1] * own.shape.rank))
    return tf.one_hot((own + steps) % categories, categories, dtype=samples.dtype)


def summed_out(logits: tf.Tensor, samples: tf.Tensor, gaps: tf.Tensor) -> tf.Tensor:
    """Each variable's gradient when it is summed out: theta (F - theta . F), F_c = f at category c.

    Args:
      logits, samples: [B, V, C].
      gaps: f with variable v at its other values, in the order of `other_values`, less f at the sample [V, C - 1, B].
    Returns:
      [B, V, C]; no category without mass counts, whatever f is there.
    """
    theta = tf.nn.softmax(logits)
    by_category = tf.transpose(gaps, (1, 2, 0))[..., tf.newaxis]
    values = tf.reduce_sum(tf.math.multiply_no_nan(by_category, other_values(samples)), 0)
    return times_jacobian(theta, tf.where(theta > 0.0, values, tf.zeros_like(values)))


def log_probability(logits: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """sum_c b_c log theta_c, without the categories' axis."""
    return tf.reduce_sum(tf.math.multiply_no_nan(tf.nn.log_softmax(logits), values), -1)


def divergence(logits: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """KL(q || p) of each variable, without the categories' axis; q of the logits and p of the others, which
    broadcast."""
    log_q, log_p = tf.nn.log_softmax(logits), tf.nn.log_softmax(other)
    return -tf.reduce_sum(tf.math.multiply_no_nan(log_p - log_q, tf.exp(log_q)), -1)


def relaxed_sample(logits: tf.Tensor, z: tf.Tensor, temperature, relaxation: Relaxed = "improved") -> tf.Tensor:
    """y(z), which tends to the hard sample as the temperature falls.

        concrete:  softmax(z / t)
        improved:  softmax(z / t + log theta t / (t + 1)), which tends to theta as t grows

    With two categories they are the relaxations of `bernoulli`; the improved one is this suite's extension of REBAR's
    to C categories.
    """
    scaled = z / temperature
    return tf.nn.softmax(
        scaled if relaxation == "concrete" else scaled + log_mean(logits) * temperature / (temperature + 1.0)
    )


def conditional_noisy_logits(logits: tf.Tensor, samples: tf.Tensor, v: tf.Tensor) -> tf.Tensor:
    """z~ | b: -log E_b at the chosen category b and -log(E_i / theta_i + E_b) elsewhere, E = -log v; v uniform and
    independent of b."""
    log_exponential = tf.math.log(-tf.math.log(v))
    chosen = tf.reduce_sum(samples * log_exponential, -1, keepdims=True)
    others = chosen + tf.nn.softplus(log_exponential - log_mean(logits) - chosen)
    return -tf.where(samples > 0.5, chosen, others)


def conditional_relaxed_sample(logits: tf.Tensor, samples: tf.Tensor, v: tf.Tensor, temperature) -> tf.Tensor:
    """softmax(z~ / t) for the z~ of `conditional_noisy_logits`, in half of its time.

        y_i = (1 + E_i / (theta_i E_b))^(-1/t) / sum,   the bracket being exp(z~_b - z~_i), and 1 for the category b

    Not to be differentiated: infinite brackets, of categories without mass, are meant to give 0.
    """
    exponential = -tf.math.log(v)
    rate = tf.nn.softmax(logits) * tf.reduce_sum(samples * exponential, -1, keepdims=True)
    behind = tf.where(samples > 0.5, tf.zeros_like(exponential), exponential / rate)
    share = tf.exp(-tf.math.log(1.0 + behind) / temperature)
    return share / tf.reduce_sum(share, -1, keepdims=True)


def reparameterisation_gap(logits: tf.Tensor, samples: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
    """r = dz/dlog theta - dz~/dlog theta, diagonal, for conditional noise coupled so that z~ = z: exp(z - max z), in
    (0, 1].

    Source: docs/papers/rebar.md, section 2.10 (derived there; tests/estimators compare it with automatic
    differentiation).
    """
    del samples
    z = noisy_logits(logits, u)
    return tf.exp(z - tf.reduce_max(z, -1, keepdims=True))
