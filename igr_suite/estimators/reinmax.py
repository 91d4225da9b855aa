"""ReinMax: the straight-through estimator with Heun's rule in place of Euler's, also known as ZGR."""

from dataclasses import dataclass, replace
from typing import ClassVar

from igr_suite.estimators.base import Facts, register
from igr_suite.estimators.settings import check_temperature
from igr_suite.estimators.straight_through import PathwiseEstimator, StraightThrough
from igr_suite.estimators.variables import kind_of


@register
@dataclass(frozen=True, kw_only=True)
class ReinMax(PathwiseEstimator):
    """The slope at the hard sample times twice the Jacobian midway between sample and mean, less half of that at the
    mean (other name: ZGR).

        g = 2 J_m(f'(b)) - 1/2 J_theta(f'(b)),   m = (softmax(logits / t) + b) / 2   (Bernoulli: sigmoid)

    At t = 1 it is the trapezoid rule along the edges between categories, and every draw equals ZGR's

        g = 1/2 [J_theta(f'(b)) + (f'(b) . (b - theta)) (b - theta)].

    Its mean is then exact for functions that are at most quadratic along every edge of each variable, such as products
    of squares of different variables, and biased for others; f = exp(c b) h gives (c/2) coth(c/2) times the gradient.
    At other temperatures it is biased even for affine f. Below the top layer of a model it is biased in any case.

    Args:
      temperature: t; the authors recommend 1 or more.
    Source: Liu et al. (2023), algorithm 2; Shekhovtsov (2023); docs/papers/reinmax.md, section 2.1.
    """

    facts: ClassVar[Facts] = replace(
        StraightThrough.facts, name="reinmax", source="Liu et al. (2023), Shekhovtsov (2023)"
    )
    temperature: float = 1.0

    def __post_init__(self):
        check_temperature(self.temperature)

    def vjp(self, logits, noise, slope):
        kind = kind_of(logits)
        midway = (kind.mean(logits / self.temperature) + kind.hard_sample(logits, noise["u"])) / 2.0
        return 2.0 * kind.times_jacobian(midway, slope) - 0.5 * kind.times_jacobian(kind.mean(logits), slope)
