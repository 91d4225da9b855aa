"""RLOO: K samples, each with the others' mean as its baseline."""

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from igr_suite.estimators.base import Facts, MultiSampleEstimator, register
from igr_suite.estimators.reinforce import ScoreEstimator, Weighted, mean_of_others, score_term


def leave_one_out(values: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
    """1/K sum_k (f_k - mean of the other f) score_k; values [K, B], scores [K, B, ...] -> [B, ...]."""
    return tf.reduce_mean(score_term(values - mean_of_others(values), scores), 0)


@register
@dataclass(frozen=True, kw_only=True)
class RLOO(MultiSampleEstimator, ScoreEstimator):
    """Leave-one-out: the mean over K samples of REINFORCE with the other samples' mean as the baseline.

        g = 1/(K - 1) sum_k (f_k - mean f) (b_k - theta)

    Args:
      samples: K.
    Source: Salimans & Knowles (2014); Kool et al. (2019); docs/papers/rebar.md, section 2.9.
    """

    facts: ClassVar[Facts] = Facts(
        name="rloo", source="Kool et al. (2019)", support=("bernoulli", "categorical"), unbiased=True, hard="K"
    )
    samples: int = 2

    def weigh(self, values, parameters):
        return Weighted(tf.reduce_mean(values, 0), (values - mean_of_others(values)) / self.samples)
