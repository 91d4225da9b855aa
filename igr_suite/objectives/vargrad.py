"""VarGrad: the gradient of the log-weights' sample variance, a score-function estimator for the ELBO."""

from dataclasses import dataclass

import tensorflow as tf

from igr_suite.estimators.formulas import deviations_from_mean
from igr_suite.objectives.base import Coefficients, Objective, register
from igr_suite.objectives.names import FACTS


@register
@dataclass(frozen=True, kw_only=True)
class VarGrad(Objective):
    """Score-function gradient of L_1 with the other samples' mean as each one's baseline; its value is mean_k lw_k.

        c = 0,  d_k = (lw_k - mean lw) / (K - 1),  a = 1 / K

    It is minus the gradient of half the log-weights' sample variance with the samples held, and zero for every draw at
    the exact posterior. For discrete latents it is the estimator `rloo`.

    Source: Richter et al. (2020).
    """

    facts = FACTS["vargrad"]

    @property
    def generative_family(self):
        return ("equal",)

    def _value(self, log_weights):
        """mean_k lw_k, [K, B] -> [B]."""
        return tf.reduce_mean(log_weights, 0)

    def _coefficients(self, log_weights):
        samples = log_weights.shape[0]
        score = deviations_from_mean(log_weights) / (samples - 1)
        return Coefficients(path=None, score=score, generative=tf.ones_like(score) / samples)
