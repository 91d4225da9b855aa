"""OVIS-MC: the multi-sample bound's optimal baselines, estimated from auxiliary samples."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import tensorflow as tf

from igr_suite.estimators.base import Facts, MultiSampleEstimator, register
from igr_suite.estimators.formulas import log_mean_exp, log_sum_of_others, normalised
from igr_suite.estimators.inputs import uniforms
from igr_suite.estimators.reinforce import ScoreEstimator, Weighted
from igr_suite.estimators.settings import check_samples
from igr_suite.estimators.vimco import difference


def auxiliary_baselines(log_weights: tf.Tensor, auxiliary: tf.Tensor) -> tf.Tensor:
    """1/S sum_s (L - w_k)[f_k <- f^(s)]: the bound less the normalised weight of sample k, with an auxiliary sample in
    its place; the mean over the auxiliary samples.

    Args:
      log_weights: [K, B].
      auxiliary: log-weights of the auxiliary samples [S, B].
    Returns:
      [K, B].
    """
    samples = log_weights.shape[0]
    replaced = auxiliary[:, tf.newaxis] + tf.zeros_like(log_weights)  # [S, K, B]
    others = log_sum_of_others(log_weights) + tf.zeros_like(replaced)
    totals = tf.reduce_logsumexp(tf.stack([others, replaced]), 0)
    empty = tf.equal(totals, -np.inf)  # all weights are 0: each is 1/K, the limit of equal ones
    weights = tf.where(empty, tf.ones_like(totals) / samples, tf.exp(replaced - totals))
    return tf.reduce_mean(totals - np.log(samples) - weights, 0)


@register
@dataclass(frozen=True, kw_only=True)
class OVISMonteCarlo(MultiSampleEstimator, ScoreEstimator):
    """Score-function gradient of E[L], L = log mean_k exp f(b_k), with the variance-optimal baseline estimated from
    auxiliary samples.

        g = sum_k (L - B_k) (b_k - theta),   B_k = 1/S sum_s (L - w_k)[f_k <- f^(s)],   w = softmax_k(f)

    The baseline is that of the coefficient L - w_k, which a model's gradient has where f holds -log q: there the direct
    part -sum_k w_k (b_k - theta) is added. The S auxiliary samples are further evaluations; no gradient comes from
    them.

    Args:
      samples: K.
      auxiliary: S.
    Source: Liévin et al. (2020), OVIS-MC; docs/papers/dreg.md, section 2.4.
    """

    facts: ClassVar[Facts] = Facts(
        name="ovis_mc",
        source="Liévin et al. (2020)",
        support=("bernoulli", "categorical"),
        unbiased=True,
        hard="K+S",
        target="multi_sample_bound",
    )
    samples: int = 4
    auxiliary: int = 8

    def __post_init__(self):
        super().__post_init__()
        check_samples("ovis_mc", self.auxiliary, "auxiliary sample", least=1)

    def noise(self, shape, seed, dtype=tf.float32):
        return {"u": uniforms(shape, seed, dtype, self.samples + self.auxiliary)}

    def weigh(self, values, parameters):
        own, auxiliary = values[: self.samples], values[self.samples :]
        bound = log_mean_exp(own)
        absent = tf.zeros_like(auxiliary)
        coefficients = tf.concat([difference(bound, auxiliary_baselines(own, auxiliary)), absent], 0)
        return Weighted(bound, coefficients, weights=tf.concat([normalised(own), absent], 0))
