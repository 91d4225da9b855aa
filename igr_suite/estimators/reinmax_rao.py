"""ReinMax-Rao: ReinMax with its first Jacobian averaged over relaxed samples as in Gumbel-Rao."""

from dataclasses import dataclass, replace
from typing import ClassVar

import tensorflow as tf

from igr_suite.estimators.base import Facts, register
from igr_suite.estimators.distributions import bernoulli
from igr_suite.estimators.gumbel_rao import ConditionalNoise, GumbelRao, mean_relaxed_vjp
from igr_suite.estimators.variables import kind_of


def midway_logits(logits: tf.Tensor, samples: tf.Tensor) -> tf.Tensor:
    """Logits of the probabilities (theta + b) / 2, of the logits' shape; a category without mass has -inf."""
    kind = kind_of(logits)
    if kind is bernoulli:
        on, off = tf.sigmoid(logits), tf.sigmoid(-logits)
        return tf.math.log(on + samples) - tf.math.log(off + 1.0 - samples)
    return tf.math.log(kind.mean(logits) + samples)


@register
@dataclass(frozen=True, kw_only=True)
class ReinMaxRao(ConditionalNoise):
    """ReinMax with relaxed samples about the point midway between sample and mean in its first term.

        g = 2/K sum_k J_{y_k}(f'(b)) / t - 1/2 J_theta(f'(b)),   y_k = softmax(z_k / t)   (Bernoulli: sigmoid),
        z_k ~ p(z | b) for the logits log((theta + b) / 2)

    Biased even for affine f, where it is too small by a factor (.57 to .78 for three units and t from .1 to 1), which
    an optimiser such as Adam hides. Published with few runs.

    Args:
      samples: K; 100 in the paper's runs.
      temperature: t.
    Source: Wang & Bui (2026); docs/papers/reinmax.md, section 2.4.
    """

    facts: ClassVar[Facts] = replace(GumbelRao.facts, name="reinmax_rao", source="Wang & Bui (2026)", experimental=True)
    samples: int = 10
    temperature: float = 1.0

    def vjp(self, logits, noise, slope):
        kind = kind_of(logits)
        samples = kind.hard_sample(logits, noise["u"])
        midway = midway_logits(logits, samples)
        relaxed = mean_relaxed_vjp(midway, samples, noise["v"], self.temperature, slope)
        return 2.0 * relaxed - 0.5 * kind.times_jacobian(kind.mean(logits), slope)
