"""The wake-phase update of the inference network, by its score or reparameterised, and mixtures with DReG."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from igr_suite.estimators.formulas import log_other_weight, normalised
from igr_suite.objectives.base import Coefficients, Objective, register
from igr_suite.objectives.names import FACTS


def other_weight(log_weights: tf.Tensor) -> tf.Tensor:
    """1 - w_k without cancellation, [K, B] -> [K, B]."""
    return tf.exp(log_other_weight(log_weights))


@register
@dataclass(frozen=True, kw_only=True)
class RWS(Objective):
    """Ascends -KL(p(z|x) || q), self-normalised; its inference gradient needs no pass through the decoder.

        c = 0,  d = w,  a = w

    Source: Bornschein & Bengio (2015), wake phase for phi; docs/papers/dreg.md, section 2.1.
    """

    facts = FACTS["rws"]

    def _coefficients(self, log_weights):
        w = normalised(log_weights)
        return Coefficients(path=None, score=w, generative=w)


@register
@dataclass(frozen=True, kw_only=True)
class ReparameterisedRWS(Objective):
    """The wake update with its score reparameterised; zero for K = 1.

        c = w - w^2,  d = 0,  a = w

    Source: Tucker et al. (2019), RWS-DReG; docs/papers/dreg.md, section 2.1.
    """

    facts = FACTS["rws-dreg"]

    def _coefficients(self, log_weights):
        w, rest = normalised(log_weights), other_weight(log_weights)
        return Coefficients(path=w * rest, score=None, generative=w, ratio=rest)


@register
@dataclass(frozen=True, kw_only=True)
class NormalisedRWS(Objective):
    """RWS-DReG's coefficients scaled to sum to one; a heuristic, 0/0 at K = 1.

        c = (w - w^2) / sum (w - w^2),  d = 0,  a = w

    Where one sample has all the weight the proportions are not defined either; c is 0 there.

    Source: the code of Tucker et al. (2019); docs/papers/dreg.md, section 2.1.
    """

    facts = FACTS["rws-dreg-norm"]

    def _coefficients(self, log_weights):
        # In logarithms: where one weight is nearly 1, every w (1 - w) may underflow although their proportions are well
        # defined. Where one weight is exactly 1, every w (1 - w) is 0.
        log_path = log_weights + log_other_weight(log_weights)
        undefined = tf.reduce_all(tf.equal(log_path, -np.inf), axis=0, keepdims=True)
        path = tf.where(undefined, tf.zeros_like(log_path), normalised(log_path))
        return Coefficients(path=path, score=None, generative=normalised(log_weights))


@register
@dataclass(frozen=True, kw_only=True)
class MixedDReG(Objective):
    """(1 - alpha) DReG + alpha RWS-DReG; alpha = 1/2 is half of STL.

        c = alpha w + (1 - 2 alpha) w^2,  d = 0,  a = w

    Args:
      alpha: weight of RWS-DReG, from 0 to 1.
    Source: Tucker et al. (2019), DReG(alpha); docs/papers/dreg.md, section 2.1.
    """

    facts = FACTS["dreg-alpha"]
    alpha: float = FACTS["dreg-alpha"].options["alpha"]

    def _coefficients(self, log_weights):
        w, rest = normalised(log_weights), other_weight(log_weights)
        ratio = (1.0 - self.alpha) * w + self.alpha * rest
        return Coefficients(path=ratio * w, score=None, generative=w, ratio=ratio)
