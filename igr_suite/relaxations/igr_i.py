"""IGR-I: the Gaussian goes straight into softmax++, and the distribution of its argmax is a one-dimensional
integral."""

import math

import tensorflow as tf
from scipy.special import ndtri
from tensorflow_probability import bijectors as tfb

from igr_suite.relaxations.base import as_dtype, check_categories
from igr_suite.relaxations.gaussian import GaussianRelaxation
from igr_suite.relaxations.registry import register


@register("IGR_I")
class IGRI(GaussianRelaxation):
    """psi = softmax++((loc + scale eps) / temperature).

    Args:
      loc: [B, V, K-1].
      log_scale: [B, V, K-1].
      temperature: positive; number or tensor broadcasting against [B, V].
      delta: weight of the last category, which wins the argmax iff every kappa_k < temperature * log delta.
    Raises:
      UserError: temperature or delta not positive.
    Source: Potapczynski, Loaiza-Ganem & Cunningham (2020), section 3.
    """

    def __init__(self, loc, log_scale, temperature, delta: float = 1.0, name: str = "IGRI"):
        super().__init__(loc, log_scale, temperature, delta, tfb.Identity(), dict(locals()), name)

    @classmethod
    def uniform_prior(  # type: ignore[override]  # its own options
        cls, categories: int, temperature, dtype: tf.DType = tf.float32, delta: float = 1.0
    ) -> "IGRI":
        """The distribution with unit scales whose argmax is exactly uniform.

        Args:
          categories: K.
          temperature: as for the posterior; they must be equal for a closed-form KL.
          dtype: of the parameters.
          delta: as for the posterior.
        Returns:
          distribution with loc and log_scale [K-1].
        """
        loc = uniform_loc(categories, temperature, delta=delta, dtype=dtype)
        return cls(loc, tf.zeros([categories - 1], dtype), temperature, delta)


def uniform_loc(
    categories: int, temperature=1.0, delta: float = 1.0, scale: float = 1.0, dtype: tf.DType = tf.float32
) -> tf.Tensor:
    """Location that makes the argmax of IGR-I uniform: temperature log delta - scale Phi^-1(K^(-1/(K-1))).

    All K-1 Gaussians fall below the cut with probability 1/K; the others share the rest by symmetry.

    Args:
      categories: K.
      temperature: matters only if delta is not 1.
      delta: of softmax++.
      scale: the common standard deviation.
      dtype: of the result.
    Returns:
      [K-1], all equal; [..., K-1] for temperatures [...].
    Raises:
      UserError: K is not a positive integer.
    Source: this project; from Potapczynski et al. (2020), section 3.
    """
    if check_categories(categories) == 1:
        return tf.zeros([0], dtype)
    below_cut = scale * ndtri(categories ** (-1.0 / (categories - 1)))
    value = as_dtype(temperature, dtype) * math.log(delta) - float(below_cut)
    return (
        tf.fill([categories - 1], value)
        if value.shape.rank == 0
        else tf.repeat(value[..., tf.newaxis], categories - 1, axis=-1)
    )
