"""Local DisARM: antithetic pairs for the multi-sample bound."""

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from igr_suite.estimators.arm import antithetic_pair
from igr_suite.estimators.base import Estimate, Facts, MultiSampleEstimator, register
from igr_suite.estimators.distributions.bernoulli import antithetic_factor
from igr_suite.estimators.formulas import log_mean_exp
from igr_suite.estimators.names import Route
from igr_suite.estimators.reinforce import sum_of_scores
from igr_suite.estimators.settings import check_samples
from igr_suite.estimators.vimco import bounds_with_one_replaced, difference


@register
@dataclass(frozen=True, kw_only=True)
class LocalDisARM(MultiSampleEstimator):
    """DisARM for each of the K samples of L = log mean_k exp f(b_k), with the other samples held.

        g = sum_k 1/2 (L - L[b_k -> b_k']) (-1)^b_k' [b_k != b_k'] sigmoid(|logits|)

    K = 1 is DisARM. Where f depends on parameters directly, a model adds the gradient of L through f.

    Args:
      samples: K pairs.
    Source: Dong, Mnih & Tucker (2020), section 4; docs/papers/rebar.md, section 2.9.
    """

    facts: ClassVar[Facts] = Facts(
        name="local_disarm",
        source="Dong et al. (2020)",
        support=("bernoulli",),
        unbiased=True,
        hard="2K",
        target="multi_sample_bound",
    )
    route: ClassVar[Route] = "pairs"
    samples: int = 4

    def __post_init__(self):
        check_samples("local_disarm", self.samples, "pair of samples", least=1)

    def _estimate(self, objective, logits, noise, parameters):
        samples, mirrored = tf.unstack(antithetic_pair(logits, noise["u"]))
        values, mirrored_values = tf.unstack(objective(tf.stack([samples, mirrored])))
        value, gaps = self.weigh_pairs(values, mirrored_values)
        return Estimate(value, samples, sum_of_scores(gaps, antithetic_factor(logits, samples, mirrored)))

    def weigh_pairs(self, values: tf.Tensor, mirrored_values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns L [B], and half of what each sample adds to it against its mirrored one [K, B]; arguments [K, B]."""
        value = log_mean_exp(values)
        return value, 0.5 * difference(value, bounds_with_one_replaced(values, mirrored_values))
