"""The thermodynamic variational objective: a Riemann sum along the path from q to the posterior, by covariances of
log-weights."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from igr_suite.objectives.base import Coefficients, Objective, register, without_empty_columns
from igr_suite.objectives.names import FACTS


def nodes(partitions: int, first: float) -> np.ndarray:
    """0 and `partitions` log-spaced points from `first` to 1 (for one partition 1 alone), [P + 1]."""
    return np.concatenate([[0.0], np.geomspace(first, 1.0, partitions) if partitions > 1 else [1.0]])


def rule_weights(beta: np.ndarray, rule: str) -> np.ndarray:
    """Each node's weight in the Riemann sum, [P + 1]; they sum to one."""
    steps = np.diff(beta)
    left, right = np.append(steps, 0.0), np.append(0.0, steps)
    return {"left": left, "right": right, "trapezoid": 0.5 * (left + right)}[rule]


@register
@dataclass(frozen=True, kw_only=True)
class TVO(Objective):
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
    partitions: int = FACTS["tvo"].options["partitions"]
    first: float = FACTS["tvo"].options["first"]
    rule: str = FACTS["tvo"].options["rule"]

    @property
    def generative_family(self):
        return ("thermodynamic", self.partitions, self.first, self.rule)

    def _value(self, log_weights):
        """sum_p D_p sum_k w^b_k lw_k, [K, B] -> [B]; minus infinity where a weight is 0 and the rule uses b = 0."""
        value = sum(weight * self._node(beta, log_weights)[1] for beta, weight in self._nodes())
        return tf.where(tf.reduce_all(tf.equal(log_weights, -np.inf), 0), tf.constant(-np.inf, value.dtype), value)

    def _coefficients(self, log_weights):
        correction = log_weights.shape[0] / (log_weights.shape[0] - 1.0)
        score, generative = tf.zeros_like(log_weights), tf.zeros_like(log_weights)
        for beta, weight in self._nodes():
            w, _, deviation = self._node(beta, log_weights)
            excess = correction * w * deviation
            score += weight * ((1.0 - beta) * excess - w)
            generative += weight * (beta * excess + w if beta else w)  # the excess at b = 0 may be infinite
        return Coefficients(path=None, score=score, generative=generative)

    @staticmethod
    def _node(beta: float, log_weights: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """w^b [K, B], mean = sum_k w^b_k lw_k [B] and lw - mean [K, B].

        A weight of 0 has w^b = 0 and adds nothing, although its log-weight is -inf; but at b = 0 all w^b are 1/K.
        """
        absent = tf.equal(log_weights, -np.inf)
        finite = tf.where(absent, tf.zeros_like(log_weights), log_weights)
        if beta:
            w = tf.nn.softmax(beta * without_empty_columns(log_weights), axis=0)
            mean = tf.reduce_sum(w * finite, 0)
            return w, mean, finite - mean
        w = tf.nn.softmax(beta * finite, axis=0)
        mean = tf.reduce_sum(w * finite, 0)
        infinite = tf.constant(-np.inf, log_weights.dtype)
        mean = tf.where(tf.reduce_any(absent, 0), infinite, mean)
        return w, mean, tf.where(absent, infinite, finite - mean)

    def _nodes(self) -> list[tuple[float, float]]:
        beta = nodes(self.partitions, self.first)
        return [(float(b), float(weight)) for b, weight in zip(beta, rule_weights(beta, self.rule)) if weight]
