"""MuProp: the objective's first-order expansion about the mean field as a control variate."""

from dataclasses import dataclass
from types import ModuleType
from typing import ClassVar

import tensorflow as tf

from igr_suite.estimators.base import Estimate, Estimator, Facts, register
from igr_suite.estimators.derivatives import derivative
from igr_suite.estimators.inputs import mean_square
from igr_suite.estimators.reinforce import inner_product, score_term
from igr_suite.estimators.variables import kind_of, per_variable


def muprop_residual(value, centre, slope, samples, mean, eta_centre=1.0, eta_slope=1.0, baseline=0.0):
    """f(b) - eta_centre f(mu) - eta_slope f'(mu) . (b - mu) - B.

    Args:
      value, centre: objective at the sample and at the mean field [B].
      slope: gradient of the mean-field objective with respect to mu [B, D], or [B, V, C].
      samples, mean: b and mu, same shape.
      eta_centre, eta_slope, baseline: numbers or [B].
    Returns:
      [B].
    """
    return value - eta_centre * centre - eta_slope * inner_product(slope, samples - mean, mean) - baseline


def muprop_gradient(residual, slope, logits, samples, eta_slope=1.0):
    """residual (b - theta) + eta_slope J_theta(f'(mu)), J_theta(v) = theta (1 - theta) v, or theta (v - theta . v) for
    each categorical variable; residual [B], the others and the result of the logits' shape."""
    kind = kind_of(logits)
    scale = per_variable(tf.convert_to_tensor(eta_slope, slope.dtype), slope)
    analytic = kind.times_jacobian(kind.mean(logits), scale * slope)
    return score_term(residual, kind.score(logits, samples)) + analytic


def mean_above(kind: ModuleType, logits: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
    """The rule that layers above one at its mean are at the means that the layer below gives them."""
    del u
    return kind.mean(logits)


@register
@dataclass(frozen=True, kw_only=True)
class MuProp(Estimator):
    """REINFORCE on what the first-order expansion about the mean leaves over, plus the expansion's own gradient.

        g = (f(b) - eta0 f(theta) - eta1 f'(theta) . (b - theta) - B) (b - theta) + eta1 J_theta(f'(theta))
        J_theta(v) = theta (1 - theta) v, or theta (v - theta . v) for each categorical variable

    Exact without variance for affine f. Its own parameters minimise the mean squared residual.

    Source: Gu et al. (2016); docs/papers/rebar.md, section 2.3.
    """

    facts: ClassVar[Facts] = Facts(
        name="muprop",
        source="Gu et al. (2016)",
        support=("bernoulli", "categorical"),
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
        kind = kind_of(logits)
        mean = kind.mean(logits)
        samples = kind.hard_sample(logits, noise["u"])
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
