"""A categorical variable as a walk from the root of a binary tree to one of its C leaves.

    phi_n = log sum_{j in right(n)} exp l_j - log sum_{j in left(n)} exp l_j,   b_n ~ Bernoulli(sigmoid(phi_n))

b_n = 1 turns right. The tree is complete: its C - 1 inner nodes and behind them its leaves fill row after row. Where C is
a power of two, all categories lie in the lowest row, in their order.
"""

from collections.abc import Iterator
from typing import NamedTuple

import tensorflow as tf

from igr_suite.estimators.distributions.categorical import log_mean
from igr_suite.estimators.distributions.decisions import Walk, known_categories, log_add_exp


class Row(NamedTuple):
    """Nodes of one depth: the range that they are of all inner nodes, and the range of all leaves."""

    inner: slice
    leaves: slice


def rows_of(categories: int) -> Iterator[Row]:
    """Yields the rows of the tree, from its root."""
    inner, leaf, size = 0, 0, 1
    while size:
        parents = min(size, categories - 1 - inner)
        yield Row(slice(inner, inner + parents), slice(leaf, leaf + size - parents))
        inner, leaf, size = inner + parents, leaf + size - parents, 2 * parents


class Tree:
    """Decisions in a tree; see `decisions.Decisions`.

    Args:
      logits: [..., V, C]; -inf masks a category.
    Raises:
      UserError: C is not known while a function is traced.
    """

    def __init__(self, logits: tf.Tensor):
        self.rows = list(rows_of(known_categories(logits)))
        log_theta = log_mean(logits)
        decisions: list[tf.Tensor] = []
        below = log_theta[..., :0]  # below: log-probabilities of the row below
        for row in reversed(self.rows):
            left, right = below[..., 0::2], below[..., 1::2]
            decisions.insert(0, right - left)
            below = tf.concat([log_add_exp(left, right), log_theta[..., row.leaves]], -1)
        self.logits = tf.concat(decisions, -1)

    def walk(self, bits: tf.Tensor) -> Walk:
        """See `Decisions.walk`."""
        visited, samples, reached = [], [], tf.ones_like(tf.reduce_sum(bits, -1, keepdims=True))
        for row in self.rows:
            inner, leaves = _divided(reached, row)
            right = bits[..., row.inner]
            visited.append(inner)
            samples.append(leaves)
            reached = _alternating(inner * (1.0 - right), inner * right)
        return Walk(tf.concat(visited, -1), tf.concat(samples, -1))

    def vjp(self, gradient: tf.Tensor) -> tf.Tensor:
        """See `Decisions.vjp`."""
        by_logit, by_node = [], tf.zeros_like(tf.reduce_sum(gradient, -1, keepdims=True))
        for row in self.rows:
            inner, leaves = _divided(by_node, row)  # with respect to the log-probabilities of the row's nodes
            by_logit.append(leaves)
            slope, phi = gradient[..., row.inner], self.logits[..., row.inner]
            by_node = _alternating(inner * tf.sigmoid(-phi) - slope, inner * tf.sigmoid(phi) + slope)
        return tf.concat(by_logit, -1)


def _divided(nodes: tf.Tensor, row: Row) -> tuple[tf.Tensor, tf.Tensor]:
    """The values of a row's inner nodes and of its leaves."""
    parents = row.inner.stop - row.inner.start
    return nodes[..., :parents], nodes[..., parents:]


def _alternating(left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Values of left and right children [..., N] as those of the row that they fill [..., 2 N]."""
    shape = tf.concat([tf.shape(left)[:-1], [2 * left.shape[-1]]], 0)
    return tf.reshape(tf.stack([left, right], -1), shape)
