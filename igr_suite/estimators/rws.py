"""RWS: the wake-phase update, which follows the posterior with self-normalised weights."""

from dataclasses import dataclass
from typing import ClassVar

from igr_suite.estimators.base import Facts, MultiSampleEstimator, register
from igr_suite.estimators.formulas import log_mean_exp, normalised
from igr_suite.estimators.reinforce import ScoreEstimator, Weighted
from igr_suite.estimators.settings import check_samples


@register
@dataclass(frozen=True, kw_only=True)
class RWS(MultiSampleEstimator, ScoreEstimator):
    """Ascends -KL(p || q) with K samples of q and self-normalised weights, for the posterior p(b) ~ q(b) exp f(b), which
    is held.

        g = sum_k (w_k - 1/K) (b_k - theta),   w = softmax_k(f)

    The 1/K leaves the mean alone and lowers the variance. K = 1 gives 0; for K -> inf the mean is E_p[b] - theta. A
    model adds no direct part, because p does not depend on the logits of q.

    Args:
      samples: K.
    Source: Bornschein & Bengio (2015), wake phase of q; docs/papers/dreg.md, section 2.1.
    """

    facts: ClassVar[Facts] = Facts(
        name="rws",
        source="Bornschein & Bengio (2015)",
        support=("bernoulli", "categorical"),
        unbiased=True,
        hard="K",
        target="posterior",
    )
    samples: int = 4

    def __post_init__(self):
        check_samples("rws", self.samples, "sample", least=1)

    def weigh(self, values, parameters):
        w = normalised(values)
        return Weighted(log_mean_exp(values), w - 1.0 / self.samples, weights=w)
