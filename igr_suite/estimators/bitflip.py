"""Bitflip: one Bernoulli variable, chosen at random, summed out."""

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from igr_suite.estimators.base import Estimate, Estimator, Facts, register
from igr_suite.estimators.distributions import bernoulli
from igr_suite.estimators.inputs import uniforms


def chosen_units(samples: tf.Tensor, v: tf.Tensor) -> tf.Tensor:
    """One unit of each example as 1 among zeros [B, D], uniform if v [B, 1] is."""
    units = tf.shape(samples)[-1]
    number = tf.cast(v[:, 0] * tf.cast(units, v.dtype), tf.int32)
    return tf.one_hot(tf.minimum(number, units - 1), units, dtype=samples.dtype)


def flipped(samples: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
    """The samples with the chosen units at their other value; [B, D] each."""
    return tf.where(chosen > 0.5, 1.0 - samples, samples)


def bitflip_gradient(logits: tf.Tensor, samples: tf.Tensor, chosen: tf.Tensor, gap: tf.Tensor) -> tf.Tensor:
    """D theta_j (1 - theta_j) [f(b_j = 1) - f(b_j = 0)] at the chosen unit j and 0 elsewhere.

    Args:
      logits, samples, chosen: [B, D].
      gap: f with the chosen unit flipped, less f at the sample [B].
    Returns:
      [B, D]; 0 where the other value is impossible, whatever f is there.
    """
    units = tf.cast(tf.shape(logits)[-1], logits.dtype)
    differences = (1.0 - 2.0 * samples) * gap[:, tf.newaxis]
    return tf.math.multiply_no_nan(differences, units * chosen * bernoulli.variance(logits))


def flip_noise(shape, seed: tf.Tensor, dtype: tf.DType) -> dict[str, tf.Tensor]:
    """{"u": [B, D], "v": [B, 1]}: uniforms of the samples, and one for the choice of a unit."""
    u, v = tf.unstack(uniforms(shape, seed, dtype, copies=2))
    return {"u": u, "v": v[:, :1]}


@register
@dataclass(frozen=True, kw_only=True)
class Bitflip(Estimator):
    """The local expectation of a single unit j, uniform in 1..D, in place of all.

        g_j = D theta_j (1 - theta_j) [f(b_j = 1) - f(b_j = 0)],   0 for the other units

    Its mean over j is `local_expectation`. Var g_i = D E[LE_i^2] - (E LE_i)^2, which is of the order D m^2 where theta_i or
    1 - theta_i is a small m; that of DisARM is of the order m.

    Source: Kunes et al. (2023).
    """

    facts: ClassVar[Facts] = Facts(
        name="bitflip", source="Kunes et al. (2023)", support=("bernoulli",), unbiased=True, hard=2
    )

    def noise(self, shape, seed, dtype=tf.float32):
        return flip_noise(shape, seed, dtype)

    def _estimate(self, objective, logits, noise, parameters):
        samples = bernoulli.hard_sample(logits, noise["u"])
        chosen = chosen_units(samples, noise["v"])
        value, other = tf.unstack(objective(tf.stack([samples, flipped(samples, chosen)])))
        return Estimate(value, samples, bitflip_gradient(logits, samples, chosen, other - value))
