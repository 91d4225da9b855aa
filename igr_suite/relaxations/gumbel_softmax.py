"""Gumbel-Softmax (Concrete) distribution, with its density in log space."""

import math

import tensorflow as tf

from igr_suite.precision import as_float
from igr_suite.randomness import uniform
from igr_suite.relaxations.base import (
    Draw,
    Relaxation,
    broadcast_shapes,
    check_categories,
    check_event,
    sample_axes,
    with_sample_shape,
)
from igr_suite.relaxations.registry import register


@register("GS")
class GumbelSoftmax(Relaxation):
    """psi = softmax((logits + g) / temperature), g ~ Gumbel(0, 1); argmax psi ~ Categorical(logits) at every
    temperature.

        log p(log psi) = log Gamma(K) + (K-1) log tau + sum_k a_k - K logsumexp_k a_k,   a_k = logits_k - tau log psi_k

    A category with logit -inf is masked: it has psi_k = 0, and the density is that of the distribution of the other
    categories (K counts them).

    Args:
      logits: [B, V, K]; an additive constant does not matter.
      temperature: positive; number or tensor; it and [B, V] broadcast to the batch shape.
    Raises:
      UserError: logits that are not numbers or have no categories, a temperature that is known and not positive, or
        shapes that do not broadcast.
    Source: Jang, Gu & Poole (2017); Maddison, Mnih & Teh (2017), eq. 10 and section C.3.
    """

    def __init__(self, logits, temperature, name: str = "GumbelSoftmax"):
        parameters = dict(locals())
        self.logits = as_float(logits, "logits")
        check_event("GumbelSoftmax", "logits", self.logits.shape)
        super().__init__(temperature, self.logits.dtype, parameters, name)
        self._batch_shape()

    @classmethod
    def parameter_blocks(cls, categories: int) -> dict[str, int]:
        return {"logits": categories}

    @classmethod
    def uniform_prior(  # type: ignore[override]  # no options
        cls, categories: int, temperature, dtype: tf.DType = tf.float32
    ) -> "GumbelSoftmax":
        """Equal logits.

        Args:
          categories: K.
          temperature: the prior's own, which need not be the posterior's; the KL depends on both.
          dtype: of the parameters.
        Returns:
          distribution with logits [K].
        """
        return cls(tf.zeros([check_categories(categories)], dtype), temperature)

    @property
    def masked(self) -> tf.Tensor:
        """Which categories have logit -inf: bool, of the logits' shape."""
        return tf.equal(self.logits, -math.inf)

    def draw(self, sample_shape, seed: tf.Tensor) -> Draw:
        shape = with_sample_shape(sample_shape, self._noise_shape())
        gumbel = -tf.math.log(-tf.math.log(uniform(shape, seed, self.dtype, sample_axes(sample_shape))))
        preimage = self.logits + gumbel
        tempered = _divided(preimage, self.temperature[..., tf.newaxis])
        return Draw(tf.nn.softmax(tempered), tf.nn.log_softmax(tempered), gumbel, preimage, preimage, {})

    def without_noise(self) -> tf.Tensor:
        logits = tf.broadcast_to(self.logits, self._noise_shape())
        return tf.nn.softmax(_divided(logits, self.temperature[..., tf.newaxis]))

    def log_prob_of(self, draw: Draw) -> tf.Tensor:
        return self.log_prob_of_log_sample(draw.log_sample)

    def log_prob_of_log_sample(self, log_sample: tf.Tensor) -> tf.Tensor:
        minus_infinity = tf.constant(-math.inf, self.dtype)
        log_sample, masked = tf.convert_to_tensor(log_sample, self.dtype), self.masked
        absent = tf.equal(log_sample, minus_infinity)
        finite = tf.where(absent, tf.zeros_like(log_sample), log_sample)  # masked categories stay -inf by their logits
        log_softmax = tf.nn.log_softmax(self.logits - finite * self.temperature[..., tf.newaxis])
        left = tf.reduce_sum(tf.cast(~masked, self.dtype), axis=-1)
        # The constant for all K categories is computed apart: compilers evaluate it once, with other last bits than in
        # a vector.
        log_norm = tf.where(
            tf.reduce_any(masked, axis=-1),
            self._log_norm(left),
            self._log_norm(tf.cast(tf.shape(masked)[-1], self.dtype)),
        )
        density = log_norm + tf.reduce_sum(tf.where(masked, tf.zeros_like(log_softmax), log_softmax), axis=-1)
        # The sample does not lie on the face of the categories that are not masked.
        elsewhere = tf.reduce_any(tf.not_equal(masked, absent), axis=-1)
        return tf.where(elsewhere, minus_infinity, density)

    def _log_norm(self, categories: tf.Tensor) -> tf.Tensor:
        return tf.math.lgamma(categories) + (categories - 1.0) * tf.math.log(self.temperature)

    def _noise_shape(self):
        if self.temperature.shape.rank == 0:
            return tf.shape(self.logits)
        return tf.broadcast_dynamic_shape(tf.shape(self.logits), tf.shape(self.temperature[..., tf.newaxis]))

    def _event_shape(self):
        return self.logits.shape[-1:]

    def _event_shape_tensor(self):
        return tf.shape(self.logits)[-1:]

    def _batch_shape(self):
        return broadcast_shapes(
            type(self).__name__, logits=self.logits.shape, temperature=self.temperature.shape + [1]
        )[:-1]

    def _batch_shape_tensor(self):
        return self._noise_shape()[:-1]


@tf.custom_gradient
def _divided(preimage: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
    """preimage / temperature; masked categories (-inf) add 0 to the temperature's gradient, not 0 times infinity."""

    def gradient(upstream):
        by_preimage = upstream / temperature
        finite = tf.where(tf.equal(preimage, -math.inf), tf.zeros_like(preimage), preimage)
        by_temperature = tf.reduce_sum(upstream * (-finite / temperature / temperature), axis=-1, keepdims=True)
        return by_preimage, _summed_to(by_temperature, temperature)

    return preimage / temperature, gradient


def _summed_to(tensor: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    """Sums over the axes along which `like` was repeated."""
    axes = tf.raw_ops.BroadcastGradientArgs(s0=tf.shape(like), s1=tf.shape(tensor)).r0
    return tf.reshape(tf.reduce_sum(tensor, axis=axes), tf.shape(like))
