"""ARM: an antithetic pair of Bernoulli samples, weighted by the uniform that made them."""

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from igr_suite.estimators.base import Estimate, Estimator, Facts, register
from igr_suite.estimators.distributions import bernoulli
from igr_suite.estimators.reinforce import score_term


def antithetic_pair(logits: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
    """(b, b') = ([u > 1 - theta], [u < theta]), [2, ..., D]."""
    return tf.stack([bernoulli.hard_sample(logits, u), bernoulli.antithetic_sample(logits, u)])


@register
@dataclass(frozen=True, kw_only=True)
class ARM(Estimator):
    """Augment-REINFORCE-merge.

        g = (f(b) - f(b')) (u - 1/2),   b = [u > 1 - theta],  b' = [u < theta]

    Source: Yin & Zhou (2019); docs/papers/rebar.md, section 2.9.
    """

    facts: ClassVar[Facts] = Facts(
        name="arm", source="Yin & Zhou (2019)", support=("bernoulli",), unbiased=True, hard=2
    )

    def _estimate(self, objective, logits, noise, parameters):
        pair = antithetic_pair(logits, noise["u"])
        values = objective(pair)
        return Estimate(tf.reduce_mean(values, 0), pair, signal=score_term(values[0] - values[1], noise["u"] - 0.5))
