"""Concrete / Gumbel-Softmax: the gradient of the relaxed objective, biased for the discrete one."""

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from igr_suite.estimators.base import Estimate, Facts, register
from igr_suite.estimators.derivatives import derivative
from igr_suite.estimators.distributions.bernoulli import Relaxed
from igr_suite.estimators.rebar import relaxed_of
from igr_suite.estimators.settings import check_choices, check_temperature
from igr_suite.estimators.straight_through import PathwiseEstimator
from igr_suite.estimators.variables import kind_of


@register
@dataclass(frozen=True, kw_only=True)
class Concrete(PathwiseEstimator):
    """Reparameterised gradient of E[f(y(z))], the relaxation's objective; `value` is f at the hard sample.

        g = d f(y(z)) / d logits,   z = logits + logit(u)   (categorical: log theta + Gumbel noise)

    Biased for E[f(b)] by the distance between the two objectives. Where f reads the logits tensor itself, that
    dependence is differentiated too (but not for logits in half precision, which are converted to float32 first).

    Args:
      temperature: of the relaxation.
      relaxation: "concrete", or REBAR's "improved" one, whose own dependence on the logits is differentiated too.
    Source: Maddison et al. (2017); Jang et al. (2017); docs/papers/rebar.md, section 2.7.
    """

    facts: ClassVar[Facts] = Facts(
        name="concrete",
        source="Maddison et al. (2017), Jang et al. (2017)",
        support=("bernoulli", "categorical"),
        unbiased=False,
        hard=0,
        relaxed=1,
        differentiates=True,
    )
    reads_logits: ClassVar[bool] = True
    temperature: float = 0.5
    relaxation: Relaxed = "concrete"

    def __post_init__(self):
        check_temperature(self.temperature)
        check_choices(self)

    def sample(self, logits, noise):
        z = kind_of(logits).noisy_logits(logits, noise["u"])
        return relaxed_of(logits, z, self.temperature, self.relaxation)

    def _estimate(self, objective, logits, noise, parameters):
        kind = kind_of(logits)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(logits)
            relaxed = objective(self.sample(logits, noise))
        gradient = derivative(tape, relaxed, logits)
        samples = kind.hard_sample(logits, noise["u"])
        return Estimate(objective(samples), samples, signal=gradient)
