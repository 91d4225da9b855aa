"""IGSM: the softmax of unit-variance Gaussians, the isotropic distribution of the authors' first code."""

import math

import tensorflow as tf

from igr_suite.precision import as_float
from igr_suite.relaxations.base import inside_simplex
from igr_suite.relaxations.overcomplete import Overcomplete
from igr_suite.relaxations.registry import register


@register("IGSM")
class IGSM(Overcomplete):
    """psi = softmax((loc + eps) / temperature), eps ~ N(0, I) in R^K.

    psi retains only the differences of the Gaussian's components, a Gaussian with covariance I + 11^T of determinant K:

        log p(log psi) = -1/2 |d - mean(d)|^2 - (K-1)/2 log(2 pi) - 1/2 log K + (K-1) log temperature,
        d = temperature log psi - loc

    Adding a constant to loc changes neither psi nor its density, only the Gaussian's KL.

    Args:
      loc: [B, V, K].
      temperature: positive; number or tensor broadcasting against [B, V].
    Raises:
      UserError: temperature not positive.
    Source: docs/papers/igr.md, section 1.8; the density is this project's.
    """

    def __init__(self, loc, temperature, name: str = "IGSM"):
        parameters = dict(locals())
        loc = as_float(loc, "loc")
        super().__init__(loc, tf.zeros_like(loc), temperature, parameters, name)

    @classmethod
    def parameter_blocks(cls, categories: int) -> dict[str, int]:
        return {"loc": categories}

    activation = staticmethod(tf.identity)

    def log_prob_of(self, draw):
        return self._log_density(draw.preimage - self.loc)  # no division by the temperature and back

    def log_prob_of_log_sample(self, log_sample: tf.Tensor) -> tf.Tensor:
        inside, finite = inside_simplex(tf.convert_to_tensor(log_sample, self.dtype))
        density = self._log_density(self.temperature[..., tf.newaxis] * finite - self.loc)
        return tf.where(inside, density, tf.constant(-math.inf, self.dtype))

    def _log_density(self, deviations: tf.Tensor) -> tf.Tensor:
        categories = tf.cast(tf.shape(deviations)[-1], self.dtype)
        centred = deviations - tf.reduce_mean(deviations, axis=-1, keepdims=True)
        quadratic = tf.reduce_sum(tf.square(centred), axis=-1)
        constant = (categories - 1.0) * (
            tf.math.log(self.temperature) - 0.5 * math.log(2.0 * math.pi)
        ) - 0.5 * tf.math.log(categories)
        return constant - 0.5 * quadratic
