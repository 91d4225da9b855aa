"""SimpleMuProp: the objective at the mean field as a control variate for REINFORCE."""

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from igr_suite.estimators.base import Estimate, Estimator, Facts, register
from igr_suite.estimators.inputs import mean_square
from igr_suite.estimators.muprop import mean_above
from igr_suite.estimators.reinforce import score_term
from igr_suite.estimators.variables import kind_of


@register
@dataclass(frozen=True, kw_only=True)
class SimpleMuProp(Estimator):
    """REINFORCE centred by the objective at the mean of b, which does not depend on the sample.

        g = (f(b) - eta f(theta) - B) (b - theta),   loss = mean (f(b) - eta f(theta) - B)^2

    Source: Tucker et al. (2017); docs/papers/rebar.md, section 2.2.
    """

    facts: ClassVar[Facts] = Facts(
        name="simple_muprop",
        source="Tucker et al. (2017)",
        support=("bernoulli", "categorical"),
        unbiased=True,
        hard=1,
        relaxed=1,
        parameters=("eta", "baseline"),
        own_loss=True,
    )

    def parameters(self, shape, dtype=tf.float32):
        return {"eta": tf.ones([], dtype), "baseline": tf.zeros([], dtype)}

    def _estimate(self, objective, logits, noise, parameters):
        kind = kind_of(logits)
        samples = kind.hard_sample(logits, noise["u"])
        value, centre = objective(samples), objective(kind.mean(logits), above=mean_above)
        residual = tf.stop_gradient(value) - parameters["eta"] * tf.stop_gradient(centre) - parameters["baseline"]
        signal = score_term(residual, kind.score(logits, samples))
        return Estimate(value, samples, signal, loss=mean_square(residual))
