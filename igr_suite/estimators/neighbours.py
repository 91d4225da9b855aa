"""The neighbours of discrete samples, values in which a single variable differs, and an objective's values at them.

A model whose first operation is an affine map computes all neighbours' images under it at the cost of one: they differ
by one row of the kernel. An objective that knows how takes `Neighbours` in a method `at_neighbours`; any other is
evaluated at `Neighbours.values`.
"""

from collections.abc import Callable

import tensorflow as tf

from igr_suite.estimators.inputs import Valued, variable_sizes
from igr_suite.estimators.variables import kind_of


class Neighbours:
    """Neighbours of samples b: each of some variables at each of its O other values (Bernoulli: 1, categorical: C - 1).

    Args:
      samples: b [B, D], or one-hot [B, V, C].
      variables: numbers of M variables, int32 [M].
    """

    def __init__(self, samples: tf.Tensor, variables: tf.Tensor):
        self.samples, self.variables = samples, variables
        self.others = kind_of(samples).other_values(samples)

    def cast(self, dtype: tf.DType) -> "Neighbours":
        """The same neighbours in another type."""
        return Neighbours(tf.cast(self.samples, dtype), self.variables)

    def values(self) -> tf.Tensor:
        """All values of the neighbours, [M, O, B, D] or [M, O, B, V, C]."""
        differs = tf.one_hot(self.variables, tf.shape(self.samples)[1], True, False, dtype=tf.bool)
        differs = tf.reshape(differs, tf.concat([tf.shape(differs)[:1], [1, 1], tf.shape(differs)[1:]], 0))
        if self.samples.shape.rank == 3:
            differs = differs[..., tf.newaxis]
        return tf.where(differs, self.others, self.samples)

    def affine(self, kernel: tf.Tensor, bias: tf.Tensor, scale: float = 1.0, offset: float = 0.0) -> tf.Tensor:
        """(scale b + offset) kernel + bias of every neighbour, as that of the samples and one row's change.

        Args:
          kernel: [D, outputs], or [V C, outputs] for flat one-hot values.
          bias: [outputs].
          scale, offset: what the map reads of a value b is scale b + offset.
        Returns:
          [M, O, B, outputs].
        """
        size = kernel.shape[0] // self.samples.shape[1]  # numbers that say a variable's value
        flat = tf.reshape(scale * self.samples + offset, (-1, kernel.shape[0]))
        of_samples = tf.matmul(flat, kernel) + bias
        changes = tf.gather(scale * (self.others - self.samples), self.variables, axis=2)  # [O, B, M] or [O, B, M, C]
        changes = tf.reshape(changes, tf.concat([tf.shape(changes)[:3], [size]], 0))
        changes = tf.transpose(changes, (2, 0, 1, 3))
        rows = tf.gather(tf.reshape(kernel, (-1, size, kernel.shape[1])), self.variables)
        if size == 1:
            return of_samples + changes * rows[:, tf.newaxis]
        shape = tf.concat([tf.shape(changes)[:3], [kernel.shape[1]]], 0)
        products = tf.matmul(tf.reshape(changes, (-1, shape[1] * shape[2], size)), rows)
        return of_samples + tf.reshape(products, shape)

    def sums(self, by_variable: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
        """The sum over all variables of a function of each.

        Args:
          by_variable: maps values [..., B, D] or [..., B, V, C] to what each variable has of them, [..., B, D] or [..., B,
            V].
        Returns:
          [M, O, B].
        """
        of_samples, of_others = by_variable(self.samples), by_variable(self.others)
        changes = tf.gather(of_others - of_samples, self.variables, axis=2)
        return tf.reduce_sum(of_samples, -1) + tf.transpose(changes, (2, 0, 1))


def values_at_neighbours(objective: Valued, samples: tf.Tensor, chunk: int) -> tf.Tensor:
    """f at all neighbours of the samples.

    Args:
      objective: f.
      samples: [B, D] or [B, V, C]; sizes but B's are known.
      chunk: neighbours of each sample that are evaluated at a time.
    Returns:
      [D, 1, B] or [V, C - 1, B].
    """
    variables, categories = (*variable_sizes(samples.shape), 2)[:2]  # two values of a Bernoulli variable
    if categories == 1:
        return tf.zeros([variables, 0, tf.shape(samples)[0]], samples.dtype)
    together = max(1, chunk // (categories - 1))
    whole, rest = divmod(variables, together)

    def evaluated(first: tf.Tensor, count: int) -> tf.Tensor:
        return objective.at_neighbours(Neighbours(samples, first + tf.range(count)))

    parts = []
    if whole == 1:
        parts.append(evaluated(tf.constant(0), together))
    elif whole:
        values = tf.map_fn(
            lambda first: evaluated(first, together),
            together * tf.range(whole),
            parallel_iterations=1,
            fn_output_signature=samples.dtype,
        )
        parts.append(tf.reshape(values, (whole * together, categories - 1, -1)))
    if rest:
        parts.append(evaluated(tf.constant(whole * together), rest))
    return tf.concat(parts, 0)
