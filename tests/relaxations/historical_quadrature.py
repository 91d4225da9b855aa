"""The authors' 15-point half-range Gauss-Hermite rule for IGR-I, kept to reproduce their discrete KL.

It is accurate for |loc| <= 1 and scale in [0.5, 1] only; for confident posteriors its probabilities do not sum to 1.
`argmax_distribution.gaussian_argmax_log_probs` is the one to use.
"""

import functools
import math

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


@functools.cache
def half_range_hermite(points: int = 15) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of the Gauss rule for exp(-y^2) on [0, inf), float64; the weights sum to sqrt(pi)/2.

    The recurrence of the orthogonal polynomials comes from a fine discretisation of the weight (the Stieltjes
    procedure), the nodes from the eigenvalues of the Jacobi matrix.

    Source: Golub & Welsch (1969); Gautschi (2004), section 2.2.
    """
    x, w = np.polynomial.legendre.leggauss(400)
    x, w = 6.0 * (x + 1.0), 6.0 * w * np.exp(-np.square(6.0 * (x + 1.0)))  # exp(-12^2) is 0 in float64
    alpha, beta = np.zeros(points), np.zeros(points)
    previous, current, previous_norm = np.zeros_like(x), np.ones_like(x), 1.0
    for n in range(points):
        norm = w @ current**2
        alpha[n], beta[n] = (w @ (x * current**2)) / norm, norm / previous_norm
        previous, current = current, (x - alpha[n]) * current - (beta[n] if n else 0.0) * previous
        previous_norm = norm
    nodes, vectors = np.linalg.eigh(np.diag(alpha) + np.diag(np.sqrt(beta[1:]), 1) + np.diag(np.sqrt(beta[1:]), -1))
    return nodes, beta[0] * vectors[0] ** 2


def historical_argmax_log_probs(loc: tf.Tensor, log_scale: tf.Tensor, points: int = 15) -> tf.Tensor:
    """log P(argmax psi = k) of IGR-I with delta = 1, by the half-range rule in y = t / (sqrt(2) scale_k).

        P(k) = pi^(-1/2) sum_i w_i exp((2 loc_k t_i - loc_k^2) / (2 scale_k^2)) prod_{j != k} Phi((t_i - loc_j) /
            scale_j)

    Args:
      loc: [..., K-1].
      log_scale: [..., K-1].
      points: 15 in the authors' code.
    Returns:
      [..., K]; not normalised outside the range where the rule holds.
    Source: the authors' NeurIPS code.
    """
    normal = tfd.Normal(tf.zeros([], loc.dtype), tf.ones([], loc.dtype))
    scale = tf.exp(log_scale)
    nodes, weights = (tf.constant(x, loc.dtype) for x in half_range_hermite(points))
    winner_loc, winner_scale = loc[..., tf.newaxis], scale[..., tf.newaxis]
    t = math.sqrt(2.0) * winner_scale * nodes  # [..., k, points]
    tilt = (2.0 * winner_loc * t - tf.square(winner_loc)) / (2.0 * tf.square(winner_scale))
    log_cdf = normal.log_cdf(
        (t[..., tf.newaxis] - loc[..., tf.newaxis, tf.newaxis, :]) / scale[..., tf.newaxis, tf.newaxis, :]
    )
    own = tf.eye(tf.shape(loc)[-1], dtype=tf.bool)[:, tf.newaxis, :]
    log_others = tf.reduce_sum(tf.where(own, tf.zeros([], loc.dtype), log_cdf), axis=-1)
    log_rest = tf.reduce_logsumexp(tf.math.log(weights) + tilt + log_others, axis=-1) - 0.5 * math.log(math.pi)
    log_last = tf.reduce_sum(normal.log_cdf(-loc / scale), axis=-1, keepdims=True)
    return tf.concat([log_rest, log_last], axis=-1)
