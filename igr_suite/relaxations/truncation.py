"""The number of sticks that a truncated stick-breaking distribution keeps, with static shapes: by comparisons and sums,
without slices and loops."""

import math

import numpy as np
import tensorflow as tf

from igr_suite.checks import number
from igr_suite.errors import UserError, nearest
from igr_suite.precision import widened

TRUNCATIONS = ("batch", "sample", "historical")


def check_truncation(truncation: str, threshold: float, quantile: float) -> None:
    """Raises UserError unless the options of a truncation are valid."""
    if truncation not in TRUNCATIONS:
        raise UserError(f"unknown truncation '{truncation}'; {nearest(truncation, TRUNCATIONS)}")
    if not 0 < number(threshold) < 1:
        raise UserError(
            f"threshold must lie in (0, 1), got {threshold} (0.9 or 0.99 are usual; IGR_SB_Finite does not truncate)"
        )
    if not 0 <= number(quantile) <= 100:
        raise UserError(f"quantile must be a percentage in [0, 100], got {quantile}")


def sticks_within(log_remainders: tf.Tensor, threshold: float) -> tf.Tensor:
    """Whether the pieces up to and including k sum to no more than the threshold:
    log(1 - sum_{j<=k} eta_j) >= log(1 - threshold).

    Args:
      log_remainders: [..., K-1], see `stick_breaking.log_remainders`.
      threshold: rho in (0, 1).
    Returns:
      bool [..., K-1]; true up to some k and false from there on.
    """
    # A few units of rounding let exact ties (sums that equal the threshold) count as within, as they do on paper.
    log_remainders = widened(log_remainders)
    slack = 1.0 + 8.0 * np.finfo(log_remainders.dtype.as_numpy_dtype).eps
    return log_remainders >= math.log1p(-threshold) * slack


def stick_counts(within: tf.Tensor) -> tf.Tensor:
    """Number of sticks of each draw before the sum exceeds the threshold, at least 1 (the first may exceed it alone).

    Args:
      within: bool [..., K-1].
    Returns:
      int32 [...].
    """
    return tf.maximum(tf.reduce_sum(tf.cast(within, tf.int32), axis=-1), 1)


def count_quantile(within: tf.Tensor, quantile: float) -> tf.Tensor:
    """Percentile of the stick counts over all draws, interpolated linearly and rounded down.

    Counts are small integers, so order statistic i is 1 + #{n : at most i draws have a count <= n}: no sort is needed.

    Args:
      within: bool [..., K-1], all leading axes are draws.
      quantile: percentage, 50 is the median.
    Returns:
      int32 scalar in 1..K-1.
    Source: the authors' code takes this percentile over batch and samples.
    """
    sticks = tf.shape(within)[-1] if within.shape[-1] is None else within.shape[-1]
    draws = tf.size(within) // sticks
    # A count is <= n iff stick n (0-based) is already past the threshold, for n = 1 .. K-2; it is never above K-1.
    at_most = tf.reduce_sum(tf.cast(~tf.reshape(within, [-1, sticks]), tf.int32), axis=0)[1:]
    hundredths = tf.cast(draws - 1, tf.float64) * (quantile / 100.0)
    below = tf.cast(tf.floor(hundredths), tf.int32)
    above = tf.minimum(below + 1, draws - 1)
    lower, upper = (1 + tf.reduce_sum(tf.cast(at_most <= rank, tf.int32)) for rank in (below, above))
    interpolated = tf.cast(lower, tf.float64) + (hundredths - tf.floor(hundredths)) * tf.cast(upper - lower, tf.float64)
    return tf.cast(interpolated, tf.int32)


def kept_sticks(within: tf.Tensor, truncation: str, quantile: float) -> tf.Tensor:
    """Number of sticks that each draw keeps.

    Args:
      within: bool [S, B, V, K-1].
      truncation: "batch": one number for all, the quantile over draws, examples and variables; "sample": a number for
        every draw of every variable, its own count; "historical": one number for all, the quantile over variable 0
        only, as in the authors' code.
      quantile: percentage, not used by "sample".
    Returns:
      int32, scalar or [S, B, V].
    Raises:
      UserError: "historical" without an axis of variables.
    """
    if truncation == "sample":
        return stick_counts(within)
    if truncation == "historical":
        if within.shape.rank < 2:
            raise UserError(
                "truncation='historical' looks at variable 0 and needs parameters [B, V, K-1]; use 'batch' or 'sample'"
            )
        within = within[..., 0, :]
    return count_quantile(within, quantile)


def truncated_logits(scores: tf.Tensor, kept: tf.Tensor, delta: float) -> tf.Tensor:
    """Logits whose softmax is softmax++ of the first `kept` scores, then its extra category, then exact zeros.

    Args:
      scores: [S, B, V, K-1], already divided by the temperature.
      kept: int32, scalar or [S, B, V], in 1..K-1.
      delta: weight of the extra category.
    Returns:
      [S, B, V, K]; -inf after position `kept`.
    """
    position = tf.range(tf.shape(scores)[-1] + 1)
    kept = kept[..., tf.newaxis]
    padded = tf.concat([scores, tf.zeros_like(scores[..., :1])], axis=-1)
    extra = tf.constant(math.log(delta), scores.dtype)
    return tf.where(position < kept, padded, tf.where(position == kept, extra, tf.constant(-math.inf, scores.dtype)))
