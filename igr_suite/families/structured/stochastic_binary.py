"""Layers of binary units, relaxed for training and rounded for testing."""

import keras
import tensorflow as tf

from igr_suite.families.structured.config import StructuredModelConfig
from igr_suite.randomness import standard_normal, uniform
from igr_suite.relaxations.planar_flow import Planar, PlanarFlow, initial_planar_flow

PLANAR_LAYERS = 2


def unit_noise(config: StructuredModelConfig, shape, seed: tf.Tensor, dtype: tf.DType = tf.float32) -> tf.Tensor:
    """Standard noise of a distribution's units: logistic for GS (Gumbel when historical), normal for IGR.

    Args:
      config: config with the distribution.
      shape: shape of the result, [..., B, units].
      seed: int32 [2].
      dtype: float32 or float64.
    Returns:
      Tensor of the given shape.
    """
    if config.name != "GS":
        return standard_normal(shape, seed, dtype, batch_axis=-2)
    u = uniform(shape, seed, dtype, batch_axis=-2)
    if config.noise == "historical":
        return -tf.math.log(-tf.math.log(u))
    return tf.math.log(u) - tf.math.log1p(-u)


class StochasticBinary(keras.layers.Layer):
    """Units psi = sigmoid(lambda) in (0, 1), rounded to [lambda >= 0]; a signed layer returns 2 psi - 1.

        GS          lambda = (log a + logistic) / temperature            P(round = 1) = sigmoid(log a), any temperature
        IGR_I       lambda = (mu + scale eps) / temperature              P(round = 1) = Phi(mu / scale)
        IGR_Planar  lambda = h(mu + scale eps) / temperature             h two planar layers of dimension 1 a unit
        IGR_SB      lambda = sigmoid(mu + scale eps) / temperature > 0   always rounds to 1: it has no binary limit

    Args:
      config: distribution, temperature and the historical switches.
      seed: seed of the flow's initial weights.
    Source: Potapczynski, Loaiza-Ganem & Cunningham (2020), structured output experiment; docs/papers/igr.md, section 4.
    """

    def __init__(self, config: StructuredModelConfig, seed: tf.Tensor, name: str = "stochastic_binary"):
        super().__init__(name=name)
        self.config, self.units = config, config.units
        self.parameters = 2 * self.units if config.scale == "learned" else self.units
        self.flow = None
        if config.name == "IGR_Planar":
            initial = initial_planar_flow(2, self.units, seed, PLANAR_LAYERS)
            weights = {
                key: self.add_weight(
                    name=key, shape=value.shape, initializer=lambda shape, dtype=None, value=value: value
                )
                for key, value in initial._asdict().items()
            }
            self.flow = PlanarFlow(**weights)
        self.built = True

    def pre_sigmoid(self, parameters: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        """lambda [S, B, units] of parameters [B, P] or [S, B, P], locations before log scales, and noise [S, B,
        units]."""
        if self.config.scale == "learned":
            location, log_scale = tf.split(parameters, 2, axis=-1)
            y = location + tf.exp(log_scale) * noise
        else:
            y = parameters + noise
        if self.flow is not None:
            weights = PlanarFlow(*map(tf.convert_to_tensor, self.flow))
            y = Planar(weights, self.config.planar_norm).forward(y[..., tf.newaxis])[..., 0]
        if self.config.name == "IGR_SB":
            y = tf.sigmoid(y)
        return y if self.config.temperature is None else y / self.config.temperature

    def call(self, parameters: tf.Tensor, noise: tf.Tensor, rounded: bool = False) -> tf.Tensor:
        """Returns the units of all samples.

        Args:
          parameters: [B, P], the same for all samples, or [S, B, P].
          noise: [S, B, units], from `unit_noise`.
          rounded: whether to return binary units.
        Returns:
          [S, B, units].
        """
        pre_sigmoid = self.pre_sigmoid(parameters, noise)
        if rounded:
            ones = tf.cast(pre_sigmoid >= 0.0, noise.dtype)
            return 2.0 * ones - 1.0 if self.config.shape.signed else ones
        return tf.tanh(0.5 * pre_sigmoid) if self.config.shape.signed else tf.sigmoid(pre_sigmoid)
