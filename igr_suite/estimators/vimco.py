"""VIMCO: leave-one-out signals for the multi-sample bound."""

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from igr_suite.estimators.base import Facts, MultiSampleEstimator, register
from igr_suite.estimators.formulas import log_mean_exp
from igr_suite.estimators.reinforce import ScoreEstimator, Weighted, mean_of_others


def bounds_with_one_replaced(log_weights: tf.Tensor, replacements: tf.Tensor) -> tf.Tensor:
    """The bound with the k-th log-weight replaced, for each k; [K, B], [K, B] -> [K, B]."""
    itself = tf.eye(log_weights.shape[0], dtype=log_weights.dtype)[..., tf.newaxis]
    return log_mean_exp(tf.where(itself > 0.5, replacements, log_weights[:, tf.newaxis]))


def vimco_signals(log_weights: tf.Tensor) -> tf.Tensor:
    """What each sample adds to the bound, compared with the geometric mean of the other weights in its place;
    [K, B] -> [K, B]."""
    return difference(log_mean_exp(log_weights), bounds_with_one_replaced(log_weights, mean_of_others(log_weights)))


def difference(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """first - second, but 0 where both are the same infinity: no sample adds to the bound if none has any weight."""
    return tf.where(first == second, tf.zeros_like(second), first - second)


@register
@dataclass(frozen=True, kw_only=True)
class VIMCO(MultiSampleEstimator, ScoreEstimator):
    """Score-function gradient of E[L], L = log mean_k exp f(b_k), with a baseline for each sample from the others.

        g = sum_k (L - L_-k) (b_k - theta),   L_-k: L with f_k replaced by the mean of the other f

    Where f depends on parameters directly, a model adds the gradient of L through f, the normalised weights.

    Args:
      samples: K.
    Source: Mnih & Rezende (2016); docs/papers/rebar.md, section 2.9.
    """

    facts: ClassVar[Facts] = Facts(
        name="vimco",
        source="Mnih & Rezende (2016)",
        support=("bernoulli", "categorical"),
        unbiased=True,
        hard="K",
        target="multi_sample_bound",
    )
    samples: int = 4

    def weigh(self, values, parameters):
        return Weighted(log_mean_exp(values), vimco_signals(values))
