"""Stick breaking: category after category, a binary decision says whether a categorical variable takes this one.

    phi_i = l_i - log sum_{j > i} exp l_j,   b_i ~ Bernoulli(sigmoid(phi_i)),   i = 0, ..., C - 2

The variable takes the first category with b_i = 1, and the last one if there is none. Categories are counted here in
the order in which they have their turn.
"""

from typing import Literal

import tensorflow as tf

from igr_suite.estimators.distributions.categorical import log_mean
from igr_suite.estimators.distributions.decisions import Walk, known_categories, log_add_exp

Order = Literal["ascending", "descending", "unsorted"]


class Sticks:
    """Decisions in a row; see `decisions.Decisions`.

    Args:
      logits: [..., V, C]; -inf masks a category.
      order: of the categories: by ascending or descending probability of each variable, or as they are numbered.
    Raises:
      UserError: C is not known while a function is traced.
    """

    def __init__(self, logits: tf.Tensor, order: Order = "ascending"):
        categories = tf.range(known_categories(logits), dtype=logits.dtype)
        log_theta = log_mean(logits)
        self.sorted = order != "unsorted"
        self.turns = turns(log_theta if order == "ascending" else -log_theta) if self.sorted else categories
        self.has_turn = tf.equal(self.turns[..., tf.newaxis, :], categories[:, tf.newaxis])  # [..., turn, category]
        *earlier, rest = tf.unstack(self._by_turn(log_theta), axis=-1)
        decisions: list[tf.Tensor] = []
        for log_probability in reversed(earlier):
            decisions.insert(0, log_probability - rest)
            rest = log_add_exp(log_probability, rest)
        self.logits = tf.stack(decisions, -1) if decisions else log_theta[..., :0]

    def turn(self, bits: tf.Tensor) -> tf.Tensor:
        """Returns the turn, 0 to C - 1, of the category that is taken [..., V], in the type of the bits
        [..., V, C - 1]."""
        return tf.reduce_sum(tf.math.cumprod(1.0 - bits, -1), -1)

    def walk(self, bits: tf.Tensor) -> Walk:
        """See `Decisions.walk`."""
        samples = tf.cast(tf.equal(self.turn(bits)[..., tf.newaxis], self.turns), bits.dtype)
        return Walk(tf.math.cumprod(1.0 - bits, -1, exclusive=True), samples)

    def vjp(self, gradient: tf.Tensor) -> tf.Tensor:
        """See `Decisions.vjp`."""
        by_logit, by_rest = [], tf.reduce_sum(tf.zeros_like(gradient), -1)
        for slope, phi in zip(tf.unstack(gradient, axis=-1), tf.unstack(self.logits, axis=-1)):
            by_logit.append(slope + by_rest * tf.sigmoid(phi))
            by_rest = by_rest * tf.sigmoid(-phi) - slope  # of the log of what is left, which phi takes away
        return self._by_category(tf.stack([*by_logit, by_rest], -1))

    def _by_turn(self, values: tf.Tensor) -> tf.Tensor:
        """Values of all categories [..., C] in the order of their turns."""
        if not self.sorted:
            return values
        return tf.reduce_sum(tf.where(self.has_turn, values[..., tf.newaxis, :], tf.zeros([], values.dtype)), -1)

    def _by_category(self, values: tf.Tensor) -> tf.Tensor:
        """The inverse of `_by_turn`."""
        if not self.sorted:
            return values
        return tf.reduce_sum(tf.where(self.has_turn, values[..., :, tf.newaxis], tf.zeros([], values.dtype)), -2)


def turns(values: tf.Tensor) -> tf.Tensor:
    """Returns the place of each value of the last axis in ascending order, from 0, in the values' type; of equal ones
    the first comes first.

    By comparison of all pairs, which under XLA on a CPU takes an eighth of the time of a sort (docs/performance.md).
    """
    own, other = values[..., :, tf.newaxis], values[..., tf.newaxis, :]
    number = tf.range(values.shape[-1])
    before = tf.logical_and(tf.equal(other, own), number[tf.newaxis, :] < number[:, tf.newaxis])
    return tf.reduce_sum(tf.cast(tf.logical_or(other < own, before), values.dtype), -1)
