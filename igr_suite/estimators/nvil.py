"""NVIL: REINFORCE with a learned baseline."""

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from igr_suite.estimators.base import Facts, register
from igr_suite.estimators.inputs import mean_square
from igr_suite.estimators.reinforce import ScoreEstimator, Weighted


@register
@dataclass(frozen=True, kw_only=True)
class NVIL(ScoreEstimator):
    """REINFORCE with a baseline fitted to the objective by least squares.

        g = (f(b) - B) (b - theta),   loss = mean (f(b) - B)^2

    The parameter "baseline" is one number, or the output of a model's baseline network for each example [B]; it must
    not depend on the sample.

    Source: Mnih & Gregor (2014); docs/papers/rebar.md, section 2.1.
    """

    facts: ClassVar[Facts] = Facts(
        name="nvil",
        source="Mnih & Gregor (2014)",
        support=("bernoulli", "categorical"),
        unbiased=True,
        hard=1,
        parameters=("baseline",),
        own_loss=True,
    )

    def parameters(self, shape, dtype=tf.float32):
        return {"baseline": tf.zeros([], dtype)}

    def weigh(self, values, parameters):
        residual = tf.stop_gradient(values) - parameters["baseline"]
        return Weighted(values, residual, mean_square(residual))
