"""The jackknife of the importance-weighted bound (JVI) of any order, from all subsets with up to m samples left out."""

from dataclasses import dataclass
from itertools import combinations
from math import comb, factorial

import numpy as np
import tensorflow as tf

from igr_suite.estimators.formulas import log_mean_exp, log_other_weight
from igr_suite.objectives.base import Coefficients, Objective, register
from igr_suite.objectives.names import FACTS


def order_weights(samples: int, order: int) -> list[float]:
    """C_j = (-1)^j (K - j)^m / ((m - j)! j!) for j = 0 ... m; they sum to one."""
    return [(-1) ** j * (samples - j) ** order / (factorial(order - j) * factorial(j)) for j in range(order + 1)]


def subsets(samples: int, order: int) -> tuple[np.ndarray, np.ndarray]:
    """All subsets with up to m of K samples left out.

    Returns:
      membership [M, K], bool, and each subset's factor C_j / binom(K, j) [M].
    """
    members, factors = [], []
    for left_out, weight in enumerate(order_weights(samples, order)):
        for absent in combinations(range(samples), left_out):
            members.append(~np.isin(np.arange(samples), absent))
            factors.append(weight / comb(samples, left_out))
    return np.array(members), np.array(factors)


def masked(log_weights: tf.Tensor, order: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """J and the coefficients from a table of all subsets; memory [M, K, B].

    Args:
      log_weights: [K, B].
    Returns:
      J [B], c1 = sum_S f_S w^S [K, B], c2 = sum_S f_S (w^S)^2 [K, B], with w^S normalised within S.
    """
    members, factors = subsets(log_weights.shape[0], order)
    table = tf.where(members[..., np.newaxis], log_weights, tf.constant(-np.inf, log_weights.dtype))
    # Subsets whose weights are all 0, [M, B].
    empty = tf.reduce_all(tf.equal(log_weights, -np.inf) | ~members[..., np.newaxis], 1)
    bounds = tf.reduce_logsumexp(table, 1) - tf.constant(np.log(members.sum(1, keepdims=True)), log_weights.dtype)
    # Inside an empty subset the weights are equal, the limit. Its bound of -inf is added apart, since factors have both
    # signs.
    table = tf.where(empty[:, tf.newaxis] & members[..., np.newaxis], tf.zeros_like(table), table)
    within = tf.nn.softmax(table, axis=1)
    factor = tf.constant(factors, log_weights.dtype)
    finite = tf.tensordot(factor, tf.where(empty, tf.zeros_like(bounds), bounds), 1)
    of_empty = tf.tensordot(tf.constant(factors, tf.float64), tf.cast(empty, tf.float64), 1)
    infinite = tf.cast(tf.where(of_empty > 0.0, -np.inf, np.inf), log_weights.dtype)
    value = tf.where(tf.abs(of_empty) > 1e-9 * np.max(np.abs(factors)), infinite, finite)
    return value, *(tf.tensordot(factor, part, 1) for part in (within, within * within))


def closed(log_weights: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The results of `masked` at order one, in memory [K, B].

    w_k without sample i is w_k / (1 - w_i). For the largest weight 1 - w_i is computed as the sum of the others, and
    its terms are kept apart, so that nothing cancels or overflows where one weight is nearly 1.
    """
    samples = log_weights.shape[0]
    log_w = tf.nn.log_softmax(log_weights, axis=0)
    log_rest = log_other_weight(log_weights)
    bounds_without = tf.reduce_logsumexp(log_weights, 0) + log_rest - np.log(samples - 1)
    value = samples * log_mean_exp(log_weights) - (samples - 1) * tf.reduce_mean(bounds_without, 0)
    value = tf.where(tf.reduce_all(tf.equal(log_weights, -np.inf), 0), tf.constant(-np.inf, log_w.dtype), value)
    largest = tf.one_hot(tf.argmax(log_w, 0), samples, on_value=True, off_value=False, axis=0)
    log_rest_of_largest = tf.reduce_sum(tf.where(largest, log_rest, tf.zeros_like(log_rest)), 0)

    # Where all others have weight 0, the limit in which they are equal.
    alone = tf.equal(log_rest_of_largest, -np.inf)
    share = tf.where(alone, tf.constant(-np.log(samples - 1), log_w.dtype), log_w - log_rest_of_largest)

    def mean_without(power: float) -> tf.Tensor:
        """1/K sum_{i != k} (w_k / (1 - w_i))^power."""
        inverse = tf.where(largest, tf.zeros_like(log_rest), tf.exp(-power * log_rest))  # in [1, 2^power]
        without_others = tf.exp(power * log_w) * (tf.reduce_sum(inverse, 0) - inverse)
        without_largest = tf.where(largest, tf.zeros_like(log_w), tf.exp(power * share))
        return (without_others + without_largest) / samples

    path, squared = (samples * tf.exp(power * log_w) - (samples - 1) * mean_without(power) for power in (1.0, 2.0))
    return value, path, squared


@dataclass(frozen=True, kw_only=True)
class _Jackknife(Objective):
    order: int = FACTS["jk"].options["order"]
    form: str = FACTS["jk"].options["form"]

    @property
    def generative_family(self):
        return ("jackknife", self.order)

    def _value(self, log_weights):
        return self._parts(log_weights)[0]

    def _parts(self, log_weights) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        return closed(log_weights) if self.form == "closed" else masked(log_weights, self.order)


@register
@dataclass(frozen=True, kw_only=True)
class Jackknife(_Jackknife):
    """Total derivative of J_{K,m} = sum_j C_j mean_{|S| = K - j} L(S), which removes bias up to K^-m and is no bound.

        c = c1,  d = -c1,  a = c1;   c1_k = sum_j C_j mean_S [k in S] w_k^S

    Args:
      order: m; 0 is IWAE, 1 the authors' code.
      form: "masked", any order, from the table of all subsets; "closed", order 1 alone, in O(K).
    Source: Nowozin (2018); docs/papers/dreg.md, section 2.2.
    """

    facts = FACTS["jk"]

    def _coefficients(self, log_weights):
        _, first, _ = self._parts(log_weights)
        return Coefficients(path=first, score=-first, generative=first, ratio=tf.ones_like(first))


@register
@dataclass(frozen=True, kw_only=True)
class ReparameterisedJackknife(_Jackknife):
    """The jackknife's gradient with its score reparameterised; some coefficients are negative.

        c = c2,  d = 0,  a = c1;   c2_k = sum_j C_j mean_S [k in S] (w_k^S)^2

    Args:
      order: m.
      form: "masked" or "closed".
    Source: Tucker et al. (2019), JVI-DReG; docs/papers/dreg.md, section 2.2.
    """

    facts = FACTS["jk-dreg"]

    def _coefficients(self, log_weights):
        _, first, second = self._parts(log_weights)
        return Coefficients(path=second, score=None, generative=first)
