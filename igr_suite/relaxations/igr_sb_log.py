"""IGR-SB-Log: stick-breaking with full support, all K categories reachable and an exact discrete limit."""

import tensorflow as tf

from igr_suite.relaxations.gaussian import GaussianRelaxation
from igr_suite.relaxations.registry import register
from igr_suite.relaxations.stick_breaking import StickBreakingLogRatios
from igr_suite.relaxations.stick_prior import uniform_stick_loc


@register("IGR_SB_Log")
class IGRSBLog(GaussianRelaxation):
    """psi = softmax(log eta / temperature), eta the K-1 pieces of the stick and its remainder.

    In log-ratios to the remainder this is softmax++ with delta = 1, and the map from the Gaussian has a unit Jacobian.

    Args:
      loc: stick locations [B, V, K-1].
      log_scale: [B, V, K-1].
      temperature: positive; number or tensor broadcasting against [B, V]. As it falls, psi -> one_hot(argmax eta).
    Raises:
      UserError: temperature not positive.
    Source: this project, a variant of the stick-breaking of Potapczynski et al. (2020), section 3.2.
    """

    def __init__(self, loc, log_scale, temperature, name: str = "IGRSBLog"):
        super().__init__(loc, log_scale, temperature, 1.0, StickBreakingLogRatios(), dict(locals()), name)

    @classmethod
    def uniform_prior(cls, categories: int, temperature, dtype: tf.DType = tf.float32) -> "IGRSBLog":
        """The distribution with unit scales and E[eta_k] = 1/K for all K pieces, see `uniform_stick_loc`."""
        return cls(uniform_stick_loc(categories, dtype), tf.zeros([categories - 1], dtype), temperature)
