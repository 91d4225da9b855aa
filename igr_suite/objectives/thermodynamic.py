"""The thermodynamic variational objective, a Riemann sum along the path from q to the posterior: by covariances of
log-weights, and the doubly reparameterised gradient of its value."""

from dataclasses import dataclass

import tensorflow as tf

from igr_suite.estimators.tvo import Node, nodes_of, thermodynamic_coefficients, thermodynamic_value
from igr_suite.objectives.base import Coefficients, Objective, register
from igr_suite.objectives.names import FACTS
from igr_suite.objectives.wake import other_weight


@dataclass(frozen=True, kw_only=True)
class _Thermodynamic(Objective):
    partitions: int = FACTS["tvo"].options["partitions"]
    first: float = FACTS["tvo"].options["first"]
    rule: str = FACTS["tvo"].options["rule"]

    def _value(self, log_weights):
        """sum_p D_p sum_k w^b_k lw_k, [K, B] -> [B]."""
        return thermodynamic_value(log_weights, self._nodes())

    def _nodes(self) -> list[tuple[float, float]]:
        """(b, D) of every node."""
        return nodes_of(self.partitions, self.first, self.rule)


@register
@dataclass(frozen=True, kw_only=True)
class TVO(_Thermodynamic):
    """Maximises sum_p D_p E_{pi_p}[lw], pi_b ~ p^b q^(1 - b), with self-normalised weights w^b = softmax_k(b lw) at
    every node.

        d_k = sum_p D_p (-w^b_k + K/(K - 1) (1 - b) w^b_k (lw_k - mean))
        a_k = sum_p D_p ( w^b_k + K/(K - 1) b w^b_k (lw_k - mean)),   mean = sum_k w^b_k lw_k;   c = 0

    The left rule is a lower bound, the right one an upper bound; the left rule with one partition is the ELBO.

    Args:
      partitions: P.
      first: the lowest positive node; the others are log-spaced up to 1.
      rule: "left", "right" or "trapezoid".
    Source: Masrani et al. (2019); docs/papers/dreg.md, section 2.4.
    """

    facts = FACTS["tvo"]

    @property
    def generative_family(self):
        return ("thermodynamic", self.partitions, self.first, self.rule)

    def _coefficients(self, log_weights):
        signals, weights = thermodynamic_coefficients(log_weights, self._nodes())
        return Coefficients(path=None, score=signals - weights, generative=weights)


@register
@dataclass(frozen=True, kw_only=True)
class ReparameterisedTVO(_Thermodynamic):
    """The gradient of TVO's value at finite K, sum_p D_p A_p with A = sum_k w^b_k lw_k, its score reparameterised.

        c = sum_p D_p (h - h'),  d = 0,  a = sum_p D_p h,   h_k = dA/dlw_k = w^b_k (1 + b (lw_k - A)),
        h'_k = dh_k/dlw_k = b (w^b_k - (w^b_k)^2) (1 + b (lw_k - A)) + b w^b_k (1 - h_k)

    The total derivative has c = h, d = -h; the score term -h reparameterised leaves h - h'. TVO's own gradient is
    another one, that of E_{pi_b}[lw] by covariances. The left rule with one partition is STL of the ELBO.

    Args:
      partitions: P.
      first: the lowest positive node.
      rule: "left", "right" or "trapezoid".
    Source: Masrani et al. (2019) for the value, Tucker et al. (2019) for the reparameterisation.
    """

    facts = FACTS["tvo-dreg"]

    @property
    def generative_family(self):
        return ("thermodynamic slopes", self.partitions, self.first, self.rule)

    def _coefficients(self, log_weights):
        path, generative = tf.zeros_like(log_weights), tf.zeros_like(log_weights)
        for beta, weight in self._nodes():
            slope, curvature = slopes(beta, log_weights)
            path += weight * (slope - curvature)
            generative += weight * slope
        return Coefficients(path=path, score=None, generative=generative)


def slopes(beta: float, log_weights: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """h_k = dA/dlw_k and dh_k/dlw_k of A = sum_k w^b_k lw_k at b = beta, [K, B] -> [K, B] each."""
    w, _, deviation = Node.of(beta, log_weights)
    if not beta:
        return w, tf.zeros_like(w)
    growth = 1.0 + beta * deviation
    rest = other_weight(beta * log_weights)
    return w * growth, beta * w * (rest * growth + 1.0 - w * growth)
