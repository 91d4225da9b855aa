"""Exact values and gradients by enumeration of all states, the reference for estimators."""

import itertools
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.estimators.base import Objective
from igr_suite.estimators.formulas import log_mean_exp
from igr_suite.estimators.inputs import Valued, as_logits, variable_sizes, working_dtype
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
    tuples = _Tuples(objective, logits, samples)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(tuples.logits)
        expected = tuples.mean(log_mean_exp(tuples.values), tuples.probabilities())
    return tuples.as_given(expected, tape.gradient(expected, tuples.logits))


def posterior(objective: Objective, logits: tf.Tensor, samples: int) -> tuple[tf.Tensor, tf.Tensor]:
    """The multi-sample bound, and the gradient of -KL(p || q) for p(b) ~ q(b) exp f(b), held and known by K samples.

        E[log mean_k exp f(b_k)],   E[sum_k w_k dlog q(b_k)/dlogits],   w = softmax_k(f)

    Arguments, results and errors as of `multi_sample_bound`; for K -> inf the gradient is E_p[dlog q(b)/dlogits].
    """
    tuples = _Tuples(objective, logits, samples)
    weights = tf.nn.softmax(tuples.values, 0)
    return tuples.as_given(tuples.mean(log_mean_exp(tuples.values), tuples.probabilities()), tuples.mean_score(weights))


def thermodynamic(
    objective: Objective, logits: tf.Tensor, samples: int, nodes: Sequence[tuple[float, float]]
) -> tuple[tf.Tensor, tf.Tensor]:
    """sum_p D_p E_{pi_p}[f], pi_b ~ q exp(b f), and its gradient, known by K samples.

        sum_p D_p E[sum_k w_k f_k],   sum_p D_p K/(K - 1) E[sum_{k,j} w_k w_j (f_k - f_j) dlog q(b_k)/dlogits],
        w = softmax_k(b f)

    Arguments, results and errors as of `multi_sample_bound`, and nodes [(b, D), ...]. For K -> inf the gradient is that
    of the sum, in which E_{pi_b}[f] has the covariance of f and the score under pi_b.
    """
    tuples = _Tuples(objective, logits, samples)
    value, coefficients = 0.0, 0.0
    for beta, step in nodes:
        weights = tf.nn.softmax(beta * tuples.values, 0)
        gaps = tuples.values[:, tf.newaxis] - tuples.values
        value += step * tf.reduce_sum(weights * tuples.values, 0)
        coefficients += step * samples / (samples - 1.0) * weights * tf.reduce_sum(weights * gaps, 1)
    return tuples.as_given(tuples.mean(value, tuples.probabilities()), tuples.mean_score(coefficients))


class _Tuples:
    """All tuples of K states [N^K].

    Args:
      objective, logits, samples: as of `multi_sample_bound`.

    Attributes:
      logits: in the type to calculate in.
      values: f of the states of each tuple [K, N^K, B].
    """

    def __init__(self, objective: Objective, logits: tf.Tensor, samples: int):
        check_samples("the multi-sample bound", samples, "sample", least=1)
        given = as_logits(logits)
        self.dtype, self.logits = given.dtype, tf.cast(given, working_dtype(given.dtype))
        self.states = tf.cast(states(given), self.logits.dtype)
        number = self.states.shape[0]
        _check(number**samples)
        self.joint = np.stack(np.meshgrid(*[np.arange(number)] * samples, indexing="ij")).reshape(samples, -1)
        each = tf.broadcast_to(self.states[:, tf.newaxis], tf.concat([[number], tf.shape(self.logits)], 0))
        evaluate = Valued(objective, given.dtype, self.logits.dtype, self.logits.shape.rank - 1)
        self.values = tf.gather(evaluate(each), self.joint)

    def probabilities(self) -> tf.Tensor:
        """Of the tuples [N^K, B], differentiable with respect to the logits."""
        by_state = log_probabilities(self.logits, self.states)
        return tf.exp(tf.reduce_sum(tf.gather(by_state, self.joint), 0))

    def mean(self, values: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
        """The expectation of values [N^K, B] -> [B]; an infinite one of an impossible tuple would make the product and
        its slope NaN."""
        possible = tf.where(probabilities > 0.0, values, tf.zeros_like(values))
        return tf.reduce_sum(probabilities * possible, 0)

    def mean_score(self, coefficients: tf.Tensor) -> tf.Tensor:
        """E[sum_k c_k dlog q(b_k)/dlogits] for coefficients [K, N^K, B], shape of the logits."""
        probabilities = self.probabilities()
        possible = tf.where(probabilities > 0.0, coefficients, tf.zeros_like(coefficients))
        weighted = tf.reshape(probabilities * possible, (-1, tf.shape(self.logits)[0]))
        by_state = tf.math.unsorted_segment_sum(weighted, self.joint.ravel(), self.states.shape[0])  # [N, B]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self.logits)
            log_q = log_probabilities(self.logits, self.states)
            total = tf.reduce_sum(by_state * tf.where(tf.math.is_inf(log_q), tf.zeros_like(log_q), log_q), 0)
        return tape.gradient(total, self.logits)

    def as_given(self, value: tf.Tensor, gradient: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Both in the type of the logits as they were given."""
        return tf.cast(value, self.dtype), tf.cast(gradient, self.dtype)


def _check(number: int) -> None:
    if number > MOST_STATES:
        raise UserError(
            f"{number} states are too many to enumerate (at most {MOST_STATES}); take fewer variables or samples"
        )
