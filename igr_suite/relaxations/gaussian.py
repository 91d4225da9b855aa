"""Gaussians pushed to the simplex, and the IGR recipe: through an invertible map, a temperature and softmax++."""

from typing import ClassVar

import tensorflow as tf
import tensorflow_probability as tfp

from igr_suite.relaxations.base import Draw, Relaxation, check_seed, sample_axes, with_sample_shape
from igr_suite.relaxations.noise import standard_normal
from igr_suite.relaxations.softmax_plus_plus import (
    SoftmaxPlusPlus,
    append_last_category,
    check_delta,
    invert_log_softmax_plus_plus,
)

tfb = tfp.bijectors


class GaussianNoise(Relaxation):
    """kappa = loc + exp(log_scale) eps, eps ~ N(0, I), pushed to the simplex by a map that subclasses give.

    Two such laws with equal `map_key` have a closed-form KL, that of their Gaussians: the KL on the simplex where the map is a
    bijection, an upper bound of it where it is not.

    Args:
      loc: [B, V, D].
      log_scale: [B, V, D]; the scale is its exponential.
      temperature: positive; number or tensor broadcasting against [B, V].
      parameters: of the law's own constructor.
    Raises:
      UserError: temperature not positive.
    """

    more_categories: ClassVar[int] = 0  # K - D

    def __init__(self, loc, log_scale, temperature, parameters: dict, name: str):
        self.loc = tf.convert_to_tensor(loc)
        self.log_scale = tf.convert_to_tensor(log_scale, dtype=self.loc.dtype)
        super().__init__(temperature, self.loc.dtype, parameters, name)

    @property
    def map_key(self) -> tuple:
        """What the map from the Gaussian to the simplex consists of; laws with equal keys share it."""
        return (type(self), self.parameters["temperature"])

    def _kappa(self, sample_shape, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Noise and kappa, both [S, B, V, D]."""
        shape = with_sample_shape(sample_shape, self._noise_shape())
        noise = standard_normal(shape, check_seed(seed), self.dtype, batch_axis=sample_axes(sample_shape))
        return noise, self.loc + tf.exp(self.log_scale) * noise

    def _noise_static_shape(self) -> tf.TensorShape:
        return tf.broadcast_static_shape(self.loc.shape, self.log_scale.shape)

    def _noise_shape(self):
        static = self._noise_static_shape()
        if static.is_fully_defined():
            return static.as_list()
        return tf.broadcast_dynamic_shape(tf.shape(self.loc), tf.shape(self.log_scale))

    def _event_shape(self):
        size = self._noise_static_shape()[-1]
        return tf.TensorShape([None if size is None else size + self.more_categories])

    def _event_shape_tensor(self):
        return tf.convert_to_tensor(self._noise_shape())[-1:] + self.more_categories

    def _batch_shape(self):
        return self._noise_static_shape()[:-1]

    def _batch_shape_tensor(self):
        return tf.convert_to_tensor(self._noise_shape())[:-1]


class GaussianRelaxation(GaussianNoise):
    """psi = softmax++(h(kappa) / temperature), kappa = loc + exp(log_scale) eps, eps ~ N(0, I).

        log q(log psi) = sum_k log N(kappa_k; loc_k, scale_k) - log |det dh/dkappa| + (K-1) log temperature

    A law is this class and a bijector h on R^(K-1), given to the constructor.

    Args:
      loc: [B, V, K-1].
      log_scale: [B, V, K-1]; the scale is its exponential.
      temperature: positive; number or tensor broadcasting against [B, V].
      delta: weight of the last category in softmax++.
      bijector: h.
      parameters: of the law's own constructor.
    Raises:
      UserError: temperature or delta not positive.
    Source: Potapczynski, Loaiza-Ganem & Cunningham (2020), sections 3 and 3.1.
    """

    more_categories = 1

    def __init__(self, loc, log_scale, temperature, delta: float, bijector: tfb.Bijector, parameters: dict, name: str):
        check_delta(delta)
        self.delta = delta
        self.h = bijector
        super().__init__(loc, log_scale, temperature, parameters, name)

    @property
    def bijector(self) -> tfb.Bijector:
        """The whole map from the Gaussian to the simplex, R^(K-1) -> open simplex."""
        return tfb.Chain([SoftmaxPlusPlus(self.delta), tfb.Scale(1.0 / self.temperature[..., tf.newaxis]), self.h])

    @property
    def map_key(self) -> tuple:
        return (type(self.h), self.delta, self.parameters["temperature"])

    @classmethod
    def parameter_blocks(cls, categories: int) -> dict[str, int]:
        return {"loc": categories - 1, "log_scale": categories - 1}

    def draw(self, sample_shape, seed: tf.Tensor) -> Draw:
        noise, kappa = self._kappa(sample_shape, seed)
        scores = self.h.forward(kappa)
        logits, info = self._logits(scores, kappa)
        return Draw(tf.nn.softmax(logits), tf.nn.log_softmax(logits), noise, kappa, scores, info)

    def log_prob_of(self, draw: Draw) -> tf.Tensor:
        return self._log_density(draw.preimage)

    def log_prob_of_log_sample(self, log_sample: tf.Tensor) -> tf.Tensor:
        scores = self.temperature[..., tf.newaxis] * invert_log_softmax_plus_plus(log_sample, self.delta)
        if not hasattr(self.h, "in_range"):
            return self._log_density(self.h.inverse(scores))
        inside = self.h.in_range(scores)
        safe = tf.where(inside[..., tf.newaxis], scores, 0.5 / tf.cast(tf.shape(scores)[-1], scores.dtype))
        return tf.where(inside, self._log_density(self.h.inverse(safe)), -float("inf"))

    def _logits(self, scores: tf.Tensor, kappa: tf.Tensor) -> tuple[tf.Tensor, dict]:
        """Logits of all K categories and what to monitor; a law with a truncation overrides it."""
        return append_last_category(scores / self.temperature[..., tf.newaxis], self.delta), {}

    def _log_density(self, kappa: tf.Tensor) -> tf.Tensor:
        standard = (kappa - self.loc) * tf.exp(-self.log_scale)
        dimensions = tf.cast(tf.shape(kappa)[-1], self.dtype)
        return (
            normal_log_density(standard, self.log_scale)
            - self.h.forward_log_det_jacobian(kappa, event_ndims=1)
            + dimensions * tf.math.log(self.temperature)
        )


def normal_log_density(standard: tf.Tensor, log_scale: tf.Tensor) -> tf.Tensor:
    """Diagonal normal density from the standardised value: sum_k [-standard_k^2 / 2 - log_scale_k - log(2 pi) / 2].

    Args:
      standard: (value - loc) / scale [..., D].
      log_scale: broadcasts against standard.
    Returns:
      [...].
    """
    half_log_two_pi = 0.9189385332046727
    return tf.reduce_sum(-0.5 * tf.square(standard) - log_scale - half_log_two_pi, axis=-1)
