"""REINFORCE: the score function times the centred objective."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.estimators.base import Estimate, Estimator, Facts, per_variable, register
from igr_suite.estimators.variables import kind_of


def score_term(value: tf.Tensor, score: tf.Tensor) -> tf.Tensor:
    """value * score, for values [..., B] and scores [..., B, D] or [..., B, V, C]."""
    return per_variable(value, score) * score


def mean_of_others(values: tf.Tensor) -> tf.Tensor:
    """The mean of all other entries along the first axis, [K, ...] -> [K, ...]; K >= 2."""
    return (tf.reduce_sum(values, 0, keepdims=True) - values) / (values.shape[0] - 1)


@register
@dataclass(frozen=True, kw_only=True)
class Reinforce(Estimator):
    """Score function times the objective minus a baseline that does not depend on the sample.

        g = (f(b) - B) (b - theta)

    Args:
      baseline: a constant B, or "batch": for each example the mean objective of the other examples.
    Source: Williams (1992); spec/rebar.md section 2.1.
    """

    facts: ClassVar[Facts] = Facts(name="reinforce", source="Williams (1992)", support=("bernoulli", "categorical"), unbiased=True, hard=1)
    baseline: float | Literal["batch"] = 0.0

    def _estimate(self, objective, logits, noise, parameters):
        kind = kind_of(logits)
        samples = kind.hard_sample(logits, noise["u"])
        value = objective(samples)
        return Estimate(value, samples, signal=score_term(value - self._baseline(value), kind.score(logits, samples)))

    def _baseline(self, value: tf.Tensor) -> tf.Tensor | float:
        if self.baseline != "batch":
            return self.baseline
        if value.shape[0] < 2:
            raise UserError("reinforce with baseline 'batch' needs at least 2 examples in a batch, got 1; use rloo")
        return mean_of_others(value)
