"""ARS: the noise of each category is swapped with that of one reference category."""

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from igr_suite.estimators.arsm import shares, swapped_samples, unmasked
from igr_suite.estimators.base import Estimate, Estimator, Facts, register
from igr_suite.estimators.distributions.decisions import known_categories
from igr_suite.estimators.inputs import known_sizes, uniforms
from igr_suite.randomness import at_step


@register
@dataclass(frozen=True, kw_only=True)
class ARS(Estimator):
    """Augment-REINFORCE-swap: ARSM with one random reference category in place of the mean over all.

        g_m = (f_m - mean_m f_m) (1 - C pi_j),   f_m = f(b with pi_m and pi_j exchanged in every variable)
        b = one-hot(argmin_c (log pi_c - l_c)),   pi ~ Dirichlet(1, ..., 1),   j ~ Uniform{1, ..., C}

    Source: Yin, Yue & Zhou (2019); docs/papers/rebar.md, section 2.10.
    """

    facts: ClassVar[Facts] = Facts(
        name="ars", source="Yin et al. (2019)", support=("categorical",), unbiased=True, hard="C"
    )

    def noise(self, shape, seed, dtype=tf.float32):
        """{"u": uniforms of the logits' shape, "reference": one for each example, j = floor(C u) [B, 1, 1]}."""
        if tf.is_tensor(shape):
            one_each = tf.concat([shape[:1], [1, 1]], 0)
        else:
            one_each = [known_sizes(shape, "tf.shape(logits)")[0], 1, 1]
        return {
            "u": uniforms(shape, seed, dtype),
            "reference": uniforms(one_each, at_step(seed, tf.constant(1)), dtype),
        }

    def _estimate(self, objective, logits, noise, parameters):
        categories = known_categories(logits)
        drawn = tf.cast(categories * noise["reference"][:, 0], tf.int32)
        reference = tf.minimum(drawn, categories - 1)  # [B, 1]; the product may be rounded up to C
        every = tf.range(categories)
        # m of each sample [B, H], from the reference itself on, so that the first one is without an exchange
        exchanged = (reference + every) % categories
        m, j = exchanged[..., tf.newaxis], reference[..., tf.newaxis]
        samples = swapped_samples(logits, noise["u"], tf.where(every == m, j, tf.where(every == j, m, every)))
        values = objective(samples)
        value = tf.reduce_mean(values, 0)
        by_category = tf.gather(tf.transpose(values - value), (every - reference) % categories, batch_dims=1)
        share = tf.gather(shares(noise["u"]), reference, axis=2, batch_dims=1)  # [B, V, 1]
        gradient = by_category[:, tf.newaxis] * (1.0 - categories * share)
        return Estimate(value, samples, unmasked(logits, gradient))
