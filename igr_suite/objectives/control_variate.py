"""A mixture of score and path gradients with four scalars trained on the gradient's size (experimental)."""

from dataclasses import dataclass

import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.estimators.formulas import log_mean_exp, log_sum_of_others, normalised
from igr_suite.objectives.base import Coefficients, Objective, register
from igr_suite.objectives.names import FACTS

SCALARS = ("alpha", "beta", "gamma", "delta")  # not the flag alpha of dreg-alpha


@register
@dataclass(frozen=True, kw_only=True)
class ControlVariateDReG(Objective):
    """Unbiased for the bound's gradient at any values of its scalars; beta = 1 alone is DReG.

        c = (1 - alpha) w + beta (w^2 - w),  a = w
        d_k = alpha (L_K - (1 - gamma) log sum_{l != k} exp lw_l) + (1 - beta) ((1 - delta) / K - w_k)

    Args:
      alpha, beta, gamma, delta: numbers, tensors or variables; training starts from 0.
    Source: the code of Tucker et al. (2019); docs/papers/dreg.md, section 2.3.
    """

    facts = FACTS["dreg-cv"]
    alpha: float | tf.Tensor = 0.0
    beta: float | tf.Tensor = 0.0
    gamma: float | tf.Tensor = 0.0
    delta: float | tf.Tensor = 0.0

    def _coefficients(self, log_weights):
        w = normalised(log_weights)
        path = (1.0 - self.alpha) * w + self.beta * (w * w - w)
        baseline = _times(1.0 - self.gamma, log_sum_of_others(log_weights))
        centred = (1.0 - self.delta) / log_weights.shape[0] - w
        score = _times(self.alpha, log_mean_exp(log_weights) - baseline) + (1.0 - self.beta) * centred
        return Coefficients(path=path, score=score, generative=w, ratio=1.0 - self.alpha + self.beta * (w - 1.0))

    def directions(self) -> list["Direction"]:
        """The coefficients' derivatives with respect to SCALARS, in that order, as objectives for the same
        `leaf_gradients`."""
        return [Direction(scalar=scalar, objective=self) for scalar in SCALARS]


@dataclass(frozen=True, kw_only=True)
class Direction(Objective):
    """d coefficients / d scalar of a `ControlVariateDReG`, at its scalars; not registered, since it is no estimator by
    itself."""

    facts = FACTS["dreg-cv"]
    scalar: str
    objective: ControlVariateDReG

    def _coefficients(self, log_weights):
        objective, w = self.objective, normalised(log_weights)
        others = log_sum_of_others(log_weights)
        samples = log_weights.shape[0]
        path = {"alpha": -w, "beta": w * w - w}.get(self.scalar)
        score = {
            "alpha": log_mean_exp(log_weights) - _times(1.0 - objective.gamma, others),
            "beta": w - (1.0 - objective.delta) / samples,
            "gamma": _times(objective.alpha, others),
            "delta": tf.ones_like(w) * (objective.beta - 1.0) / samples,
        }[self.scalar]
        ratio = {"alpha": -tf.ones_like(w), "beta": w - 1.0}.get(self.scalar)
        return Coefficients(path=path, score=score, generative=w, ratio=ratio)


def _times(scalar: float | tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """scalar * values, and 0 for a scalar of 0 even where the values, sums of other weights, are -inf."""
    return tf.math.multiply_no_nan(values, tf.convert_to_tensor(scalar, values.dtype))


def scalar_gradients(inference: list[tf.Tensor], directions: list[list[tf.Tensor]]) -> list[tf.Tensor]:
    """Derivatives of the mean squared inference gradient with respect to the scalars.

        d/ds mean_p g_p^2 = 2 mean_p g_p dg_p/ds

    No second derivative is taken, since g is linear in its coefficients.

    Args:
      inference: the gradient, one tensor for each variable.
      directions: for each scalar the gradient of its `Direction`, from the same draws.
    Returns:
      One scalar for each direction; the gradients of a loss to be minimised.
    Raises:
      UserError: a gradient is missing, or a direction's gradients do not have the shapes of the objective's.
    """
    for parts in (inference, *directions):
        if any(g is None for g in parts):
            raise UserError(
                "a gradient is None: the samples do not depend on a variable through TensorFlow; leave the variable out"
            )
        if [g.shape for g in parts] != [g.shape for g in inference]:
            raise UserError(
                f"a direction has gradients of shapes {[tuple(g.shape) for g in parts]}, not those of the objective"
            )
    entries = tf.add_n([tf.cast(tf.size(g), g.dtype) for g in inference])
    return [
        2.0 * tf.add_n([tf.reduce_sum(g * part) for g, part in zip(inference, parts)]) / entries for parts in directions
    ]
