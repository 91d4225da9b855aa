"""Random numbers for reparameterised draws: stateless, equal in every process, cheap inside XLA."""

import numpy as np
import tensorflow as tf


def uniform(shape, seed: tf.Tensor, dtype: tf.DType = tf.float32) -> tf.Tensor:
    """u ~ Uniform(0, 1), never 0 and never 1.

    float32 takes the 23 highest of 32 random bits and adds half a unit, so that the largest value, 1 - 2^-24, is below 1.

    Args:
      shape: of the result.
      seed: stateless seed, int32 [2].
      dtype: float32 or float64.
    Returns:
      Tensor of the given shape.
    """
    if dtype == tf.float64:
        return tf.random.stateless_uniform(shape, seed, np.finfo(np.float64).tiny, dtype=dtype, alg="philox")
    # Naming the generator matters: what XLA selects by itself is 30 times slower on a CPU.
    bits = tf.random.stateless_uniform(shape, seed, minval=None, maxval=None, dtype=tf.uint32, alg="philox")
    return unit_interval(bits)


def unit_interval(bits: tf.Tensor) -> tf.Tensor:
    """uint32 of any shape -> float32 in [2^-24, 1 - 2^-24], on a grid of 2^23 values that is symmetric about 1/2."""
    return tf.cast(tf.bitwise.right_shift(bits, tf.constant(9, tf.uint32)), tf.float32) * np.float32(2**-23) + np.float32(2**-24)


def standard_normal(shape, seed: tf.Tensor, dtype: tf.DType = tf.float32) -> tf.Tensor:
    """eps ~ N(0, 1) by the inverse cdf, sqrt(2) erfinv(2 u - 1): under XLA twice as fast as Box-Muller.

    Args:
      shape: of the result.
      seed: stateless seed, int32 [2].
      dtype: float32 (|eps| <= 5.3) or float64.
    Returns:
      Tensor of the given shape.
    """
    if dtype == tf.float64:
        return tf.random.stateless_normal(shape, seed, dtype=dtype, alg="philox")
    return normal_of(uniform(shape, seed))


def normal_of(uniforms: tf.Tensor) -> tf.Tensor:
    """float32 in (0, 1) -> the normal quantiles."""
    return np.float32(2**0.5) * tf.math.erfinv(2.0 * uniforms - 1.0)
