"""RODEO: RLOO with two control variates that a discrete Stein operator makes of a small network."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import tensorflow as tf

from igr_suite.estimators.base import Estimate, Facts, MultiSampleEstimator, register
from igr_suite.estimators.reinforce import inner_product, mean_of_others, score_term
from igr_suite.estimators.relax import NET, glorot_uniform
from igr_suite.estimators.settings import check_samples
from igr_suite.estimators.straight_through import straight_through_above, value_and_slope
from igr_suite.estimators.variables import kind_of, per_variable

UNITS = 50  # of the hidden layer, computed at a time for all neighbours; it bounds the memory
# (s, f(b_j)) -> (H0, H1), elementwise
Net = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


def stein_net(weights: Mapping[str, tf.Tensor], s: tf.Tensor, value: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """(H0, H1) = LeakyReLU(s w_s + f w_f + c) W + d with slope .3, one hidden layer; s and f broadcast to one shape."""
    outputs = weights["output_bias"]
    for first in range(0, weights["hidden_bias"].shape[0], UNITS):
        some = slice(first, first + UNITS)
        shift = value[..., tf.newaxis] * weights["value_kernel"][some] + weights["hidden_bias"][some]
        hidden = tf.nn.leaky_relu(s[..., tf.newaxis] * weights["slope_kernel"][some] + shift, 0.3)
        outputs = outputs + tf.tensordot(hidden, weights["output_kernel"][some], 1)
    return outputs[..., 0], outputs[..., 1]


def rodeo_gradient(
    values: tf.Tensor, slopes: tf.Tensor, samples: tf.Tensor, logits: tf.Tensor, net: Net, alpha, beta
) -> tf.Tensor:
    """The formula of `Rodeo` for K samples.

    Args:
      values: f(b_k) [K, B].
      slopes: f'(b_k), shape of the samples.
      samples: b_k [K, B, D] or [K, B, V, C].
      logits: [B, D] or [B, V, C].
      net: H.
      alpha, beta: scales of the control variates.
    Returns:
      Shape of the logits.
    """
    kind, count = kind_of(logits), samples.shape[0]
    score = kind.score(logits, samples)
    others = np.array([[j for j in range(count) if j != k] for k in range(count)])  # of each sample [K, K - 1]
    of_others = [tf.stop_gradient(tf.gather(tensor, others)) for tensor in (values, slopes, samples)]
    other_values, other_slopes, other_samples = of_others
    # s_k at the sample [K, K - 1, B], and its change at each neighbour [O, K, K - 1, B, V]
    at_sample = inner_product(other_slopes, samples[:, tf.newaxis] - other_samples, logits)
    changes = kind.other_values(samples) - samples
    of_neighbours = changes[:, :, tf.newaxis] * other_slopes
    if logits.shape.rank == 3:
        of_neighbours = tf.reduce_sum(of_neighbours, -1)
    at_neighbours = at_sample[..., tf.newaxis] + of_neighbours
    here = [tf.reduce_mean(h, 1) for h in net(at_sample, other_values)]  # [K, B]
    there = [tf.reduce_mean(h, 2) for h in net(at_neighbours, other_values[..., tf.newaxis])]  # [O, K, B, V]
    variables = tf.cast(tf.shape(logits)[1], logits.dtype)
    weights = kind.probability(logits, kind.other_values(samples)) / variables  # [O, K, B, V]

    def stein(h: int) -> tf.Tensor:
        """(A H_h)(b_k) [K, B]."""
        return tf.reduce_sum(weights * (there[h] - here[h][..., tf.newaxis]), [0, -1])

    baseline = mean_of_others(values + alpha * stein(0))
    coefficient = values - baseline + beta * stein(1)
    moved = tf.reduce_sum(per_variable(weights * there[1], changes) * changes, 0)
    return tf.reduce_mean(score_term(coefficient, score) + beta * moved, 0)


@register
@dataclass(frozen=True, kw_only=True)
class Rodeo(MultiSampleEstimator):
    """RLOO whose baselines and whose terms carry control variates from a discrete Stein operator A.

        g = 1/K sum_k { [f_k - mean_{j != k} (f_j + alpha (A H0_j)(b_j))] (b_k - theta) + beta (A [H1_k (. - theta)])(b_k) }
        (A h)(b) = 1/V sum_i sum_c theta_ic [h(b with b_i = c) - h(b)],   E[(A h)(b)] = 0
        H_k(x) = mean_{j != k} net(f'(b_j) . (x - b_j), f_j)

    For Bernoulli variables A sums over flips. Unbiased for all alpha, beta and nets; alpha = beta = 0, at which they begin,
    is RLOO. The parameters are trained on the variance of g. The net reads numbers only, so there are no evaluations of f
    beside the K samples'.

    Args:
      samples: K.
      hidden: units of the net's hidden layer.
    Source: Shi et al. (2022); docs/papers/rebar.md, section 2.9. The paper has Bernoulli variables.
    """

    facts: ClassVar[Facts] = Facts(
        name="rodeo",
        source="Shi et al. (2022)",
        support=("bernoulli", "categorical"),
        unbiased=True,
        hard="K",
        differentiates=True,
        parameters=("alpha", "beta", "net"),
    )
    samples: int = 2
    hidden: int = 100

    def __post_init__(self):
        super().__post_init__()
        check_samples("rodeo", self.hidden, "hidden unit", least=1)

    def parameters(self, shape, dtype=tf.float32):
        units = self.hidden
        net = {
            "slope_kernel": glorot_uniform(1, units, 0, dtype)[0],
            "value_kernel": glorot_uniform(1, units, 1, dtype)[0],
            "hidden_bias": tf.zeros([units], dtype),
            "output_kernel": glorot_uniform(units, 2, 2, dtype),
            "output_bias": tf.zeros([2], dtype),
        }
        scales = {"alpha": tf.zeros([], dtype), "beta": tf.zeros([], dtype)}
        return {**scales, **{NET + name: value for name, value in net.items()}}

    def _estimate(self, objective, logits, noise, parameters):
        samples = kind_of(logits).hard_sample(logits, noise["u"])
        values, slopes = value_and_slope(objective, samples, straight_through_above)
        weights = {name.removeprefix(NET): value for name, value in parameters.items() if name.startswith(NET)}
        net = functools.partial(stein_net, weights)
        signal = rodeo_gradient(values, slopes, samples, logits, net, parameters["alpha"], parameters["beta"])
        return Estimate(tf.reduce_mean(values, 0), samples, signal)
