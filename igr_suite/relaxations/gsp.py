"""GSP: normalised softplus of Gaussians, a distribution of the authors' first code; its density is a one-dimensional
integral."""

import numpy as np
import tensorflow as tf

from igr_suite.relaxations.base import inside_simplex
from igr_suite.relaxations.gaussian import normal_log_density
from igr_suite.relaxations.overcomplete import Overcomplete
from igr_suite.relaxations.registry import register

RANGE = 10.0  # standard deviations of every Gaussian that the integral over the lost scale covers
FALL = 45.0  # the integrand is neglected where it is below e^-45 of its maximum
ROUNDS = 5
GRID = 65
POINTS = 96
LINEAR = -4.0  # below this log t, t = softplus(lambda), lambda is log t to 1 %
LARGEST = 300.0  # log t is limited to it, so that t^2 is finite; the integrand is 0 there


@register("GSP")
class GSP(Overcomplete):
    """psi_k = t_k / sum_j t_j, t = softplus((loc + exp(log_scale) eps) / temperature), eps ~ N(0, I) in R^K.

    The lost direction is the scale s = sum_j t_j. With a = log s, t_k = e^a psi_k and lambda_k = log(e^t_k - 1),

        p(log psi) = int da prod_k N(temperature lambda_k; loc_k, scale_k) temperature t_k / (1 - e^-t_k)

    Args:
      loc: [B, V, K].
      log_scale: [B, V, K].
      temperature: positive; number or tensor broadcasting against [B, V].
    Raises:
      UserError: temperature not positive.
    Source: docs/papers/igr.md, section 1.8; the density is this project's.
    """

    def __init__(self, loc, log_scale, temperature, name: str = "GSP"):
        super().__init__(loc, log_scale, temperature, dict(locals()), name)

    @classmethod
    def parameter_blocks(cls, categories: int) -> dict[str, int]:
        return {"loc": categories, "log_scale": categories}

    @staticmethod
    def activation(tempered: tf.Tensor) -> tf.Tensor:
        return log_softplus(tempered)

    def log_prob_of_log_sample(self, log_sample: tf.Tensor) -> tf.Tensor:
        """Gauss-Legendre quadrature over a = log s, always in float64, on the two sides of t_max = e^-4, each narrowed
        to where the integrand is not negligible.

        On the left every lambda is linear in a, on the right some are exponential: one grid for both scales would
        resolve neither well.
        """
        inside, finite = inside_simplex(tf.convert_to_tensor(log_sample, self.dtype))
        log_sample = tf.cast(finite, tf.float64)
        start, end = _ranges(*(tf.stop_gradient(x) for x in (log_sample, *self._double())))
        for _ in range(ROUNDS):
            start, end = self._zoom(log_sample, start, end)
        nodes, weights = (tf.constant(x, tf.float64) for x in np.polynomial.legendre.leggauss(POINTS))
        half = 0.5 * (end - start)[..., tf.newaxis]
        values = self._log_integrand(log_sample, start[..., tf.newaxis] + half * (nodes + 1.0))
        values += tf.math.log(weights) + tf.math.log(tf.maximum(half, np.finfo(np.float64).tiny))
        density = tf.cast(tf.reduce_logsumexp(values, axis=[-2, -1]), self.dtype)
        return tf.where(inside, density, tf.constant(-np.inf, self.dtype))

    def _double(self) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """loc, log_scale and the temperature [..., 1] in float64."""
        return tuple(tf.cast(x, tf.float64) for x in (self.loc, self.log_scale, self.temperature[..., tf.newaxis]))

    def _log_integrand(self, log_sample: tf.Tensor, log_total: tf.Tensor) -> tf.Tensor:
        """log of the integrand at a, [..., K] and [..., 2, M] -> [..., 2, M]."""
        loc, log_scale, temperature = (x[..., tf.newaxis, tf.newaxis, :] for x in self._double())
        log_t = tf.minimum(log_total[..., tf.newaxis] + log_sample[..., tf.newaxis, tf.newaxis, :], LARGEST)
        tempered, log_slope = inverse_log_softplus(log_t)
        normal = normal_log_density((temperature * tempered - loc) * tf.exp(-log_scale), log_scale)
        return normal + tf.reduce_sum(log_slope + tf.math.log(temperature), axis=-1)

    def _zoom(self, log_sample: tf.Tensor, start: tf.Tensor, end: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Narrows ranges [..., 2] to the points of a grid where the integrand is not negligible, plus one cell on
        either side."""
        step = (end - start) / (GRID - 1)
        grid = start[..., tf.newaxis] + step[..., tf.newaxis] * tf.range(GRID, dtype=tf.float64)
        values = tf.stop_gradient(self._log_integrand(log_sample, grid))
        matters = values > tf.reduce_max(values, axis=-1, keepdims=True) - FALL
        first = tf.reduce_min(tf.where(matters, grid, end[..., tf.newaxis]), axis=-1)
        last = tf.reduce_max(tf.where(matters, grid, start[..., tf.newaxis]), axis=-1)
        return tf.maximum(first - step, start), tf.minimum(last + step, end)


def _ranges(
    log_sample: tf.Tensor, loc: tf.Tensor, log_scale: tf.Tensor, temperature: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Starts and ends [..., 2] of two adjoining ranges of a that hold all but e^-45 of the integral.

    Each category alone confines a to between log softplus((loc -+ 10 scale) / temperature) - log psi. Outside the union
    of these ranges the integrand has fallen from its maximum by at least as much as the Gaussian of the nearest
    category falls in 10 standard deviations.
    """
    width = RANGE * tf.exp(log_scale)
    low = tf.reduce_min(log_softplus((loc - width) / temperature) - log_sample, axis=-1)
    high = tf.reduce_max(log_softplus((loc + width) / temperature) - log_sample, axis=-1)
    middle = tf.clip_by_value(LINEAR - tf.reduce_max(log_sample, axis=-1), low, high)
    return tf.stack([low, middle], axis=-1), tf.stack([middle, high], axis=-1)


def log_softplus(x: tf.Tensor) -> tf.Tensor:
    """log log(1 + e^x), finite with finite gradients for every finite x; it is x for x far below 0."""
    small = x < -30.0
    return tf.where(small, x, tf.math.log(tf.nn.softplus(tf.where(small, tf.zeros_like(x), x))))


def inverse_log_softplus(log_t: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """lambda = log(e^t - 1) = t + log(1 - e^-t) of t = e^log_t, and log of its slope d lambda / d log t = t / (1 -
    e^-t)."""
    tiny = log_t < -30.0  # there lambda is log t, with slope 1
    nothing = tf.zeros_like(log_t)
    safe = tf.where(tiny, nothing, log_t)
    t = tf.exp(safe)
    log_rest = tf.math.log(-tf.math.expm1(-t))
    return tf.where(tiny, log_t, t + log_rest), tf.where(tiny, nothing, safe - log_rest)
