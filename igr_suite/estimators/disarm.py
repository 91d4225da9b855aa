"""DisARM: an antithetic pair of Bernoulli samples with the pair's noise integrated out."""

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from igr_suite.estimators.arm import antithetic_pair
from igr_suite.estimators.base import Estimate, Estimator, Facts, register
from igr_suite.estimators.distributions.bernoulli import antithetic_factor
from igr_suite.estimators.reinforce import score_term


@register
@dataclass(frozen=True, kw_only=True)
class DisARM(Estimator):
    """The conditional mean of ARM given the pair of samples, also known as U2G.

        g = 1/2 (f(b) - f(b')) (-1)^b' [b != b'] sigmoid(|logits|),   b = [u > 1 - theta],  b' = [u < theta]

    Its variance is never larger than ARM's.

    Source: Dong, Mnih & Tucker (2020); Yin et al. (2020); docs/papers/rebar.md, section 2.9.
    """

    facts: ClassVar[Facts] = Facts(
        name="disarm", source="Dong et al. (2020), Yin et al. (2020)", support=("bernoulli",), unbiased=True, hard=2
    )

    def _estimate(self, objective, logits, noise, parameters):
        pair = antithetic_pair(logits, noise["u"])
        values = objective(pair)
        signal = score_term(0.5 * (values[0] - values[1]), antithetic_factor(logits, pair[0], pair[1]))
        return Estimate(tf.reduce_mean(values, 0), pair, signal)
