"""Straight-through estimators: the objective's slope at the hard sample, backpropagated through a soft one."""

from dataclasses import dataclass, replace
from typing import ClassVar

import tensorflow as tf

from igr_suite.estimators.base import Estimate, Estimator, Facts, Objective, register
from igr_suite.estimators.derivatives import derivative
from igr_suite.estimators.settings import check_temperature
from igr_suite.estimators.variables import kind_of


def value_and_slope(objective: Objective, samples: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """f(b) [..., B] and df/db, shape of the samples; raises MissingDerivative if there is none."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(samples)
        value = objective(samples)
    return value, derivative(tape, value, samples)


@register
@dataclass(frozen=True, kw_only=True)
class StraightThrough(Estimator):
    """The slope at the hard sample times the Jacobian of the probabilities.

        g = J_p(f'(b)) / t,   p = sigmoid(logits / t) or softmax(logits / t),   J_p(v) = p (1 - p) v or p (v - p . v)

    Exact in expectation for affine f at t = 1, biased otherwise.

    Args:
      temperature: t.
    Source: Bengio et al. (2013); docs/papers/rebar.md, section 2.12.
    """

    facts: ClassVar[Facts] = Facts(
        name="straight_through",
        source="Bengio et al. (2013)",
        support=("bernoulli", "categorical"),
        unbiased=False,
        hard=1,
        differentiates=True,
    )
    temperature: float = 1.0

    def __post_init__(self):
        check_temperature(self.temperature)

    def _estimate(self, objective, logits, noise, parameters):
        kind = kind_of(logits)
        samples = kind.hard_sample(logits, noise["u"])
        value, slope = value_and_slope(objective, samples)
        soft = self._soft_sample(logits, noise["u"])
        return Estimate(value, samples, kind.times_jacobian(soft, slope) / self.temperature)

    def _soft_sample(self, logits, u):
        return kind_of(logits).mean(logits / self.temperature)


@register
@dataclass(frozen=True, kw_only=True)
class STGumbelSoftmax(StraightThrough):
    """The slope at the hard sample times the Jacobian of the relaxed sample that shares its noise.

        g = J_y(f'(b)) / t,   y = sigmoid(z / t) or softmax(z / t)

    Args:
      temperature: t.
    Source: Jang et al. (2017); docs/papers/rebar.md, section 2.12.
    """

    facts: ClassVar[Facts] = replace(StraightThrough.facts, name="st_gumbel_softmax", source="Jang et al. (2017)")
    temperature: float = 0.5

    def _soft_sample(self, logits, u):
        kind = kind_of(logits)
        return kind.relaxed_sample(logits, kind.noisy_logits(logits, u), self.temperature, "concrete")
