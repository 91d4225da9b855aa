"""Straight-through estimators: the objective's slope at the hard sample, backpropagated through a soft one."""

from dataclasses import dataclass, replace
from types import ModuleType
from typing import ClassVar

import tensorflow as tf

from igr_suite.estimators.base import Above, Estimate, Estimator, Facts, Noise, Objective, register
from igr_suite.estimators.derivatives import derivative
from igr_suite.estimators.names import Route
from igr_suite.estimators.settings import check_temperature
from igr_suite.estimators.variables import kind_of


def straight_through_above(kind: ModuleType, logits: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
    """The rule that layers above have hard samples through which slopes pass as through their probabilities.

    Such a slope is biased; it may enter a control variate whose mean is known for every slope.
    """
    mean = kind.mean(logits)
    return mean + tf.stop_gradient(kind.hard_sample(logits, u) - mean)


def value_and_slope(
    objective: Objective, samples: tf.Tensor, above: Above | None = None
) -> tuple[tf.Tensor, tf.Tensor]:
    """f(b) [..., B] and df/db, shape of the samples; raises MissingDerivative if there is none."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(samples)
        value = objective(samples, above=above)
    return value, derivative(tape, value, samples)


class PathwiseEstimator(Estimator):
    """An estimator that sends the objective's slope at a sample back to the logits, so that a gradient can pass through
    the samples of all layers of a model in one backward pass.

    A subclass implements `vjp`, or `sample` where its samples are differentiable themselves.

    Class attributes:
      reads_logits: whether a dependence of the objective on the logits themselves is differentiated, too.
    """

    route: ClassVar[Route] = "path"
    reads_logits: ClassVar[bool] = False

    def vjp(self, logits: tf.Tensor, noise: Noise, slope: tf.Tensor) -> tf.Tensor:
        """Returns the gradient of the logits for the objective's slope at the sample; all of the logits' shape."""
        raise NotImplementedError

    def sample(self, logits: tf.Tensor, noise: Noise) -> tf.Tensor:
        """Returns the sample, whose gradient with respect to the logits is that of `vjp`."""

        @tf.custom_gradient
        def straight_through(logits: tf.Tensor):
            return kind_of(logits).hard_sample(logits, noise["u"]), lambda slope: self.vjp(logits, noise, slope)

        return straight_through(logits)

    def _estimate(self, objective, logits, noise, parameters):
        samples = kind_of(logits).hard_sample(logits, noise["u"])
        value, slope = value_and_slope(objective, samples)
        return Estimate(value, samples, self.vjp(logits, noise, slope))


@register
@dataclass(frozen=True, kw_only=True)
class StraightThrough(PathwiseEstimator):
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

    def vjp(self, logits, noise, slope):
        soft = self._soft_sample(logits, noise["u"])
        return kind_of(logits).times_jacobian(soft, slope) / self.temperature

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
