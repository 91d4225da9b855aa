"""REINFORCE: the score function times the centred objective."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import tensorflow as tf

from igr_suite.checks import number
from igr_suite.errors import UserError
from igr_suite.estimators.base import Estimate, Estimator, Facts, Parameters, register
from igr_suite.estimators.names import Route
from igr_suite.estimators.variables import kind_of, per_variable

# Largest share of the absolute sum that an entry may have if the sum of the others shall keep all digits but one.
LARGEST_SHARE = 0.9


def score_term(value: tf.Tensor, score: tf.Tensor) -> tf.Tensor:
    """value * score, for values [..., B] and scores [..., B, D] or [..., B, V, C]."""
    return per_variable(value, score) * score


def inner_product(first: tf.Tensor, second: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """The sum of products over the variables' axes, those of the logits but the first; [..., B, D] or [..., B, V, C] ->
    [..., B]."""
    return tf.reduce_sum(first * second, list(range(1 - logits.shape.rank, 0)))


def sum_of_others(values: tf.Tensor) -> tf.Tensor:
    """The sum of all other entries along the first axis, [K, ...] -> [K, ...].

    It is computed as the sum of all entries less the entry itself, except where that would lose digits of the others
    (for an outlier) or is not a number (for an infinity): there the entries before it and those after it are summed.
    """
    size = tf.abs(values)
    small = size < LARGEST_SHARE * tf.reduce_sum(size, 0, keepdims=True)
    around = tf.cumsum(values, 0, exclusive=True) + tf.cumsum(values, 0, exclusive=True, reverse=True)
    return tf.where(small, tf.reduce_sum(values, 0, keepdims=True) - values, around)


def mean_of_others(values: tf.Tensor) -> tf.Tensor:
    """The mean of all other entries along the first axis, [K, ...] -> [K, ...]; K >= 2."""
    others = (tf.shape(values)[0] if values.shape[0] is None else values.shape[0]) - 1
    return sum_of_others(values) / (tf.cast(others, values.dtype) if tf.is_tensor(others) else others)


class Weighted(NamedTuple):
    """What a score-function estimator makes of the objective's values.

    Attributes:
      value: as `Estimate.value` [B].
      coefficients: of the scores, shape of the values: [B], or [K, B] where their products are summed over K.
      loss: as `Estimate.loss`.
      weights: derivatives of the target's estimate by the values [K, B], where they are not 1/K: with them the samples
        train what the objective depends on. None stands for 1/K, or for the normalised weights of a multi-sample bound.
    """

    value: tf.Tensor
    coefficients: tf.Tensor
    loss: tf.Tensor | None = None
    weights: tf.Tensor | None = None


class ScoreEstimator(Estimator):
    """An estimator that needs nothing but the objective's values at samples and these samples' scores.

        g = sum_k c_k(f_1, ..., f_K) (b_k - theta)

    A model of several layers needs no more evaluations for it than a model of one: one set of K values serves the
    scores of all layers. A subclass implements `weigh`.
    """

    route: ClassVar[Route] = "chains"

    def weigh(self, values: tf.Tensor, parameters: Parameters) -> Weighted:
        """Returns the coefficients of the scores for the objective's values [B], or [K, B]."""
        raise NotImplementedError

    def _estimate(self, objective, logits, noise, parameters):
        kind = kind_of(logits)
        samples = kind.hard_sample(logits, noise["u"])
        weighted = self.weigh(objective(samples), parameters)
        signal = sum_of_scores(weighted.coefficients, kind.score(logits, samples))
        return Estimate(weighted.value, samples, signal, loss=weighted.loss)


def sum_of_scores(coefficients: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
    """Returns coefficient times score for [B] and [B, ...]; for [K, B] and [K, B, ...] the sum over K, in which a score
    of 0 counts as 0 beside an infinite coefficient."""
    if coefficients.shape.rank == 1:
        return score_term(coefficients, scores)
    return tf.reduce_sum(tf.math.multiply_no_nan(per_variable(coefficients, scores), scores), 0)


@register
@dataclass(frozen=True, kw_only=True)
class Reinforce(ScoreEstimator):
    """Score function times the objective minus a baseline that does not depend on the sample.

        g = (f(b) - B) (b - theta)

    Args:
      baseline: a constant B, or "batch": for each example the mean objective of the other examples.
    Source: Williams (1992); docs/papers/rebar.md, section 2.1.
    """

    facts: ClassVar[Facts] = Facts(
        name="reinforce", source="Williams (1992)", support=("bernoulli", "categorical"), unbiased=True, hard=1
    )
    baseline: float | Literal["batch"] = 0.0

    def __post_init__(self):
        named = isinstance(self.baseline, str) and self.baseline == "batch"
        if not named and not tf.is_tensor(self.baseline) and not math.isfinite(number(self.baseline)):
            raise UserError(f"baseline must be a finite number or 'batch', got {self.baseline!r}")

    def weigh(self, values, parameters):
        return Weighted(values, values - self._baseline(values))

    def _baseline(self, value: tf.Tensor) -> tf.Tensor | float:
        if self.baseline != "batch":
            return self.baseline
        message = "reinforce with baseline 'batch' needs at least 2 examples in a batch, got {}; use rloo"
        if value.shape[0] is None:
            check = tf.debugging.assert_greater(tf.shape(value)[0], 1, message.format("fewer"))
            with tf.control_dependencies([check]):
                return mean_of_others(value)
        if value.shape[0] < 2:
            raise UserError(message.format(value.shape[0]))
        return mean_of_others(value)
