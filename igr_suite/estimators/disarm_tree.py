"""DisARM-Tree: an antithetic pair of categorical samples by the turns in a binary tree."""

from dataclasses import dataclass
from typing import ClassVar

from igr_suite.estimators.base import Facts, register
from igr_suite.estimators.distributions.tree import Tree
from igr_suite.estimators.walks import WalkDisARM


@register
@dataclass(frozen=True, kw_only=True)
class DisARMTree(WalkDisARM):
    """DisARM for the turns of two walks through a binary tree whose leaves are the categories.

        s_n = 1/2 (f - f') (b_n - b'_n) sigmoid(|phi_n|)   for nodes on both walks
        s_n = 1/2 (f - f') (b_n - p_n)                     for those on the first alone
        s_n = 1/2 (f' - f) (b'_n - p_n)                    for those on the second alone
        phi_n = log P(right of n) - log P(left of n),   p_n = sigmoid(phi_n),   b_n = [u_n > 1 - p_n],   b'_n = [u_n < p_n]

    s is the gradient with respect to phi, which makes that with respect to the logits. A sample has log2 C decisions in
    place of stick breaking's C - 1 at most. The tree is complete for any number of categories.

    Source: Dong, Mnih & Tucker (2021), for powers of two; docs/papers/rebar.md, section 2.11.
    """

    facts: ClassVar[Facts] = Facts(
        name="disarm_tree", source="Dong et al. (2021)", support=("categorical",), unbiased=True, hard=2
    )

    def decisions(self, logits):
        return Tree(logits)
