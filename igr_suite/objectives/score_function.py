"""Score-function gradients of the importance-weighted bound, for latents of any kind: VIMCO and OVIS."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from igr_suite.estimators.formulas import log_mean_exp, log_sum_of_others, normalised
from igr_suite.estimators.ovis import ovis_signals
from igr_suite.estimators.ovis_mc import auxiliary_baselines
from igr_suite.estimators.vimco import difference, vimco_signals
from igr_suite.objectives.base import Coefficients, Objective, register
from igr_suite.objectives.names import FACTS


@register
@dataclass(frozen=True, kw_only=True)
class VIMCO(Objective):
    """Each sample's signal against the bound with its weight replaced by a mean of the others.

        c = 0,  d_k = L_K - log 1/K (sum_{l != k} exp lw_l + mean_{l != k} exp lw_l) - w_k,  a = w

    Args:
      mean: of the other weights, "geometric" or "arithmetic".
    Source: Mnih & Rezende (2016); docs/papers/dreg.md, section 2.4.
    """

    facts = FACTS["vimco"]
    mean: str = FACTS["vimco"].options["mean"]

    def _coefficients(self, log_weights):
        w = normalised(log_weights)
        if self.mean == "geometric":
            signals = vimco_signals(log_weights)
        else:
            others = log_sum_of_others(log_weights) - np.log(log_weights.shape[0] - 1)
            # The mean of K - 1 weights and of their arithmetic mean is the mean of the K - 1 weights.
            signals = log_mean_exp(log_weights) - others
        return Coefficients(path=None, score=signals - w, generative=w)


@register
@dataclass(frozen=True, kw_only=True)
class OVISMonteCarlo(Objective):
    """The variance-optimal baseline, estimated from S auxiliary samples put in each sample's place.

        c = 0,  d_k = (L_K - w_k) - 1/S sum_s (L_K - w_k)[z_k <- z^(s)],  a = w

    The last S log-weights are those of the auxiliary samples, which the decoder has to evaluate too; their own
    coefficients are zero.

    Args:
      auxiliary: S.
    Source: Liévin et al. (2020), OVIS-MC; docs/papers/dreg.md, section 2.4.
    """

    facts = FACTS["ovis-mc"]
    auxiliary: int = FACTS["ovis-mc"].options["auxiliary"]

    @property
    def generative_family(self):
        return ("auxiliary", self.auxiliary)

    def _value(self, log_weights):
        """The bound of the K samples that are not auxiliary, [K + S, B] -> [B]."""
        return log_mean_exp(log_weights[: -self.auxiliary])

    def _coefficients(self, log_weights):
        own, auxiliary = log_weights[: -self.auxiliary], log_weights[-self.auxiliary :]
        w, absent = normalised(own), tf.zeros_like(auxiliary)
        score = difference(log_mean_exp(own), auxiliary_baselines(own, auxiliary)) - w
        return Coefficients(path=None, score=tf.concat([score, absent], 0), generative=tf.concat([w, absent], 0))


@register
@dataclass(frozen=True, kw_only=True)
class OVIS(Objective):
    """The optimal baseline's limit for large effective sample sizes; unbiased for gamma = 0, of STL's mean for gamma =
    1.

        c = 0,  d_k = gamma log(1 - 1/K) - log(1 - w_k) - (1 - gamma) w_k,  a = w

    Args:
      gamma: from 0 to 1.
    Source: Liévin et al. (2020), OVIS~; docs/papers/dreg.md, section 2.4.
    """

    facts = FACTS["ovis"]
    gamma: float = FACTS["ovis"].options["gamma"]

    def _coefficients(self, log_weights):
        w = normalised(log_weights)
        return Coefficients(path=None, score=ovis_signals(log_weights, self.gamma) - w, generative=w)
