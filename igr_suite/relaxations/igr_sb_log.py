"""IGR-SB-Log: stick-breaking with full support, all K categories reachable and an exact discrete limit."""

from igr_suite.relaxations.igr_sb import StickBreakingRelaxation
from igr_suite.relaxations.registry import register
from igr_suite.relaxations.stick_breaking import StickBreakingLogRatios


@register("IGR_SB_Log")
class IGRSBLog(StickBreakingRelaxation):
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
