"""ARSM: the noise of two categories is swapped, for every two of them."""

import itertools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import tensorflow as tf

from igr_suite.estimators.base import Estimate, Estimator, Facts, register
from igr_suite.estimators.distributions import categorical
from igr_suite.estimators.distributions.decisions import known_categories


def swapped_samples(logits: tf.Tensor, u: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
    """Samples whose categories have each other's uniforms.

    Args:
      logits: [B, V, C].
      u: [B, V, C].
      places: of the uniform that each category has in each sample, [H, C], or [B, H, C] for examples of their own.
    Returns:
      [H, B, V, C]; each of them has the distribution of the logits.
    """
    by_example = int(places.shape.rank == 3)
    swapped = tf.gather(categorical.gumbel(u), places, axis=2, batch_dims=by_example)  # [B, V, H, C]
    return categorical.largest(categorical.log_mean(logits) + tf.transpose(swapped, (2, 0, 1, 3)))


def shares(u: tf.Tensor) -> tf.Tensor:
    """pi ~ Dirichlet(1, ..., 1), the exponentials -log u divided by their sum [B, V, C]."""
    exponential = -tf.math.log(u)
    return exponential / tf.reduce_sum(exponential, -1, keepdims=True)


def unmasked(logits: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    """The gradient, 0 for categories whose logit is -inf, where it is known."""
    return tf.where(tf.math.is_inf(logits), tf.zeros_like(gradient), gradient)


@register
@dataclass(frozen=True, kw_only=True)
class ARSM(Estimator):
    """Augment-REINFORCE-swap-merge: one point of the simplex, and all exchanges of two of its coordinates.

        g_m = sum_j (f_mj - mean_m f_mj) (1/C - pi_j),   f_mj = f(b with pi_m and pi_j exchanged in every variable)
        b = one-hot(argmin_c (log pi_c - l_c)),   pi ~ Dirichlet(1, ..., 1)

    f_mm is f(b), so that C (C - 1)/2 + 1 evaluations are enough. For two categories it is ARM.

    Source: Yin, Yue & Zhou (2019); docs/papers/rebar.md, section 2.10.
    """

    facts: ClassVar[Facts] = Facts(
        name="arsm", source="Yin et al. (2019)", support=("categorical",), unbiased=True, hard="C(C-1)/2+1"
    )

    def _estimate(self, objective, logits, noise, parameters):
        places, number = swaps(known_categories(logits))
        samples = swapped_samples(logits, noise["u"], tf.constant(places))
        values = objective(samples)
        value = tf.reduce_mean(values, 0)
        table = tf.gather(values - value, number)  # [C, C, B]
        table -= tf.reduce_mean(table, 0)
        weights = 1.0 / places.shape[1] - shares(noise["u"])
        return Estimate(value, samples, unmasked(logits, tf.einsum("mjb,bvj->bvm", table, weights)))


def swaps(categories: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the places [C(C-1)/2 + 1, C] of no exchange and of all exchanges of two, and the number of that of each
    two categories [C, C], 0 on the diagonal."""
    pairs = list(itertools.combinations(range(categories), 2))
    places = np.tile(np.arange(categories), (len(pairs) + 1, 1))
    number = np.zeros((categories, categories), int)
    for row, (m, j) in enumerate(pairs, 1):
        places[row, [m, j]] = j, m
        number[m, j] = number[j, m] = row
    return places, number
