"""Batch normalisation with the moving variance of older frameworks, with or without trained scale and shift."""

import keras
import tensorflow as tf

from igr_suite.replicas import mean_over_replicas, replica_count


@keras.saving.register_keras_serializable(package="igr_suite")
class BatchNorm(keras.layers.Layer):
    """Normalises every feature (last axis) over all other axes.

        y = gamma (x - m) / sqrt(v + epsilon) + beta,   gamma = 1, beta = 0 where not trained
        training: m, v of the batch;  moving <- momentum moving + (1 - momentum) (m, v n / (n - 1)),  n values a feature
        inference: the moving m, v

    On several replicas m and v are those of the values of all replicas. Keras's own layer keeps the biased variance,
    with momentum 0.99; Theano and Torch, which the reproduced papers used, keep the unbiased one.

    Args:
      momentum: of the moving averages; a Torch or Lasagne "momentum" m is 1 - m here.
      epsilon: added to the variance.
      affine: whether gamma and beta are trained.
      moving: False keeps no moving averages and normalises by the batch at inference too.
    """

    def __init__(
        self, momentum: float = 0.9, epsilon: float = 1e-5, affine: bool = True, moving: bool = True, **kwargs
    ):
        super().__init__(**kwargs)
        self.momentum, self.epsilon, self.affine, self.moving = momentum, epsilon, affine, moving

    def build(self, input_shape):
        shape = (input_shape[-1],)
        if self.affine:
            self.gamma = self.add_weight(shape=shape, initializer="ones", name="gamma")
            self.beta = self.add_weight(shape=shape, initializer="zeros", name="beta")
        if self.moving:
            self.moving_mean = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="moving_mean")
            self.moving_variance = self.add_weight(
                shape=shape, initializer="ones", trainable=False, name="moving_variance"
            )

    def call(self, inputs, training=False):
        if self.moving and not training:
            normed = (inputs - self.moving_mean) * tf.math.rsqrt(
                tf.convert_to_tensor(self.moving_variance) + self.epsilon
            )
        else:
            normed, mean, variance = _standardise(inputs, self.epsilon)
            if self.moving:
                self._move(inputs, tf.stop_gradient(mean), tf.stop_gradient(variance))
        return normed * self.gamma + self.beta if self.affine else normed

    def _move(self, inputs, mean, variance):
        values = tf.cast(tf.size(inputs) // inputs.shape[-1], mean.dtype)
        values = mean_over_replicas([values])[0] * replica_count()
        keep = 1.0 - self.momentum
        for average, new in (
            (self.moving_mean, mean),
            (self.moving_variance, variance * values / tf.maximum(values - 1.0, 1.0)),
        ):
            average.assign(average + keep * (new - average))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in ("momentum", "epsilon", "affine", "moving")},
        }


def _standardise(inputs: tf.Tensor, epsilon: float) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """(n = (x - m) r, m, v) with r = 1 / sqrt(v + epsilon); m and v are constants for gradients.

    dn/dx applied to g is r (g - mean g - n mean(g n)), two sums where differentiating m and v apart takes three.
    """
    axes = list(range(len(inputs.shape) - 1))

    @tf.custom_gradient
    def standardise(x):
        mean = _mean(x, axes)
        variance = _mean(tf.math.squared_difference(x, mean), axes)
        factor = tf.math.rsqrt(variance + epsilon)
        normed = (x - mean) * factor

        def gradient(upstream, *_):
            return factor * (upstream - _mean(upstream, axes) - normed * _mean(upstream * normed, axes))

        return (normed, mean, variance), gradient

    return standardise(inputs)


def _mean(values: tf.Tensor, axes: list[int]) -> tf.Tensor:
    """The mean over axes and over replicas, weighted by the replicas' numbers of values."""
    if replica_count() == 1:
        return tf.reduce_mean(values, axes)
    count = tf.cast(tf.size(values) // values.shape[-1], values.dtype)
    total, count = mean_over_replicas([tf.reduce_sum(values, axes), count])
    return total / count
