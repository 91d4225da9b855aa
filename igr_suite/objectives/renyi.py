"""The variational Rényi bound of K samples: its total derivative, and with its score reparameterised."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from igr_suite.estimators.formulas import normalised
from igr_suite.objectives.base import Coefficients, Objective, register
from igr_suite.objectives.names import FACTS


@dataclass(frozen=True, kw_only=True)
class _VRIWAE(Objective):
    alpha: float = FACTS["vr-iwae"].options["alpha"]

    @property
    def generative_family(self):
        return ("renyi", self.alpha) if self.alpha else ("weights",)

    def _value(self, log_weights):
        """1 / (1 - alpha) log mean_k exp((1 - alpha) lw_k), [K, B] -> [B]; without the difference of two logarithms, of
        which few digits would remain where alpha is nearly 1."""
        largest = tf.stop_gradient(tf.reduce_max(log_weights, 0))
        largest = tf.where(tf.equal(largest, -np.inf), tf.zeros_like(largest), largest)
        order = 1.0 - self.alpha
        return largest + tf.math.log1p(tf.reduce_mean(tf.math.expm1(order * (log_weights - largest)), 0)) / order

    def _weights(self, log_weights: tf.Tensor) -> tf.Tensor:
        """W = softmax_k((1 - alpha) lw), [K, B] -> [K, B]."""
        return normalised((1.0 - self.alpha) * log_weights)


@register
@dataclass(frozen=True, kw_only=True)
class VRIWAE(_VRIWAE):
    """Total derivative of 1 / (1 - alpha) log mean_k exp((1 - alpha) lw_k), which falls with alpha from L_K to
    the mean of lw.

        c = W,  d = -W,  a = W,   W = softmax_k((1 - alpha) lw)

    alpha = 0 is IWAE. A negative alpha would make it an upper bound in the limit of many samples, and is refused.

    Args:
      alpha: order of the Rényi divergence, at least 0 and less than 1.
    Source: Li & Turner (2016); Daudel et al. (2023).
    """

    facts = FACTS["vr-iwae"]

    def _coefficients(self, log_weights):
        w = self._weights(log_weights)
        return Coefficients(path=w, score=-w, generative=w, ratio=tf.ones_like(w))


@register
@dataclass(frozen=True, kw_only=True)
class ReparameterisedVRIWAE(_VRIWAE):
    """VR-IWAE with its score reparameterised.

        c = alpha W + (1 - alpha) W^2,  d = 0,  a = W,   W = softmax_k((1 - alpha) lw)

    For fixed other samples E[W_k s_k] = E[dW_k/dz_k dz_k/dphi] and dW_k/dz_k = (1 - alpha) (W_k - W_k^2) v_k, so the
    score term -W leaves alpha W + (1 - alpha) W^2. alpha = 0 is DReG.

    Args:
      alpha: as of VR-IWAE.
    Source: Daudel et al. (2023), with Tucker et al. (2019).
    """

    facts = FACTS["vr-iwae-dreg"]

    def _coefficients(self, log_weights):
        w = self._weights(log_weights)
        ratio = self.alpha + (1.0 - self.alpha) * w
        return Coefficients(path=ratio * w, score=None, generative=w, ratio=ratio)
