"""Gradient estimates of the linear-Gaussian model in closed form, many repetitions and all objectives at once."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.estimators.formulas import log_mean_exp
from igr_suite.objectives.base import Objective, effective_sample_size
from igr_suite.randomness import standard_normal
from igr_suite.studies.linear_gaussian.problem import Problem


class ClosedFormEstimator:
    """Estimates of d/db of each objective and of d/dtheta of each generative family, means over the N points.

    With z = m + s eps and the distance Delta of m from the posterior's mean,

        lw = log p(x) + D/2 log(2 s^2) - |Delta + s eps|^2 + |eps|^2 / 2
        v = -2 (Delta + s eps) + eps / s,   dlog q/db = eps / s,   dlog p/dtheta = m + s eps - theta

    so that all gradients are linear in sums over samples of coefficients times eps: one product of matrices for each
    repetition.

    Args:
      problem: data and parameters.
      objectives: whose gradients are estimated.
      samples: K.
      dtype: of all draws and sums.
    """

    def __init__(self, problem: Problem, objectives: Sequence[Objective], samples: int, dtype: tf.DType = tf.float32):
        self.problem, self.objectives, self.samples, self.dtype = problem, list(objectives), samples, dtype
        self.families = list(dict.fromkeys(objective.generative_family for objective in objectives))
        self.gap = tf.constant(problem.gap, dtype)
        self.from_theta = tf.constant(problem.mean - problem.theta, dtype)
        width = 0.5 * problem.x.shape[1] * np.log(2.0 * problem.scale**2)
        self.constant = tf.constant(problem.log_evidence + width - np.sum(problem.gap**2, 1), dtype)

    def draw(self, repetitions: int, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """Estimates from fresh draws.

        Args:
          repetitions: R, the number of independent estimates.
          seed: int32 [2].
        Returns:
          See `estimate`.
        """
        points, dimension = self.problem.x.shape
        return self.estimate(standard_normal([repetitions, self.samples, points, dimension], seed, self.dtype))

    def estimate(self, eps: tf.Tensor) -> dict[str, tf.Tensor]:
        """Estimates from given noise.

        Args:
          eps: [R, K, N, D].
        Returns:
          "b" [R, J, D] for the objectives in their order, "theta" [R, F, D] for `families`, and means over the points
          of the bound L_K and of the effective sample size [R].
        Raises:
          UserError: noise with wrong axes.
        """
        if eps.shape.rank != 4 or not eps.shape[1:].is_compatible_with([self.samples, *self.problem.x.shape]):
            expected = (self.samples, *self.problem.x.shape)
            raise UserError(f"noise must be [R, K, N, D] with K, N, D = {expected}, got the shape {eps.shape}")
        repetitions, _, points, dimension = eps.shape
        s = self.problem.scale
        square = tf.reduce_sum(tf.square(eps), -1)
        product = tf.reduce_sum(eps * self.gap, -1)
        log_weights = self.constant - 2.0 * s * product + (0.5 - s * s) * square  # [R, K, N]
        columns = tf.reshape(tf.transpose(log_weights, [1, 0, 2]), [self.samples, repetitions * points])
        coefficients = [objective.coefficients(columns) for objective in self.objectives]
        generative = {
            objective.generative_family: weights.generative for objective, weights in zip(self.objectives, coefficients)
        }
        rows = [part for weights in coefficients for part in (weights.path, weights.score) if part is not None]
        rows += [generative[family] for family in self.families]

        shape = [len(rows), self.samples, repetitions, points]
        stacked = tf.reshape(tf.stack(rows), shape)
        by_repetition = tf.reshape(tf.transpose(stacked, [2, 0, 1, 3]), [repetitions, len(rows), self.samples * points])
        # [R, rows, D]
        with_eps = tf.matmul(by_repetition, tf.reshape(eps, [repetitions, self.samples * points, dimension])) / points
        total = tf.transpose(tf.reduce_sum(stacked, 1), [1, 0, 2])  # [R, rows, N]
        with_gap, with_distance = (tf.matmul(total, means) / points for means in (self.gap, self.from_theta))

        b, row = [], 0
        for weights in coefficients:
            gradient = tf.zeros([repetitions, dimension], self.dtype)
            if weights.path is not None:
                gradient += -2.0 * with_gap[:, row] + (1.0 / s - 2.0 * s) * with_eps[:, row]
                row += 1
            if weights.score is not None:
                gradient += with_eps[:, row] / s
                row += 1
            b.append(gradient)
        theta = with_distance[:, row:] + s * with_eps[:, row:]
        means = {"bound": log_mean_exp(columns), "ess": effective_sample_size(columns)}
        return {"b": tf.stack(b, 1), "theta": theta} | {
            name: tf.reduce_mean(tf.reshape(value, [repetitions, points]), 1) for name, value in means.items()
        }
