"""CARMS: K mutually antithetic categorical samples by stick breaking."""

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from igr_suite.estimators.arms import antithetic_samples, debiasing
from igr_suite.estimators.base import Estimate, Facts, MultiSampleEstimator, register
from igr_suite.estimators.distributions.decisions import decisions_shape
from igr_suite.estimators.distributions.sticks import Sticks
from igr_suite.estimators.inputs import uniforms
from igr_suite.estimators.reinforce import sum_of_scores
from igr_suite.estimators.variables import per_variable
from igr_suite.estimators.walks import WalkEstimator


def pair_weights(sticks: Sticks, bits: tf.Tensor) -> tf.Tensor:
    """W_jk = theta_j theta_k / P(z_j, z_k) of the categories that each two samples take, 0 where they are equal.

        W = D_m prod_{i < m} (1 - p_i) / (1 - p_i / D_i),   m the earlier of the two turns

    D_i is `arms.debiasing` of stick i: one sample takes it and the other passes it with probability p_i (1 - p_i) / D_i,
    both pass it with probability 1 - p_i - p_i (1 - p_i) / D_i. In ascending order p_i <= 1 / (C - i), so that W is at
    most 2 (C - 1) / C; the last stick's factor may be infinite, and is never part of the product.

    Args:
      sticks: of the logits [B, V, C].
      bits: of the K samples' sticks [K, B, V, C - 1].
    Returns:
      [K, K, B, V].
    """
    share = debiasing(sticks.logits, bits.shape[0])
    passed = tf.sigmoid(-sticks.logits) / (1.0 - tf.sigmoid(sticks.logits) / share)
    by_turn = share * tf.math.cumprod(passed, -1, exclusive=True)
    ends = bits * tf.math.cumprod(1.0 - bits, -1, exclusive=True)
    own = tf.reduce_sum(tf.math.multiply_no_nan(by_turn, ends), -1)  # of each sample's own turn [K, B, V]
    turn = sticks.turn(bits)
    first, second = turn[:, tf.newaxis], turn[tf.newaxis]
    earlier = tf.where(first < second, own[:, tf.newaxis], own[tf.newaxis])
    return tf.where(tf.equal(first, second), tf.zeros([], bits.dtype), earlier)


def weighted_pairs(values: tf.Tensor, samples: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """1/(K (K - 1)) sum_{j < k} W_jk (f_j - f_k) (b_j - b_k) [B, V, C].

    Args:
      values: [K, B].
      samples: one-hot [K, B, V, C].
      weights: [K, K, B, V], symmetric; a weight of 0 takes no part beside infinite values.
    """
    differences = values[:, tf.newaxis] - values[tf.newaxis]
    coefficients = tf.reduce_sum(tf.math.multiply_no_nan(per_variable(differences, weights), weights), 1)
    count = values.shape[0]
    return sum_of_scores(coefficients / (count * (count - 1)), samples)


@register
@dataclass(frozen=True, kw_only=True)
class CARMS(WalkEstimator, MultiSampleEstimator):
    """Antithetic samples by stick breaking, each two weighted for their dependence; K = 2 is DisARM-IW.

        g = 1/(K (K - 1)) sum_{j < k} W_jk (f_j - f_k) (b_j - b_k),   W_jk = theta_j theta_k / P(z_j, z_k)

    Every stick is drawn for all samples by ARMS's Dirichlet copula, and two categories make ARMS. The categories have
    their turns in ascending order of probability: then any two different ones can be drawn together, and the weights
    are bounded. With independent samples W = 1, which is RLOO.

    Args:
      samples: K.
    Source: Dimitriev & Zhou (2021), the form with stick breaking; Dong, Mnih & Tucker (2021) for K = 2;
      docs/papers/rebar.md, section 2.11.
    """

    facts: ClassVar[Facts] = Facts(
        name="carms", source="Dimitriev & Zhou (2021)", support=("categorical",), unbiased=True, hard="K"
    )
    samples: int = 4

    def decisions(self, logits):
        return Sticks(logits)

    def noise(self, shape, seed, dtype=tf.float32):
        return {"u": uniforms(decisions_shape(shape), seed, dtype, self.samples)}

    def _estimate(self, objective, logits, noise, parameters):
        sticks = self.decisions(logits)
        bits = antithetic_samples(sticks.logits, noise["u"])
        samples = sticks.walk(bits).samples
        values = objective(samples)
        signal = weighted_pairs(values, samples, pair_weights(sticks, bits))
        return Estimate(tf.reduce_mean(values, 0), samples, signal)
