"""The Gapped Straight-Through estimator: a soft sample that follows from the hard one."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import tensorflow as tf

from igr_suite.checks import number
from igr_suite.errors import UserError
from igr_suite.estimators.base import Facts, register
from igr_suite.estimators.distributions import bernoulli
from igr_suite.estimators.settings import check_temperature
from igr_suite.estimators.straight_through import PathwiseEstimator, StraightThrough
from igr_suite.estimators.variables import kind_of


@register
@dataclass(frozen=True, kw_only=True)
class GST(PathwiseEstimator):
    """The slope at the hard sample times the Jacobian of the softmax of logits that are moved until the sampled
    category x leads all others by a gap.

        g = J_y(f'(b)) / t,   y = softmax(d / t),   d_x = max l,   d_j = min(l_j, max l - gap) for j other than x
        Bernoulli: y = sigmoid(d / t),   d = max(l, gap) if b = 1, min(l, -gap) if b = 0

    The moves d - l are constants: they are not differentiated.

    It has no noise but that of the sample. Where the mode is sampled and leads by the gap already, it is
    `straight_through`. Biased, even for affine f.

    Args:
      gap: a number, or "p": -log(1 - theta_x) / theta_x.
      temperature: t.
    Source: Fan et al. (2022); docs/papers/reinmax.md, section 2.3.
    """

    facts: ClassVar[Facts] = replace(StraightThrough.facts, name="gst", source="Fan et al. (2022)")
    gap: float | Literal["p"] = 1.0
    temperature: float = 1.0

    def __post_init__(self):
        if not (isinstance(self.gap, str) and self.gap == "p") and not 0.0 <= number(self.gap) < math.inf:
            raise UserError(f"gst's gap must be a finite number that is not negative, or 'p', got {self.gap!r}")
        check_temperature(self.temperature)

    def vjp(self, logits, noise, slope):
        kind = kind_of(logits)
        soft = self.soft_sample(logits, kind.hard_sample(logits, noise["u"]))
        return kind.times_jacobian(soft, slope) / self.temperature

    def soft_sample(self, logits: tf.Tensor, samples: tf.Tensor) -> tf.Tensor:
        """Returns y for hard samples b; all of the logits' shape."""
        if kind_of(logits) is bernoulli:
            towards = tf.where(samples > 0.5, logits, -logits)
            lead = tf.maximum(towards, self._gap(tf.sigmoid(towards), tf.sigmoid(-towards)))
            return tf.sigmoid(tf.where(samples > 0.5, lead, -lead) / self.temperature)
        theta, highest = tf.nn.softmax(logits), tf.reduce_max(logits, -1, keepdims=True)
        sampled = tf.reduce_sum(samples * theta, -1, keepdims=True)
        others = tf.reduce_sum((1.0 - samples) * theta, -1, keepdims=True)
        moved = tf.where(samples > 0.5, highest, tf.minimum(logits, highest - self._gap(sampled, others)))
        return tf.nn.softmax(moved / self.temperature)

    def _gap(self, sampled: tf.Tensor, others: tf.Tensor) -> tf.Tensor | float:
        """The gap where the sampled value has this probability, and all others together have the rest."""
        if self.gap != "p":
            return self.gap
        tiny = np.finfo(sampled.dtype.as_numpy_dtype).tiny
        sampled, others = tf.maximum(sampled, tiny), tf.maximum(others, tiny)
        # Each form keeps its digits where the other loses them.
        return -tf.where(sampled < 0.5, tf.math.log1p(-sampled), tf.math.log(others)) / sampled
