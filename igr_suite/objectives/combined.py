"""A convex combination of the evidence lower bound and the importance-weighted bound."""

from dataclasses import dataclass

import tensorflow as tf

from igr_suite.estimators.formulas import log_mean_exp, normalised
from igr_suite.objectives.base import Coefficients, Objective, register
from igr_suite.objectives.names import FACTS


@dataclass(frozen=True, kw_only=True)
class _CIWAE(Objective):
    beta: float = FACTS["ciwae"].options["beta"]

    @property
    def generative_family(self):
        return ("combined", self.beta)

    def _value(self, log_weights):
        """beta mean_k lw_k + (1 - beta) L_K, [K, B] -> [B]; a term of weight 0 is omitted, since it may be infinite."""
        if self.beta == 0.0:
            return log_mean_exp(log_weights)
        if self.beta == 1.0:
            return tf.reduce_mean(log_weights, 0)
        return self.beta * tf.reduce_mean(log_weights, 0) + (1.0 - self.beta) * log_mean_exp(log_weights)


@register
@dataclass(frozen=True, kw_only=True)
class CIWAE(_CIWAE):
    """Total derivative of beta L_1 + (1 - beta) L_K.

        c = beta / K + (1 - beta) w,  d = -c,  a = c

    Args:
      beta: weight of L_1, from 0 to 1.
    Source: Rainforth et al. (2018); docs/papers/dreg.md, section 2.4.
    """

    facts = FACTS["ciwae"]

    def _coefficients(self, log_weights):
        c = self.beta / log_weights.shape[0] + (1.0 - self.beta) * normalised(log_weights)
        return Coefficients(path=c, score=-c, generative=c, ratio=tf.ones_like(c))


@register
@dataclass(frozen=True, kw_only=True)
class ReparameterisedCIWAE(_CIWAE):
    """CIWAE with the bound's score reparameterised and that of L_1, which has mean zero, dropped.

        c = beta / K + (1 - beta) w^2,  d = 0,  a = beta / K + (1 - beta) w

    Args:
      beta: weight of L_1.
    Source: Rainforth et al. (2018) with Tucker et al. (2019); docs/papers/dreg.md, section 2.4.
    """

    facts = FACTS["ciwae-dreg"]

    def _coefficients(self, log_weights):
        w, uniform = normalised(log_weights), self.beta / log_weights.shape[0]
        return Coefficients(
            path=uniform + (1.0 - self.beta) * w * w, score=None, generative=uniform + (1.0 - self.beta) * w
        )
