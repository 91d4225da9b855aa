"""UGC: DisARM, with bitflip in its place for units near 0 or 1, where DisARM varies more."""

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from igr_suite.estimators.arm import antithetic_pair
from igr_suite.estimators.base import Estimate, Estimator, Facts, register
from igr_suite.estimators.bitflip import bitflip_gradient, chosen_units, flip_noise, flipped
from igr_suite.estimators.distributions.bernoulli import antithetic_factor
from igr_suite.estimators.reinforce import score_term


@register
@dataclass(frozen=True, kw_only=True)
class UGC(Estimator):
    """Unbiased gradients near the boundary: for each unit the one of two estimators with the smaller variance there.

        g_i = bitflip_i where min(theta_i, 1 - theta_i) < 1 / (2 D), else DisARM_i

    Near a boundary m the variances are of the orders D m^2 and m / 2.

    Source: Kunes et al. (2023).
    """

    facts: ClassVar[Facts] = Facts(
        name="ugc", source="Kunes et al. (2023)", support=("bernoulli",), unbiased=True, hard=3
    )

    def noise(self, shape, seed, dtype=tf.float32):
        return flip_noise(shape, seed, dtype)

    def _estimate(self, objective, logits, noise, parameters):
        pair = antithetic_pair(logits, noise["u"])
        chosen = chosen_units(pair[0], noise["v"])
        values = objective(tf.concat([pair, flipped(pair[0], chosen)[tf.newaxis]], 0))
        near = tf.sigmoid(-tf.abs(logits)) * 2.0 * tf.cast(tf.shape(logits)[-1], logits.dtype) < 1.0
        inside = score_term(0.5 * (values[0] - values[1]), antithetic_factor(logits, pair[0], pair[1]))
        boundary = bitflip_gradient(logits, pair[0], chosen, values[2] - values[0])
        return Estimate(tf.reduce_mean(values[:2], 0), pair, tf.where(near, boundary, inside))
