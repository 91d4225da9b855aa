"""DynamicREBAR: REBAR whose temperature is trained on the variance of its gradient."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import tensorflow as tf

from igr_suite.estimators.base import register
from igr_suite.estimators.rebar import Rebar


@register
@dataclass(frozen=True, kw_only=True)
class DynamicRebar(Rebar):
    """REBAR with the temperature among its own parameters.

        V = mean g^2,   log t <- log t - rate dV/dlog t

    Since the mean of g does not depend on the temperature, dV is the derivative of the variance.

    Args:
      temperature: the initial one.
    Source: Tucker et al. (2017), section 3.3; docs/papers/rebar.md, section 2.5.
    """

    facts: ClassVar = replace(Rebar.facts, name="dynamic_rebar", parameters=("eta", "baseline", "log_temperature"))

    def parameters(self, shape, dtype=tf.float32):
        return {**super().parameters(shape, dtype), "log_temperature": tf.constant(math.log(self.temperature), dtype)}

    def _temperature(self, parameters):
        return tf.exp(parameters["log_temperature"])
