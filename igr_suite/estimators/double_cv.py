"""Double control variates: RLOO with first-order expansions of the objective from the other samples."""

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from igr_suite.estimators.base import Estimate, Facts, MultiSampleEstimator, register
from igr_suite.estimators.reinforce import inner_product, mean_of_others
from igr_suite.estimators.rloo import leave_one_out
from igr_suite.estimators.straight_through import straight_through_above, value_and_slope
from igr_suite.estimators.variables import kind_of


def double_control(slopes: tf.Tensor, samples: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """The mean-zero term whose scale is trained.

        h_k = (b_k - theta) . mean_{j != k} f'(b_j)
        1/K sum_k (h_k - mean_{j != k} h_j) (b_k - theta) - J_theta(mean_k f'(b_k))
        J_theta(v) = theta (1 - theta) v, or theta (v - theta . v) for each categorical variable

    Args:
      slopes: f'(b_k), shape of the samples.
      samples: b_k [K, B, D] or [K, B, V, C].
      logits: [B, D] or [B, V, C].
    Returns:
      Shape of the logits.
    """
    kind = kind_of(logits)
    score = kind.score(logits, samples)
    expansions = inner_product(score, mean_of_others(slopes), logits)
    return leave_one_out(expansions, score) - kind.times_jacobian(kind.mean(logits), tf.reduce_mean(slopes, 0))


@register
@dataclass(frozen=True, kw_only=True)
class DoubleCV(MultiSampleEstimator):
    """RLOO whose samples also carry a linear expansion about the mean, with slopes taken at the other samples.

        g = 1/K sum_k [f_k + a h_k - mean_{j != k} (f_j + a h_j)] (b_k - theta) - a J_theta(mean_k f'(b_k))
        h_k = (b_k - theta) . mean_{j != k} f'(b_j),   J_theta(v) = theta (1 - theta) v

    The Jacobian of a categorical variable is J_theta(v) = theta (v - theta . v).

    a = 0 is RLOO; a is trained on the variance of g, and -1 cancels a linear f.

    Args:
      samples: K.
    Source: Titsias & Shi (2022); docs/papers/rebar.md, section 2.9.
    """

    facts: ClassVar[Facts] = Facts(
        name="double_cv",
        source="Titsias & Shi (2022)",
        support=("bernoulli", "categorical"),
        unbiased=True,
        hard="K",
        differentiates=True,
        parameters=("scale",),
    )
    samples: int = 2

    def parameters(self, shape, dtype=tf.float32):
        return {"scale": tf.zeros([], dtype)}

    def _estimate(self, objective, logits, noise, parameters):
        kind = kind_of(logits)
        samples = kind.hard_sample(logits, noise["u"])
        values, slopes = value_and_slope(objective, samples, straight_through_above)
        control = double_control(slopes, samples, logits)
        signal = leave_one_out(values, kind.score(logits, samples))
        return Estimate(tf.reduce_mean(values, 0), samples, signal, control, parameters["scale"])
