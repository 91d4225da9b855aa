"""Where the samples and the examples of log-probabilities lie."""

from typing import Any

import numpy as np
import tensorflow as tf

from igr_suite.errors import UserError


class Layout:
    """Turns log-probabilities of any axes into [K, B], and results back.

    Args:
      axis: of the samples; all other axes are examples. None means [K, B] as it stands.

    Attributes:
      shape: of the log-probabilities that were given first; None where they are [K, B].
    """

    def __init__(self, axis: int | None):
        self.axis = axis
        self.shape: Any = None  # tf.TensorShape and sizes of the log-probabilities, once one was given
        self.sizes: Any = None

    def columns(self, name: str, log_prob) -> tf.Tensor:
        """Returns a log-probability as [K, B], B the product of the examples' sizes.

        Args:
          name: of the function that returned it.
          log_prob: of this layout.
        Raises:
          UserError: no such axis, or other axes than the first one had.
        """
        if self.axis is None:
            return log_prob
        tensor = tf.convert_to_tensor(log_prob)
        rank = tensor.shape.rank
        if rank is None or not -rank <= self.axis < rank:
            raise UserError(f"what {name} returns has the shape {tensor.shape}, which has no sample axis {self.axis}")
        if self.shape is None:
            self.shape, self.sizes = tensor.shape, tf.shape(tensor)
        elif not tensor.shape.is_compatible_with(self.shape):
            raise UserError(
                f"{name} returns the shape {tensor.shape}, but the samples' log q has {self.shape}; they must be equal"
            )
        samples = tensor.shape[self.axis]
        if samples is None:
            raise UserError(
                f"what {name} returns has the shape {tensor.shape}; the number of samples, axis {self.axis}, must be "
                "known: set it with tf.ensure_shape"
            )
        examples = [size for axis, size in enumerate(tensor.shape) if axis != self.axis % rank]
        count = -1 if None in examples else int(np.prod(examples, dtype=int))
        return tf.reshape(tf.transpose(tensor, self._samples_first()), [samples, count])

    def given(self, columns: tf.Tensor) -> tf.Tensor:
        """Returns a tensor [K, B] with the axes that were given."""
        if self.axis is None:
            return columns
        order = self._samples_first()
        tensor = tf.transpose(tf.reshape(columns, self._sizes(order)), np.argsort(order))
        return tf.ensure_shape(tensor, self.shape)

    def examples(self, row: tf.Tensor) -> tf.Tensor:
        """Returns a tensor [B] with the axes of the examples that were given."""
        return row if self.axis is None else tf.reshape(row, self._sizes(self._samples_first()[1:]))

    def _sizes(self, axes: list[int]) -> tf.Tensor:
        return tf.gather(self.sizes, tf.constant(axes, tf.int32))

    def _samples_first(self) -> list[int]:
        rank = self.shape.rank
        return [self.axis % rank, *(axis for axis in range(rank) if axis != self.axis % rank)]
