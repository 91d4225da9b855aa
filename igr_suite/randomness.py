"""Stateless seeds: every random number is a function of (run seed, site, step), so a resumed run repeats the uninterrupted one."""

import zlib

import tensorflow as tf


def site_number(site: str) -> int:
    """Returns a stable 31-bit number for the name of a place that draws random numbers (Python's hash() changes between processes)."""
    return zlib.crc32(site.encode()) & 0x7FFFFFFF


def run_seed(seed: int, site: str) -> tf.Tensor:
    """Seed of one place of one run.

    Args:
      seed: the run's seed, any Python int.
      site: the place's name, e.g. "train".
    Returns:
      int32 [2], to be folded with the step.
    """
    return tf.constant([seed & 0x7FFFFFFF, site_number(site)], dtype=tf.int32)


def at_step(seed: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
    """Seed of one step.

    The step goes through a multiplicative hash into the second word, which costs two integer operations where
    `tf.random.fold_in` costs a generator call; Philox separates keys that differ in any bit.

    Args:
      seed: int32 [2].
      step: int32 or int64 scalar.
    Returns:
      int32 [2].
    """
    mixed = tf.cast(step, tf.int32) * -1640531527  # 2^32 / golden ratio, odd: steps map to distinct words
    return tf.stack([seed[0], tf.bitwise.bitwise_xor(seed[1], mixed)])
