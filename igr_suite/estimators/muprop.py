"""MuProp: the objective's first-order expansion about the mean field as a control variate."""

from dataclasses import dataclass
from types import ModuleType
from typing import ClassVar

import tensorflow as tf

from igr_suite.estimators.base import Estimate, Estimator, Facts, register
from igr_suite.estimators.derivatives import derivative
from igr_suite.estimators.distributions import bernoulli
from igr_suite.estimators.inputs import mean_square
from igr_suite.estimators.reinforce import score_term


def muprop_residual(value, centre, slope, samples, mean, eta_centre=1.0, eta_slope=1.0, baseline=0.0):
    """f(b) - eta_centre f(mu) - eta_slope f'(mu) . (b - mu) - B.

    Args:
      value, centre: objective at the sample and at the mean field [B].
      slope: gradient of the mean-field objective with respect to mu [B, D].
      samples, mean: b and mu [B, D].
      eta_centre, eta_slope, baseline: numbers or [B].
    Returns:
      [B].
    """
    return value - eta_centre * centre - eta_slope * tf.reduce_sum(slope * (samples - mean), -1) - baseline


def muprop_gradient(residual, slope, logits, samples, eta_slope=1.0):
    """residual (b - theta) + eta_slope f'(mu) theta (1 - theta); residual [B], the others [B, D] -> [B, D]."""
    analytic = bernoulli.times_jacobian(bernoulli.mean(logits), per_example(eta_slope) * slope)
    return score_term(residual, bernoulli.score(logits, samples)) + analytic


def per_example(scale) -> tf.Tensor:
    """Returns a number unchanged, and values of the examples [B] as [B, 1]."""
    return scale[..., tf.newaxis] if tf.is_tensor(scale) and scale.shape.rank else scale


def mean_above(kind: ModuleType, logits: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
    """The rule that layers above one at its mean are at the means that the layer below gives them."""
    del u
    return kind.mean(logits)


@register
@dataclass(frozen=True, kw_only=True)
class MuProp(Estimator):
    """REINFORCE on what the first-order expansion about the mean leaves over, plus the expansion's own gradient.

        g = (f(b) - eta0 f(theta) - eta1 f'(theta) . (b - theta) - B) (b - theta) + eta1 f'(theta) theta (1 - theta)

    Exact without variance for affine f. Its own parameters minimise the mean squared residual.

    Source: Gu et al. (2016); docs/papers/rebar.md, section 2.3.
    """

    facts: ClassVar[Facts] = Facts(
        name="muprop",
        source="Gu et al. (2016)",
        support=("bernoulli",),
        unbiased=True,
        hard=1,
        relaxed=1,
        differentiates=True,
        parameters=("eta_centre", "eta_slope", "baseline"),
        own_loss=True,
    )

    def parameters(self, shape, dtype=tf.float32):
        return {"eta_centre": tf.ones([], dtype), "eta_slope": tf.ones([], dtype), "baseline": tf.zeros([], dtype)}

    def _estimate(self, objective, logits, noise, parameters):
        mean = bernoulli.mean(logits)
        samples = bernoulli.hard_sample(logits, noise["u"])
        value = objective(samples)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(mean)
            centre = objective(mean, above=mean_above)
        slope = derivative(tape, centre, mean)
        # Without stops the loss would train the logits and the objective's own parameters too.
        stopped = (tf.stop_gradient(part) for part in (value, centre, slope, samples, mean))
        residual = muprop_residual(*stopped, **parameters)
        signal = muprop_gradient(residual, slope, logits, samples, parameters["eta_slope"])
        return Estimate(value, samples, signal, loss=mean_square(residual))
