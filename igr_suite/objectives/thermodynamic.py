"""The thermodynamic variational objective, a Riemann sum along the path from q to the posterior: by covariances of
log-weights, and the doubly reparameterised gradient of its value."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from igr_suite.objectives.base import Coefficients, Objective, deviations_from_mean, register, without_empty_columns
from igr_suite.objectives.names import FACTS
from igr_suite.objectives.wake import other_weight


def nodes(partitions: int, first: float) -> np.ndarray:
    """0 and `partitions` log-spaced points from `first` to 1 (for one partition 1 alone), [P + 1]."""
    return np.concatenate([[0.0], np.geomspace(first, 1.0, partitions) if partitions > 1 else [1.0]])


def rule_weights(beta: np.ndarray, rule: str) -> np.ndarray:
    """Each node's weight in the Riemann sum, [P + 1]; they sum to one."""
    steps = np.diff(beta)
    left, right = np.append(steps, 0.0), np.append(0.0, steps)
    return {"left": left, "right": right, "trapezoid": 0.5 * (left + right)}[rule]


class Node(NamedTuple):
    """One node b of the path.

    Attributes:
      weights: w^b = softmax_k(b lw) [K, B].
      mean: sum_k w^b_k lw_k [B].
      deviation: lw - mean [K, B].

    A weight of 0 has w^b = 0 and adds nothing, although its log-weight is -inf; but at b = 0 all w^b are 1/K.
    """

    weights: tf.Tensor
    mean: tf.Tensor
    deviation: tf.Tensor

    @classmethod
    def of(cls, beta: float, log_weights: tf.Tensor) -> "Node":
        """The node b = beta of log-weights [K, B]."""
        if not beta:
            equal = tf.nn.softmax(tf.zeros_like(log_weights), axis=0)
            return cls(equal, tf.reduce_mean(log_weights, 0), deviations_from_mean(log_weights))
        finite = tf.where(tf.equal(log_weights, -np.inf), tf.zeros_like(log_weights), log_weights)
        w = tf.nn.softmax(beta * without_empty_columns(log_weights), axis=0)
        mean = tf.reduce_sum(w * finite, 0)
        return cls(w, mean, finite - mean)


@dataclass(frozen=True, kw_only=True)
class _Thermodynamic(Objective):
    partitions: int = FACTS["tvo"].options["partitions"]
    first: float = FACTS["tvo"].options["first"]
    rule: str = FACTS["tvo"].options["rule"]

    def _value(self, log_weights):
        """sum_p D_p sum_k w^b_k lw_k, [K, B] -> [B]; minus infinity where a weight is 0 and the rule uses b = 0."""
        value = sum(weight * Node.of(beta, log_weights).mean for beta, weight in self._nodes())
        return tf.where(tf.reduce_all(tf.equal(log_weights, -np.inf), 0), tf.constant(-np.inf, value.dtype), value)

    def _nodes(self) -> list[tuple[float, float]]:
        """(b, D) of every node that has a weight."""
        beta = nodes(self.partitions, self.first)
        return [(float(b), float(weight)) for b, weight in zip(beta, rule_weights(beta, self.rule)) if weight]


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
        correction = log_weights.shape[0] / (log_weights.shape[0] - 1.0)
        score, generative = tf.zeros_like(log_weights), tf.zeros_like(log_weights)
        for beta, weight in self._nodes():
            w, _, deviation = Node.of(beta, log_weights)
            excess = correction * w * deviation
            score += weight * ((1.0 - beta) * excess - w)
            generative += weight * (beta * excess + w if beta else w)  # the excess at b = 0 may be infinite
        return Coefficients(path=None, score=score, generative=generative)


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
