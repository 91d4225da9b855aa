"""Gaussians mapped to the simplex, and the IGR distributions: by an invertible map, a temperature and softmax++."""

import functools
import math
from typing import ClassVar

import tensorflow as tf
from tensorflow_probability import bijectors as tfb

from igr_suite.precision import as_float
from igr_suite.randomness import standard_normal
from igr_suite.relaxations.base import (
    Draw,
    Relaxation,
    as_dtype,
    broadcast_shapes,
    check_event,
    inside_simplex,
    sample_axes,
    with_sample_shape,
)
from igr_suite.relaxations.softmax_plus_plus import (
    SoftmaxPlusPlus,
    append_last_category,
    check_delta,
    invert_log_softmax_plus_plus,
)
from igr_suite.relaxations.stick_breaking import StickBreaking


class GaussianNoise(Relaxation):
    """kappa = loc + exp(log_scale) eps, eps ~ N(0, I), mapped to the simplex by a subclass.

    Two such distributions with equal `map_key` have a closed-form KL, that of their Gaussians: it is the KL on the
    simplex where the map is a bijection, and an upper bound of it otherwise.

    Args:
      loc: [B, V, D].
      log_scale: [B, V, D]; the scale is its exponential.
      temperature: positive; number or tensor; it and [B, V] broadcast to the batch shape.
      parameters: of the distribution's own constructor.
    Raises:
      UserError: parameters that are not numbers, have no categories or do not broadcast, or a temperature that is known
        and not positive.
    """

    more_categories: ClassVar[int] = 0  # K - D

    def __init__(self, loc, log_scale, temperature, parameters: dict, name: str):
        owner = type(self).__name__
        self.loc = as_float(loc, "loc")
        self.log_scale = as_float(log_scale, "log_scale", self.loc.dtype)
        check_event(owner, "loc", self.loc.shape, self.more_categories)
        super().__init__(temperature, self.loc.dtype, parameters, name)
        self._noise_static_shape()

    @property
    def map_key(self) -> tuple:
        """Identifies the map from the Gaussian to the simplex; distributions with equal keys share it."""
        return (type(self), self.parameters["temperature"])

    def draw(self, sample_shape, seed: tf.Tensor) -> Draw:
        shape = with_sample_shape(sample_shape, self._noise_shape())
        noise = standard_normal(shape, seed, self.dtype, batch_axis=sample_axes(sample_shape))
        return self._image(noise, self.loc + tf.exp(self.log_scale) * noise)

    def without_noise(self) -> tf.Tensor:
        kappa = tf.broadcast_to(self.loc, self._noise_shape())
        return self._image(tf.zeros_like(kappa), kappa).sample

    def _image(self, noise: tf.Tensor, kappa: tf.Tensor) -> Draw:
        """The draw with this noise and this kappa, both [S, B, V, D]."""
        raise NotImplementedError

    def _broadcast(self) -> dict[str, tf.Tensor]:
        """Tensors, by name, whose shapes broadcast to that of the noise [B, V, D]."""
        return {"loc": self.loc, "log_scale": self.log_scale, "temperature": self.temperature[..., tf.newaxis]}

    def _noise_static_shape(self) -> tf.TensorShape:
        return broadcast_shapes(
            type(self).__name__, **{name: tensor.shape for name, tensor in self._broadcast().items()}
        )

    def _noise_shape(self):
        static = self._noise_static_shape()
        if static.is_fully_defined():
            return static.as_list()
        return functools.reduce(tf.broadcast_dynamic_shape, map(tf.shape, self._broadcast().values()))

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

    A distribution is this class and a bijector h on R^(K-1), given to the constructor.

    Args:
      loc: [B, V, K-1].
      log_scale: [B, V, K-1]; the scale is its exponential.
      temperature: positive; number or tensor; it and [B, V] broadcast to the batch shape.
      delta: weight of the last category in softmax++.
      bijector: h.
      parameters: of the distribution's own constructor.
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

    def _image(self, noise: tf.Tensor, kappa: tf.Tensor) -> Draw:
        scores = self.h.forward(kappa)
        logits, info = self._logits(scores, kappa)
        return Draw(tf.nn.softmax(logits), tf.nn.log_softmax(logits), noise, kappa, scores, info)

    def log_prob_of(self, draw: Draw) -> tf.Tensor:
        return self._log_density(draw.preimage)

    def log_prob_of_log_sample(self, log_sample: tf.Tensor) -> tf.Tensor:
        inside, finite = inside_simplex(tf.convert_to_tensor(log_sample, self.dtype))
        return self.log_prob_of_scores(
            self.temperature[..., tf.newaxis] * invert_log_softmax_plus_plus(finite, self.delta), inside
        )

    def log_prob_of_scores(self, scores: tf.Tensor, inside: tf.Tensor | bool = True) -> tf.Tensor:
        """Log density of the log-sample with the scores h(kappa), by inversion of h.

        Args:
          scores: [..., K-1], before the temperature.
          inside: where the density is positive; elsewhere, and outside the range of h, the result is minus infinity.
        Returns:
          [...].
        """
        safe = scores
        if hasattr(self.h, "in_range"):
            inside = tf.logical_and(inside, self.h.in_range(scores))
            safe = tf.where(inside[..., tf.newaxis], scores, 0.5 / tf.cast(tf.shape(scores)[-1], scores.dtype))
        return tf.where(inside, self._log_density(self.h.inverse(safe)), tf.constant(-float("inf"), self.dtype))

    def log_prob_of_draw_from(self, other: "GaussianRelaxation", draw: Draw) -> tf.Tensor:
        """Log density of another distribution's draw, before its sample is truncated and rounded.

        Args:
          other: the distribution of the draw, over as many categories.
          draw: from that distribution [S, B, V, ...].
        Returns:
          [S, B, V]; minus infinity outside the support of this distribution.
        """
        by_temperature = self.temperature / other.temperature
        shift = self.temperature * as_dtype(math.log(self.delta) - math.log(other.delta), self.dtype)
        scores = by_temperature[..., tf.newaxis] * draw.scores + shift[..., tf.newaxis]
        if self.delta == other.delta and isinstance(self.h, StickBreaking) and isinstance(other.h, StickBreaking):
            kappa, inside = self.h.preimage_of_multiple(draw.preimage, by_temperature)
            return tf.where(inside, self._log_density(kappa), tf.constant(-float("inf"), self.dtype))
        return self.log_prob_of_scores(scores)

    def _logits(self, scores: tf.Tensor, kappa: tf.Tensor) -> tuple[tf.Tensor, dict]:
        """Logits of all K categories and scalars to monitor; a distribution with a truncation overrides it."""
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
