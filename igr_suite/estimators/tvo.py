"""TVO: a Riemann sum along the path from q to the posterior, by covariances of log-weights."""

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import tensorflow as tf

from igr_suite.checks import number
from igr_suite.errors import UserError
from igr_suite.estimators.base import Facts, MultiSampleEstimator, register
from igr_suite.estimators.formulas import deviations_from_mean, without_empty_columns
from igr_suite.estimators.reinforce import ScoreEstimator, Weighted
from igr_suite.estimators.settings import check_choices, check_samples


def path_points(partitions: int, first: float) -> np.ndarray:
    """0 and `partitions` log-spaced points from `first` to 1 (for one partition 1 alone), [P + 1]."""
    return np.concatenate([[0.0], np.geomspace(first, 1.0, partitions) if partitions > 1 else [1.0]])


def rule_weights(beta: np.ndarray, rule: str) -> np.ndarray:
    """Each point's weight in the Riemann sum, [P + 1]; they sum to one."""
    steps = np.diff(beta)
    left, right = np.append(steps, 0.0), np.append(0.0, steps)
    return {"left": left, "right": right, "trapezoid": 0.5 * (left + right)}[rule]


def nodes_of(partitions: int, first: float, rule: str) -> list[tuple[float, float]]:
    """(b, D) of every point of the path that has a weight D in the sum."""
    beta = path_points(partitions, first)
    return [(float(b), float(weight)) for b, weight in zip(beta, rule_weights(beta, rule)) if weight]


class Node(NamedTuple):
    """Quantities of one point b of the path.

    A weight of 0 has w^b = 0 and adds nothing, although its log-weight is -inf; but at b = 0 all w^b are 1/K.

    Attributes:
      weights: w^b = softmax_k(b lw) [K, B].
      mean: sum_k w^b_k lw_k [B].
      deviation: lw - mean [K, B].
    """

    weights: tf.Tensor
    mean: tf.Tensor
    deviation: tf.Tensor

    @classmethod
    def of(cls, beta: float, log_weights: tf.Tensor) -> "Node":
        """The point b = beta for log-weights [K, B]."""
        if not beta:
            equal = tf.nn.softmax(tf.zeros_like(log_weights), axis=0)
            return cls(equal, tf.reduce_mean(log_weights, 0), deviations_from_mean(log_weights))
        finite = tf.where(tf.equal(log_weights, -np.inf), tf.zeros_like(log_weights), log_weights)
        w = tf.nn.softmax(beta * without_empty_columns(log_weights), axis=0)
        mean = tf.reduce_sum(w * finite, 0)
        return cls(w, mean, finite - mean)


def thermodynamic_value(log_weights: tf.Tensor, nodes: list[tuple[float, float]]) -> tf.Tensor:
    """sum_p D_p sum_k w^b_k lw_k, [K, B] -> [B]; -inf where all weights are 0, or one is and b = 0 is a node."""
    value = sum(weight * Node.of(beta, log_weights).mean for beta, weight in nodes)
    return tf.where(tf.reduce_all(tf.equal(log_weights, -np.inf), 0), tf.constant(-np.inf, value.dtype), value)


def thermodynamic_coefficients(log_weights: tf.Tensor, nodes: list[tuple[float, float]]) -> tuple[tf.Tensor, tf.Tensor]:
    """Coefficients of sum_p D_p E_{pi_p}[lw] with pi_b ~ q exp(b lw), estimated with K samples of q.

        signals_k = sum_p D_p C_k,  weights_k = sum_p D_p (w^b_k + b C_k),   C_k = K/(K - 1) w^b_k (lw_k - mean)

    Args:
      log_weights: [K, B].
      nodes: [(b, D), ...].
    Returns:
      (signals, weights), [K, B] each: of the scores where lw is held, and of the derivatives of lw.
    """
    correction = log_weights.shape[0] / (log_weights.shape[0] - 1.0)
    signals, weights = tf.zeros_like(log_weights), tf.zeros_like(log_weights)
    for beta, step in nodes:
        w, _, deviation = Node.of(beta, log_weights)
        covariance = correction * w * deviation
        signals += step * covariance
        weights += step * (w + beta * covariance if beta else w)  # the covariance at b = 0 may be infinite
    return signals, weights


@register
@dataclass(frozen=True, kw_only=True)
class TVO(MultiSampleEstimator, ScoreEstimator):
    """Score-function gradient of sum_p D_p E_{pi_p}[f], pi_b ~ q exp(b f), by covariances with self-normalised weights
    w^b = softmax_k(b f).

        g = sum_p D_p K/(K - 1) sum_k w^b_k (f_k - sum_j w^b_j f_j) (b_k - theta)

    The left rule with one partition is `rloo`. The derivative by f_k is a_k = sum_p D_p (w^b_k + b C_k), with C_k the
    coefficients above: the samples train a generator with a_k, and where f holds -log q a model adds the direct part
    -sum_k a_k (b_k - theta).

    Args:
      samples: K.
      partitions: P, intervals of the path from b = 0 to b = 1.
      first: the lowest positive node; the others are log-spaced up to 1.
      rule: "left" (of a lower bound), "right" (of an upper one) or "trapezoid".
    Source: Masrani et al. (2019); docs/papers/dreg.md, section 2.4.
    """

    facts: ClassVar[Facts] = Facts(
        name="tvo",
        source="Masrani et al. (2019)",
        support=("bernoulli", "categorical"),
        unbiased=True,
        hard="K",
        target="thermodynamic",
    )
    samples: int = 4
    partitions: int = 5
    first: float = 0.02
    rule: Literal["left", "right", "trapezoid"] = "left"

    def __post_init__(self):
        super().__post_init__()
        check_choices(self)
        check_samples("tvo", self.partitions, "partition", least=1)
        if not 0.0 < number(self.first) < 1.0:
            raise UserError(
                f"first of tvo, the lowest positive node, must lie strictly between 0 and 1, got {self.first}"
            )

    @property
    def nodes(self) -> list[tuple[float, float]]:
        """(b, D) of every node."""
        return nodes_of(self.partitions, self.first, self.rule)

    def weigh(self, values, parameters):
        signals, weights = thermodynamic_coefficients(values, self.nodes)
        value = thermodynamic_value(values, self.nodes)
        # differentiated by the values it has the weights, whose covariances are unbiased, and not its own derivative
        held = tf.stop_gradient(weights)
        carrier = tf.reduce_sum(tf.math.multiply_no_nan(values, held), 0)
        rest = tf.stop_gradient(tf.where(tf.math.is_finite(carrier), value - carrier, value))
        return Weighted(carrier + rest, signals, weights=weights)
