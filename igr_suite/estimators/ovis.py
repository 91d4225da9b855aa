"""OVIS~: asymptotically optimal signals for the multi-sample bound, without further samples."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import tensorflow as tf

from igr_suite.estimators.base import Facts, MultiSampleEstimator, register
from igr_suite.estimators.formulas import log_mean_exp, log_other_weight, normalised
from igr_suite.estimators.reinforce import ScoreEstimator, Weighted
from igr_suite.estimators.settings import check_fraction


def ovis_signals(log_weights: tf.Tensor, gamma: float) -> tf.Tensor:
    """gamma log(1 - 1/K) - log(1 - w_k) + gamma w_k, [K, B] -> [K, B]; K >= 2."""
    signals = -log_other_weight(log_weights)
    if not gamma:
        return signals
    return signals + gamma * (normalised(log_weights) + np.log1p(-1.0 / log_weights.shape[0]))


@register
@dataclass(frozen=True, kw_only=True)
class OVIS(MultiSampleEstimator, ScoreEstimator):
    """Score-function gradient of E[L], L = log mean_k exp f(b_k), with the optimal baseline's limit for many samples.

        g = sum_k (gamma log(1 - 1/K) - log(1 - w_k) + gamma w_k) (b_k - theta),   w = softmax_k(f)

    gamma = 0 is unbiased: -log(1 - w_k) is L less log 1/K sum_{l != k} exp f_l, which sample k does not enter.
    gamma = 1 is the limit for large effective sample sizes; its mean is the sum of those of gamma = 0 and of `rws`.
    Where f depends on the logits directly, a model adds -sum_k w_k (b_k - theta), and the signal of sample k becomes
    that of the paper, gamma log(1 - 1/K) - log(1 - w_k) - (1 - gamma) w_k, which is small. Without that part the
    signals of gamma = 0 are not centred (for K = 2 they are those of `vimco` plus log 2), and `vimco` is better.

    Args:
      samples: K.
      gamma: from 0 to 1.
    Source: Liévin et al. (2020), OVIS~; docs/papers/dreg.md, section 2.4.
    """

    facts: ClassVar[Facts] = Facts(
        name="ovis",
        source="Liévin et al. (2020)",
        support=("bernoulli", "categorical"),
        unbiased=True,
        hard="K",
        target="multi_sample_bound",
    )
    samples: int = 4
    gamma: float = 0.0

    def __post_init__(self):
        super().__post_init__()
        check_fraction("gamma of ovis", self.gamma)

    @property
    def unbiased(self):
        return self.gamma == 0.0

    def weigh(self, values, parameters):
        return Weighted(log_mean_exp(values), ovis_signals(values, self.gamma))
