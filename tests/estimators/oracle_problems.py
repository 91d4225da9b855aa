"""Two small problems with exact values to 10 digits, and moments of an estimator from all of their states.

B3    logits (.7, -1.1, .2),               fQ = (b_1 + 2 b_2 - 1.5 b_3 - .4)^2 + b_1 b_2 b_3,
                                           fE = exp(.5 b_1 - b_2 + .8 b_3)
C23   logits ((.7, -1.1, .2), (-.4, .3, .9)), s_v = b_v . (1, 0, -.5),
                                           fQ = (s_1 + 2 s_2 - .4)^2 + s_1 s_2,  fE = exp(.5 s_1 - s_2)
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from igr_suite.estimators.conformance import Problem
from igr_suite.estimators.enumeration import log_probabilities, states
from igr_suite.estimators.variables import kind_of

B3 = np.array([0.7, -1.1, 0.2])
C23 = np.array([[0.7, -1.1, 0.2], [-0.4, 0.3, 0.9]])
COUNTS = np.array([1.0, 0.0, -0.5])


def quadratic_of_units(b):
    first, second, third = b[..., 0], b[..., 1], b[..., 2]
    return tf.square(first + 2.0 * second - 1.5 * third - 0.4) + first * second * third


def exponential_of_units(b):
    return tf.exp(0.5 * b[..., 0] - b[..., 1] + 0.8 * b[..., 2])


def sums_of(b):
    """(s_1, s_2)."""
    sums = tf.reduce_sum(b * tf.constant(COUNTS, b.dtype), -1)
    return sums[..., 0], sums[..., 1]


def quadratic_of_categories(b):
    first, second = sums_of(b)
    return tf.square(first + 2.0 * second - 0.4) + first * second


def exponential_of_categories(b):
    first, second = sums_of(b)
    return tf.exp(0.5 * first - second)


PROBLEMS = {
    ("bernoulli", "fQ"): Problem(quadratic_of_units, B3),
    ("bernoulli", "fE"): Problem(exponential_of_units, B3),
    ("categorical", "fQ"): Problem(quadratic_of_categories, C23),
    ("categorical", "fE"): Problem(exponential_of_categories, C23),
}


class AtStates(NamedTuple):
    """All states of a problem as one batch.

    Attributes:
      logits: the problem's, one row for each state [S, ...].
      samples: the states [S, ...].
      u: uniforms that lead to these samples [S, ...].
      probabilities: of the states [S].
    """

    logits: tf.Tensor
    samples: tf.Tensor
    u: tf.Tensor
    probabilities: np.ndarray

    def repeated(self, times: int) -> "AtStates":
        """Every state `times` times in succession; the probabilities stay those of the states."""
        tensors = [tf.repeat(tensor, times, 0) for tensor in self[:3]]
        return AtStates(*tensors, self.probabilities)


def at_states(logits) -> AtStates:
    """The batch of all states of logits without a batch axis."""
    one = tf.constant(logits, tf.float64)[tf.newaxis]
    samples = states(one)
    probabilities = np.exp(log_probabilities(one, samples)[:, 0])
    u = tf.where(samples > 0.5, tf.ones_like(samples) - 1e-12, tf.ones_like(samples) * 1e-12)
    rows = tf.repeat(one, samples.shape[0], 0)
    np.testing.assert_array_equal(kind_of(rows).hard_sample(rows, u), samples)
    return AtStates(rows, samples, u, probabilities)


def moments_by_state(estimator, problem: Problem) -> tuple[np.ndarray, float]:
    """(mean, sum of the variances) of an estimator whose gradient depends on its noise through the sample alone."""
    batch = at_states(problem.logits)
    gradient = estimator.estimate(problem.objective, batch.logits, {"u": batch.u}).gradient.numpy()
    mean = np.tensordot(batch.probabilities, gradient, 1)
    return mean, float(np.sum(np.tensordot(batch.probabilities, gradient**2, 1) - mean**2))


def at_one_state(logits, classes) -> tuple[tf.Tensor, tf.Tensor]:
    """(logits, u) of one row whose sample has these units on, or these categories."""
    batch = at_states(logits)
    wanted = np.asarray(classes, float) if np.ndim(logits) == 1 else np.eye(np.shape(logits)[1])[list(classes)]
    (row,) = np.flatnonzero((batch.samples.numpy() == wanted).all(axis=tuple(range(1, batch.samples.shape.rank))))
    return batch.logits[row : row + 1], batch.u[row : row + 1]
