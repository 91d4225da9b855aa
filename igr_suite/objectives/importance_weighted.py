"""The importance-weighted bound and three gradients for its inference network: total derivative, path only, doubly
reparameterised."""

from dataclasses import dataclass

import tensorflow as tf

from igr_suite.estimators.formulas import normalised
from igr_suite.objectives.base import Coefficients, Objective, register
from igr_suite.objectives.names import FACTS


@register
@dataclass(frozen=True, kw_only=True)
class IWAE(Objective):
    """Total derivative of L_K, path and score.

        c = w,  d = -w,  a = w

    Source: Burda et al. (2016); docs/papers/dreg.md, section 2.1.
    """

    facts = FACTS["iwae"]

    def _coefficients(self, log_weights):
        w = normalised(log_weights)
        return Coefficients(path=w, score=-w, generative=w, ratio=tf.ones_like(w))


@register
@dataclass(frozen=True, kw_only=True)
class STL(Objective):
    """The total derivative with its score term dropped; biased for K > 1.

        c = w,  d = 0,  a = w;   its mean is that of IWAE plus that of RWS

    Source: Roeder et al. (2017), applied to K samples; docs/papers/dreg.md, section 2.1.
    """

    facts = FACTS["stl"]

    def _coefficients(self, log_weights):
        w = normalised(log_weights)
        return Coefficients(path=w, score=None, generative=w, ratio=tf.ones_like(w))


@register
@dataclass(frozen=True, kw_only=True)
class DReG(Objective):
    """The score term reparameterised a second time.

        c = w^2,  d = 0,  a = w

    For fixed other samples E[w_k s_k] = E[dw_k/dz_k dz_k/dphi] and dw_k/dz_k = (w_k - w_k^2) v_k, so the score term -w
    leaves w^2.

    Source: Tucker et al. (2019), IWAE-DReG; docs/papers/dreg.md, section 2.1.
    """

    facts = FACTS["dreg"]

    def _coefficients(self, log_weights):
        w = normalised(log_weights)
        return Coefficients(path=w * w, score=None, generative=w, ratio=w)


@register
@dataclass(frozen=True, kw_only=True)
class NormalisedDReG(Objective):
    """DReG's coefficients scaled to sum to one; a heuristic.

        c = w^2 / sum w^2,  d = 0,  a = w

    Source: the code of Tucker et al. (2019); docs/papers/dreg.md, section 2.1.
    """

    facts = FACTS["dreg-norm"]

    def _coefficients(self, log_weights):
        w = normalised(log_weights)
        return Coefficients(
            path=normalised(2.0 * log_weights), score=None, generative=w, ratio=w / tf.reduce_sum(w * w, 0)
        )
