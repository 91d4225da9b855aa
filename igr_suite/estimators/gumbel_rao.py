"""Gumbel-Rao: straight-through Gumbel-Softmax averaged over noise that gives the same hard sample."""

from dataclasses import dataclass, replace
from typing import ClassVar

import tensorflow as tf

from igr_suite.estimators.base import Facts, register
from igr_suite.estimators.inputs import uniforms
from igr_suite.estimators.settings import check_samples, check_temperature
from igr_suite.estimators.straight_through import PathwiseEstimator, StraightThrough
from igr_suite.estimators.variables import kind_of


def mean_relaxed_vjp(
    logits: tf.Tensor, samples: tf.Tensor, v: tf.Tensor, temperature: float, slope: tf.Tensor
) -> tf.Tensor:
    """The slope times the mean Jacobian of relaxed samples that have a given hard sample.

        1/K sum_k J_{y_k}(slope) / t,   y_k = softmax(z_k / t)   (Bernoulli: sigmoid),   z_k ~ p(z | b; logits)

    The noisy logits z_k are constants here. Differentiated as a function of the logits and the noise, their mean would
    no longer be that of the free z, because the condition itself depends on the logits.

    Args:
      logits: [B, D] or [B, V, C].
      samples: b, of the logits' shape.
      v: uniforms of the z_k [K, ...].
      temperature: t.
      slope: of the logits' shape.
    Returns:
      The logits' shape.
    """
    kind = kind_of(logits)
    relaxed = kind.conditional_relaxed_sample(logits, samples, v, temperature)
    return tf.reduce_mean(kind.times_jacobian(relaxed, slope), 0) / temperature


@dataclass(frozen=True, kw_only=True)
class ConditionalNoise(PathwiseEstimator):
    """Base of estimators with K draws of the noise given the hard sample: noise {"u": [B, ...], "v": [K, B, ...]}.

    Args:
      samples: K.
      temperature: t of the relaxed samples.
    """

    samples: int
    temperature: float

    def __post_init__(self):
        check_samples(self.facts.name, self.samples, "sample", least=1)
        check_temperature(self.temperature)

    def noise(self, shape, seed, dtype=tf.float32):
        drawn = uniforms(shape, seed, dtype, 1 + self.samples)
        return {"u": drawn[0], "v": drawn[1:]}


@register
@dataclass(frozen=True, kw_only=True)
class GumbelRao(ConditionalNoise):
    """Straight-through Gumbel-Softmax with its mean over the noise given the hard sample estimated from K draws.

        g = 1/K sum_k J_{y_k}(f'(b)) / t,   y_k = softmax(z_k / t)   (Bernoulli: sigmoid),   z_k ~ p(z | b)

    Its mean is that of `st_gumbel_softmax` at the same temperature, bias included, for every K; of the variance, the
    part that is due to the noise given b falls as 1/K. As t falls and K grows it tends to `reinmax` at temperature 1.
    One evaluation of f and one slope serve all K draws.

    Args:
      samples: K; 10, 100 and 1000 in the paper.
      temperature: t.
    Source: Paulus, Maddison & Krause (2021); docs/papers/reinmax.md, section 2.2.
    """

    facts: ClassVar[Facts] = replace(StraightThrough.facts, name="gumbel_rao", source="Paulus et al. (2021)")
    samples: int = 10
    temperature: float = 0.5

    def vjp(self, logits, noise, slope):
        samples = kind_of(logits).hard_sample(logits, noise["u"])
        return mean_relaxed_vjp(logits, samples, noise["v"], self.temperature, slope)
