"""Local expectation gradients: every variable summed out in turn, with the others as sampled."""

from dataclasses import dataclass
from typing import ClassVar

from igr_suite.estimators.base import Estimate, Estimator, Facts, register
from igr_suite.estimators.neighbours import values_at_neighbours
from igr_suite.estimators.settings import check_samples
from igr_suite.estimators.variables import kind_of


@register
@dataclass(frozen=True, kw_only=True)
class LocalExpectation(Estimator):
    """The expectation over each variable given a sample of the others.

        g_i = theta_i (1 - theta_i) [f(b_i = 1) - f(b_i = 0)],   b_j as sampled for j != i
        g_v = J_theta_v(F_v) for a categorical variable,   F_vc = f(b with variable v at category c)

    It is the conditional mean of REINFORCE for each variable given the others, for every baseline that does not depend
    on that variable, so its variance is never larger; it has none where f is a sum over the variables.

    Args:
      chunk: evaluations of each example that are made at a time; it bounds the memory and leaves the result unchanged.
    Source: Titsias & Lazaro-Gredilla (2015).
    """

    facts: ClassVar[Facts] = Facts(
        name="local_expectation",
        source="Titsias & Lazaro-Gredilla (2015)",
        support=("bernoulli", "categorical"),
        unbiased=True,
        hard="V(C-1)+1",
    )
    chunk: int = 10

    def __post_init__(self):
        check_samples("local_expectation", self.chunk, "evaluation in a chunk", least=1)

    def _estimate(self, objective, logits, noise, parameters):
        kind = kind_of(logits)
        samples = kind.hard_sample(logits, noise["u"])
        value = objective(samples)
        gaps = values_at_neighbours(objective, samples, self.chunk) - value
        return Estimate(value, samples, kind.summed_out(logits, samples, gaps))
