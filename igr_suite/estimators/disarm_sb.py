"""DisARM-SB: an antithetic pair of categorical samples by stick breaking."""

from dataclasses import dataclass
from typing import ClassVar

from igr_suite.estimators.base import Facts, register
from igr_suite.estimators.distributions.sticks import Order, Sticks
from igr_suite.estimators.settings import check_choices
from igr_suite.estimators.walks import WalkDisARM


@register
@dataclass(frozen=True, kw_only=True)
class DisARMSB(WalkDisARM):
    """DisARM for the sticks of categorical variables: category after category, whether the variable takes it.

        s_i = 1/2 (f - f') (b_i - b'_i) sigmoid(|phi_i|)   for sticks that both samples meet, i <= min(z, z')
        s_i = 1/2 (f - f') (b_i - p_i)                     for those that the first alone meets, z' < i <= z
        s_i = 1/2 (f' - f) (b'_i - p_i)                    for those that the second alone meets, z < i <= z'
        phi_i = l_i - log sum_{j > i} exp l_j,   p_i = sigmoid(phi_i),   b_i = [u_i > 1 - p_i],   b'_i = [u_i < p_i]

    s is the gradient with respect to phi, which makes that with respect to the logits l. Two categories make DisARM. The
    variant with importance weights, DisARM-IW, is `carms` with two samples.

    Args:
      order: in which categories have their turn: by "ascending" or "descending" probability, or "unsorted", as they are
        numbered. It is unbiased in each; none has the least variance for all objectives.
    Source: Dong, Mnih & Tucker (2021); docs/papers/rebar.md, section 2.11.
    """

    facts: ClassVar[Facts] = Facts(
        name="disarm_sb", source="Dong et al. (2021)", support=("categorical",), unbiased=True, hard=2
    )
    order: Order = "ascending"

    def __post_init__(self):
        check_choices(self)

    def decisions(self, logits):
        return Sticks(logits, self.order)
