"""Estimators that draw categories by binary decisions, and pairs of samples whose decisions are antithetic."""

from types import ModuleType

import tensorflow as tf

from igr_suite.estimators.arm import antithetic_pair
from igr_suite.estimators.base import Estimate, Estimator
from igr_suite.estimators.distributions import bernoulli
from igr_suite.estimators.distributions.decisions import Decisions, decisions_shape
from igr_suite.estimators.inputs import uniforms
from igr_suite.estimators.reinforce import score_term


class WalkEstimator(Estimator):
    """An estimator for categorical variables, with a uniform for each binary decision: {"u": [B, V, C - 1]}.

    A subclass implements `decisions`.
    """

    def decisions(self, logits: tf.Tensor) -> Decisions:
        """Returns the decisions of logits [..., B, V, C]."""
        raise NotImplementedError

    def noise(self, shape, seed, dtype=tf.float32):
        return {"u": uniforms(decisions_shape(shape), seed, dtype)}

    def sample_of_pass(self, kind: ModuleType, logits: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        decisions = self.decisions(logits)
        return decisions.walk(bernoulli.hard_sample(decisions.logits, u)).samples


class WalkDisARM(WalkEstimator):
    """DisARM for the decisions of two walks, with plain REINFORCE for those that only one of them meets.

        s_i = 1/2 (f - f') (b_i - b'_i) sigmoid(|phi_i|)   where both walks meet decision i
        s_i = 1/2 (f - f') (b_i - p_i)                     where the first alone does
        s_i = 1/2 (f' - f) (b'_i - p_i)                    where the second alone does, else 0
        b_i = [u_i > 1 - p_i],  b'_i = [u_i < p_i],  p_i = sigmoid(phi_i)

    s is the gradient with respect to the decisions' logits phi; theirs with respect to the logits makes g of it.
    """

    def _estimate(self, objective, logits, noise, parameters):
        decisions = self.decisions(logits)
        pair = antithetic_pair(decisions.logits, noise["u"])
        visited, samples = decisions.walk(pair)
        values = objective(samples)
        both = visited[0] * visited[1]
        alone = (visited - both) * bernoulli.score(decisions.logits, pair)
        together = both * bernoulli.antithetic_factor(decisions.logits, pair[0], pair[1])
        slopes = score_term(0.5 * (values[0] - values[1]), together + alone[0] - alone[1])
        return Estimate(tf.reduce_mean(values, 0), samples, decisions.vjp(slopes))
