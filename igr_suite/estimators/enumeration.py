"""Exact values and gradients by enumeration of all states: what estimators are measured against."""

import itertools

import numpy as np
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.estimators.base import Objective, support_of
from igr_suite.estimators.variables import kind_of

MOST_STATES = 2**17


def states(logits: tf.Tensor) -> tf.Tensor:
    """All states of the variables: [2^D, D] for logits [B, D], one-hot [C^V, V, C] for logits [B, V, C].

    Raises:
      UserError: more than 2^17 of them.
    """
    variables = logits.shape[1]
    categories = 2 if support_of(logits) == "bernoulli" else logits.shape[2]
    _check(categories**variables)
    chosen = np.array(list(itertools.product(range(categories), repeat=variables))).reshape(-1, variables)
    return tf.constant(chosen if support_of(logits) == "bernoulli" else np.eye(categories)[chosen], logits.dtype)


def log_probabilities(logits: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """log q(b) of every state, [S, ...] -> [S, B]."""
    by_variable = kind_of(logits).log_probability(logits, values[:, tf.newaxis])
    return tf.reduce_sum(by_variable, -1)


def expectation(objective: Objective, logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """E[f(b)] and its gradient with respect to the logits.

        sum_b q(b) f(b)

    Args:
      objective: as for an estimator.
      logits: [B, D] or [B, V, C].
    Returns:
      [B] and the logits' shape.
    """
    return multi_sample_bound(objective, logits, 1)


def multi_sample_bound(objective: Objective, logits: tf.Tensor, samples: int) -> tuple[tf.Tensor, tf.Tensor]:
    """E[log mean_k exp f(b_k)] over K independent samples, and its gradient with respect to the logits.

    Args:
      objective: as for an estimator.
      logits: [B, D] or [B, V, C].
      samples: K; K = 1 is E[f(b)].
    Returns:
      [B] and the logits' shape.
    """
    every = states(logits)
    number = every.shape[0]
    _check(number**samples)
    joint = np.stack(np.meshgrid(*[np.arange(number)] * samples, indexing="ij")).reshape(samples, -1)
    values = objective(tf.broadcast_to(every[:, tf.newaxis], [number, *logits.shape]))
    bounds = tf.reduce_logsumexp(tf.gather(values, joint), 0) - np.log(samples)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(logits)
        probabilities = tf.exp(tf.reduce_sum(tf.gather(log_probabilities(logits, every), joint), 0))
        expected = tf.reduce_sum(probabilities * bounds, 0)
    return expected, tape.gradient(expected, logits)


def _check(number: int) -> None:
    if number > MOST_STATES:
        raise UserError(f"{number} states are too many to enumerate (at most {MOST_STATES}); take fewer variables or samples")
