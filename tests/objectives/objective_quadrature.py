"""Exact moments of K-sample gradient estimators on scalar linear-Gaussian models, by tensor-product Gauss-Hermite
quadrature."""

from functools import cache

import numpy as np
import tensorflow as tf

from igr_suite.objectives.registry import build

NODES = {1: 64, 2: 48, 3: 36, 4: 20}  # an axis, by the number of samples
THETA, X, M, S = 0.3, 1.2, 0.5, 0.9  # docs/papers/dreg.md, section 6.2
LOG_EVIDENCE = -0.5 * np.log(4 * np.pi) - (X - THETA) ** 2 / 4


def normals(count: int, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes [count, N] and weights [N] of expectations over `count` independent standard normals; N = nodes^count."""
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    w = w / w.sum()
    eps = np.stack(np.meshgrid(*[x] * count, indexing="ij")).reshape(count, -1)
    weights = np.prod(np.stack(np.meshgrid(*[w] * count, indexing="ij")).reshape(count, -1), 0)
    return eps, weights


def log_normal(z, loc, scale):
    return -0.5 * ((z - loc) / scale) ** 2 - np.log(scale) - 0.5 * np.log(2 * np.pi)


class OneLayer:
    """z ~ N(theta, 1), x | z ~ N(z, 1), q = N(m, s^2), all samples at quadrature nodes [K, N]."""

    def __init__(self, samples, nodes, theta=THETA, m=M, s=S, eps=None):
        self.eps, self.weights = normals(samples, nodes)
        if eps is not None:  # a function of the independent normals, as in antithetic sampling
            self.eps = eps(self.eps)
        self.s, self.theta = s, theta
        self.z = m + s * self.eps
        self.log_likelihood = log_normal(X, self.z, 1.0)
        self.log_weights = log_normal(self.z, theta, 1.0) + self.log_likelihood - log_normal(self.z, m, s)
        self.v = -(self.z - theta) + (X - self.z) + self.eps / s

    def of(self, objective):
        """The objective's value [N] and its gradients by m, log s and theta, each [N]."""
        lw = tf.constant(self.log_weights)
        weights = objective.coefficients(lw)
        c, d, a = (0.0 if part is None else part.numpy() for part in weights[:3])
        by_m = np.sum(c * self.v + d * self.eps / self.s, 0)
        by_log_s = np.sum(c * self.v * self.s * self.eps + d * (self.eps**2 - 1), 0)
        return objective.value(lw).numpy(), by_m, by_log_s, np.sum(a * (self.z - self.theta), 0)

    def moments(self, values):
        """Mean and variance of values [N]."""
        mean = self.weights @ values
        return mean, self.weights @ values**2 - mean**2


@cache
def layer(samples, **settings):
    return OneLayer(samples, NODES[samples], **settings)


@cache
def moments(name, samples, **options):
    """Mean and variance of value, d/dm, d/dlog s, d/dtheta."""
    return moments_of(build(name, **options), samples)


def moments_of(objective, samples):
    """As `moments`, of an objective."""
    at = layer(samples)
    return [at.moments(values) for values in at.of(objective)]
