"""Exact values and gradients by enumeration of all states, the reference for estimators."""

import itertools

import numpy as np
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.estimators.base import Objective
from igr_suite.estimators.inputs import as_logits, valued, variable_sizes, working_dtype
from igr_suite.estimators.settings import check_samples
from igr_suite.estimators.variables import kind_of, support_of

MOST_STATES = 2**17


def states(logits: tf.Tensor) -> tf.Tensor:
    """All states of the variables: [2^D, D] for logits [B, D], one-hot [C^V, V, C] for logits [B, V, C].

    Raises:
      UserError: there are more than 2^17 states.
    """
    logits = as_logits(logits)
    support = support_of(logits)
    variables, categories = (*variable_sizes(logits.shape), 2)[:2]  # two values of a Bernoulli variable
    _check(categories**variables)
    chosen = np.array(list(itertools.product(range(categories), repeat=variables)), int)
    chosen = chosen.reshape(categories**variables, variables)
    return tf.constant(chosen if support == "bernoulli" else np.eye(categories)[chosen], logits.dtype)


def log_probabilities(logits: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """log q(b) of every state, [S, ...] -> [S, B]; -inf for a state that infinite logits exclude, such as those of a
    masked category."""
    values = values[:, tf.newaxis]
    if support_of(logits) == "categorical":
        return tf.reduce_sum(kind_of(logits).log_probability(logits, values), -1)
    fixed = tf.math.is_inf(logits)  # units that have one value only
    impossible = tf.logical_and(fixed, tf.not_equal(values > 0.5, logits > 0.0))
    by_variable = kind_of(logits).log_probability(tf.where(fixed, tf.zeros_like(logits), logits), values)
    by_variable = tf.where(fixed, tf.zeros_like(by_variable), by_variable)
    return tf.reduce_sum(tf.where(impossible, tf.constant(-np.inf, by_variable.dtype), by_variable), -1)


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
      logits: [B, D] or [B, V, C]; -inf masks a category.
      samples: K; K = 1 is E[f(b)].
    Returns:
      [B] and the logits' shape.
    Raises:
      UserError: too many states, or no samples.
    """
    check_samples("the multi-sample bound", samples, "sample", least=1)
    given = as_logits(logits)
    all_states = states(given)
    logits = tf.cast(given, working_dtype(given.dtype))
    value, gradient = _enumerated(
        valued(objective, given.dtype, logits.dtype, logits.shape.rank - 1), logits, all_states, samples
    )
    return tf.cast(value, given.dtype), tf.cast(gradient, given.dtype)


def _enumerated(
    objective: Objective, logits: tf.Tensor, all_states: tf.Tensor, samples: int
) -> tuple[tf.Tensor, tf.Tensor]:
    number = all_states.shape[0]
    _check(number**samples)
    joint = np.stack(np.meshgrid(*[np.arange(number)] * samples, indexing="ij")).reshape(samples, -1)
    all_states = tf.cast(all_states, logits.dtype)
    values = objective(tf.broadcast_to(all_states[:, tf.newaxis], tf.concat([[number], tf.shape(logits)], 0)))
    bounds = tf.reduce_logsumexp(tf.gather(values, joint), 0) - np.log(samples)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(logits)
        probabilities = tf.exp(tf.reduce_sum(tf.gather(log_probabilities(logits, all_states), joint), 0))
        # An infinite value of an impossible state would make the product and its slope NaN.
        possible = tf.where(probabilities > 0.0, bounds, tf.zeros_like(bounds))
        expected = tf.reduce_sum(probabilities * possible, 0)
    return expected, tape.gradient(expected, logits)


def _check(number: int) -> None:
    if number > MOST_STATES:
        raise UserError(
            f"{number} states are too many to enumerate (at most {MOST_STATES}); take fewer variables or samples"
        )
