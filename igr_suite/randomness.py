"""Stateless seeds and noise: every random number is a function of (run seed, site, step), equal in every process and
cheap inside XLA.

A resumed run therefore repeats the uninterrupted one.
"""

import zlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.precision import HALVES, check_float


def site_number(site: str) -> int:
    """Returns a 31-bit number for the name of a place that draws random numbers, equal in every process, unlike Python's
    hash()."""
    return zlib.crc32(site.encode()) & 0x7FFFFFFF


def run_seed(seed: int, site: str) -> tf.Tensor:
    """Returns the seed of one place of one run.

    Args:
      seed: the run's seed, any Python int.
      site: the place's name, such as "train".
    Returns:
      int32 [2], to be folded with the step.
    """
    return tf.constant([seed & 0x7FFFFFFF, site_number(site)], dtype=tf.int32)


def check_seed(seed) -> tf.Tensor:
    """Returns the stateless seed as an integer tensor [2].

    Raises:
      UserError: anything that is not a pair, since a single int or None would draw on global state.
    """
    try:
        tensor = tf.convert_to_tensor(seed)
        given = f"{tensor.dtype.name} of shape {tensor.shape}"
    except (TypeError, ValueError):
        tensor, given = None, repr(seed)
    if tensor is None or not tensor.dtype.is_integer or not tensor.shape.is_compatible_with([2]):
        raise UserError(f"seed must be a stateless pair, int32 [2], got {given} (randomness.run_seed makes one)")
    return tensor


def at_step(seed: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
    """Returns the seed of one step.

    A multiplicative hash of the step enters the second word, which costs two integer operations where
    `tf.random.fold_in` costs a generator call; Philox gives independent streams for keys that differ in any bit.

    Args:
      seed: int32 [2].
      step: int32 or int64 scalar.
    Returns:
      int32 [2].
    """
    mixed = tf.cast(step, tf.int32) * -1640531527  # 2^32 / golden ratio, odd: steps map to distinct words
    return tf.stack([seed[0], tf.bitwise.bitwise_xor(seed[1], mixed)])


def uniform(shape, seed: tf.Tensor, dtype: tf.DType = tf.float32, batch_axis: int | None = None) -> tf.Tensor:
    """Draws u ~ Uniform(0, 1), never 0 and never 1.

    float32 takes the 23 highest of 32 random bits and adds half a unit, so that the largest value, 1 - 2^-24, is below
    1. float16 and bfloat16 take the middle of the interval that contains the float32 number (`rounded_inside`). These
    three are the same with and without XLA; float64 is not, because XLA makes its 64 bits of other words.

    Args:
      shape: shape of the result.
      seed: stateless seed, int32 [2].
      dtype: float16, bfloat16, float32 or float64.
      batch_axis: the batch's axis, for draws of a training step that may be divided among devices (`of_whole_batch`).
    Returns:
      Tensor of the given shape.
    Raises:
      UserError: another dtype, a shape that is not known, or a seed that is no pair.
    """
    dtype, shape, seed = check_float(dtype, "noise"), _known(shape), check_seed(seed)
    if dtype in HALVES:
        return rounded_inside(unit_interval(random_bits(shape, seed, batch_axis)), dtype)
    if dtype == tf.float64:
        smallest = np.finfo(np.float64).tiny
        return of_whole_batch(
            lambda s: tf.random.stateless_uniform(s, seed, smallest, dtype=dtype, alg="philox"), shape, batch_axis
        )
    return unit_interval(random_bits(shape, seed, batch_axis))


def random_bits(shape, seed: tf.Tensor, batch_axis: int | None = None) -> tf.Tensor:
    """Draws 32 random bits per element: uint32 of the given shape; arguments as in `uniform`."""

    def draw(shape) -> tf.Tensor:
        # The generator has to be named: the one that XLA selects by itself is 30 times slower on a CPU.
        return tf.random.stateless_uniform(shape, seed, minval=None, maxval=None, dtype=tf.uint32, alg="philox")

    return of_whole_batch(draw, shape, batch_axis)


def unit_interval(bits: tf.Tensor) -> tf.Tensor:
    """Converts uint32 of any shape to float32 in [2^-24, 1 - 2^-24], on a grid of 2^23 values symmetric about 1/2."""
    return tf.cast(tf.bitwise.right_shift(bits, tf.constant(9, tf.uint32)), tf.float32) * np.float32(
        2**-23
    ) + np.float32(2**-24)


def rounded_inside(uniforms: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Rounds float32 in (0, 1) to float16 or bfloat16 in (0, 1) with the same mean; the nearest number could be 1.

    The interval is cut at the numbers that have one binary digit less than the type; setting the last digit then gives
    the middles of the pieces.

    Args:
      uniforms: float32 [...].
      dtype: float16 or bfloat16.
    Returns:
      [...] of this dtype.
    """
    dropped = 23 - {tf.float16: 10, tf.bfloat16: 7}[dtype]  # digits of float32 that the type does not have
    bits = tf.bitcast(uniforms, tf.uint32)
    cut = tf.bitwise.left_shift(
        tf.bitwise.right_shift(bits, tf.constant(dropped + 1, tf.uint32)), tf.constant(dropped + 1, tf.uint32)
    )
    return tf.cast(tf.bitcast(tf.bitwise.bitwise_or(cut, tf.constant(1 << dropped, tf.uint32)), tf.float32), dtype)


def standard_normal(shape, seed: tf.Tensor, dtype: tf.DType = tf.float32, batch_axis: int | None = None) -> tf.Tensor:
    """Draws eps ~ N(0, 1) by the inverse cdf, sqrt(2) erfinv(2 u - 1), which under XLA is twice as fast as Box-Muller.

    Args:
      shape: shape of the result.
      seed: stateless seed, int32 [2].
      dtype: float32 (|eps| <= 5.3), float64, or float16 and bfloat16, which are float32 rounded.
      batch_axis: as in `uniform`.
    Returns:
      Tensor of the given shape.
    Raises:
      UserError: another dtype, a shape that is not known, or a seed that is no pair.
    """
    dtype, shape, seed = check_float(dtype, "noise"), _known(shape), check_seed(seed)
    if dtype in HALVES:
        return tf.cast(normal_of(uniform(shape, seed, batch_axis=batch_axis)), dtype)
    if dtype == tf.float64:
        return of_whole_batch(
            lambda s: tf.random.stateless_normal(s, seed, dtype=dtype, alg="philox"), shape, batch_axis
        )
    return normal_of(uniform(shape, seed, batch_axis=batch_axis))


def normal_of(uniforms: tf.Tensor) -> tf.Tensor:
    """Returns the normal quantiles of float32 in (0, 1)."""
    return np.float32(2**0.5) * tf.math.erfinv(2.0 * uniforms - 1.0)


def _known(shape):
    """Returns the shape, a `TensorShape` as a list. Raises UserError where a size is not known."""
    if not isinstance(shape, tf.TensorShape):
        return shape
    if not shape.is_fully_defined():
        raise UserError(
            f"noise of shape {shape} cannot be drawn: a size is not known; give the shape as a tensor, tf.shape(x)"
        )
    return shape.as_list()


def of_whole_batch(draw: Callable[..., tf.Tensor], shape, batch_axis: int | None) -> tf.Tensor:
    """Returns draw(shape); on replica r of R, which holds rows r B / R ... (r + 1) B / R of a batch, these rows of the
    draw for the whole batch.

    So the noise of an example depends neither on R nor on its replica (`training/strategy.py`). Every replica draws the
    noise of the whole batch: bits are cheap, and a generator that skips ahead would need the batch to be the first axis.

    Args:
      draw: shape -> tensor of this shape.
      shape: shape of the replica's part: numbers or an int32 tensor.
      batch_axis: the batch's axis.
    Returns:
      Tensor of the given shape.
    Raises:
      ValueError: there are several replicas and no `batch_axis`, so that all would draw the same numbers for different
        examples.
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return draw(shape)
    if batch_axis is None:
        raise ValueError("a draw on several replicas has to name the axis of its batch")
    sizes = shape if isinstance(shape, (list, tuple)) else tf.unstack(shape)
    batch_axis = range(len(sizes))[batch_axis]  # the same axis, counted from the front
    rows, before = sizes[batch_axis], [0] * batch_axis
    whole = draw([*sizes[:batch_axis], rows * context.num_replicas_in_sync, *sizes[batch_axis + 1 :]])
    begin = [*before, context.replica_id_in_sync_group * rows, *[0] * (len(sizes) - batch_axis - 1)]
    return tf.slice(whole, begin, shape)
