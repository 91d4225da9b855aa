"""ARMS: K mutually antithetic Bernoulli samples from a Dirichlet copula."""

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from igr_suite.estimators.base import Estimate, Facts, MultiSampleEstimator, register
from igr_suite.estimators.distributions import bernoulli
from igr_suite.estimators.reinforce import sum_of_others
from igr_suite.estimators.rloo import leave_one_out


def antithetic_samples(logits: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
    """K negatively dependent samples: w_k = (1 - d_k)^(K-1), d ~ Dirichlet(1), is uniform; b_k = [w_k < theta].

    Where theta > 1/2 the mirrored 1 - w_k is used, so that the rarer value is the one that the samples rarely take
    together.

    Args:
      logits: [B, D].
      u: [K, B, D].
    Returns:
      [K, B, D].
    """
    exponential = -tf.math.log(u)
    others = sum_of_others(exponential)
    w = tf.pow(others / (others + exponential), u.shape[0] - 1.0)
    likely = tf.cast(w > tf.sigmoid(-tf.abs(logits)), u.dtype)  # whether the sample has the more probable value
    return tf.where(logits < 0.0, 1.0 - likely, likely)


def debiasing(logits: tf.Tensor, samples: int) -> tf.Tensor:
    """D = theta (1 - theta) / (theta - P(b_j = b_k = 1)) = sigmoid(|l|) / (1 - max(0, 2 - q^(-1/(K-1)))^(K-1)), q =
    sigmoid(-|l|).

    The second form has no cancellation and needs no guard.
    """
    root = tf.exp(tf.nn.softplus(tf.abs(logits)) / (samples - 1.0))
    return tf.sigmoid(tf.abs(logits)) / (1.0 - tf.pow(tf.nn.relu(2.0 - root), samples - 1.0))


@register
@dataclass(frozen=True, kw_only=True)
class ARMS(MultiSampleEstimator):
    """Leave-one-out over antithetic samples, rescaled for their dependence; K = 2 is DisARM.

        g = D/(K - 1) sum_k (f_k - mean f) (b_k - theta),   D = theta (1 - theta) / (theta - P(b_j = b_k = 1))

    Args:
      samples: K.
    Source: Dimitriev & Zhou (2021), Dirichlet copula; docs/papers/rebar.md, section 2.9.
    """

    facts: ClassVar[Facts] = Facts(
        name="arms", source="Dimitriev & Zhou (2021)", support=("bernoulli",), unbiased=True, hard="K"
    )
    samples: int = 4

    def _estimate(self, objective, logits, noise, parameters):
        samples = antithetic_samples(logits, noise["u"])
        values = objective(samples)
        signal = debiasing(logits, self.samples) * leave_one_out(values, bernoulli.score(logits, samples))
        return Estimate(tf.reduce_mean(values, 0), samples, signal)
