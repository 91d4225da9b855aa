"""Variance of gradients along training, from exponential moving averages; it mixes sampling noise, minibatches and
parameter drift.

    m <- d m + (1 - d) g,   s <- d s + (1 - d) mean_i g_i^2,   variance = s - mean_i m_i^2
    (i over all scalars of the model)

The authors keep the average of g_i^2 for every i; only its mean is ever used, so one number is kept here instead. Both
averages start at 0 and are divided by 1 - d^t unless `debias` is off, as for the published traces. The sums of m_i^2,
which change little in a step, are taken at each of the first 50 steps and at every tenth step from then on: a pass over
all weights costs as much as Adam.

Source: docs/papers/rebar.md, sections 3.2 to 3.4.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

DECAY = 0.999
FIRST, EVERY = 50, 10  # steps at which the squares of the averages are summed


class GradientEMA:
    """Averages of the gradients of several estimators at the same weights.

    Args:
      shapes: of the gradients; the first `separate` gradients differ between estimators, the rest are common to all.
      separate: number of gradients that differ.
      estimators: E.
      debias: whether averages are divided by 1 - d^t.
      dtype: of gradients.
      decay: d.
    """

    def __init__(
        self,
        shapes: Sequence[tuple[int, ...]],
        separate: int,
        estimators: int,
        debias: bool,
        dtype: tf.DType = tf.float32,
        decay: float = DECAY,
    ):
        self.separate, self.estimators, self.debias, self.dtype, self.decay = separate, estimators, debias, dtype, decay
        self.first = [
            [tf.Variable(tf.zeros(s, dtype), trainable=False) for s in shapes[:separate]] for _ in range(estimators)
        ]
        self.common = [tf.Variable(tf.zeros(s, dtype), trainable=False) for s in shapes[separate:]]
        self.second = tf.Variable(tf.zeros(estimators, dtype), trainable=False)
        self.steps = tf.Variable(tf.zeros((), dtype), trainable=False)
        self.squares = tf.Variable(tf.zeros(2 * estimators + 1, dtype), trainable=False)
        self.size = sum(v.shape.num_elements() for v in [*self.first[0], *self.common])

    @property
    def variables(self) -> list[tf.Variable]:
        """The averages, in a fixed order."""
        return [*(v for group in self.first for v in group), *self.common, self.second, self.steps, self.squares]

    def update(self, gradients: Sequence[Sequence[tf.Tensor]], common: Sequence[tf.Tensor]) -> dict[str, tf.Tensor]:
        """Adds one step's gradients to the averages.

        Args:
          gradients: E lists of the separate gradients.
          common: the other gradients.
        Returns:
          {"variance": [E], "deviation": [E] (mean square distance of an estimator's average from the average over
          estimators, an alarm for bias), "mean_square": of the average over estimators}. The variance is about an
          estimator's own average; without `debias` it is about the average over estimators, as the authors' is.
        """
        first = [[_blend(v, g, self.decay) for v, g in zip(row, group)] for row, group in zip(self.first, gradients)]
        return self._update([sum_of_squares(group) for group in gradients], common, lambda steps: first)

    def _update(
        self, separate_squares: Sequence[tf.Tensor], common: Sequence[tf.Tensor], averages: Callable
    ) -> dict[str, tf.Tensor]:
        """The part of `update` after the averages of the separate gradients.

        Args:
          separate_squares: sums of squares of each estimator's separate gradients.
          common: the other gradients.
          averages: maps the number of steps so far, this one included, to E lists of the averages of the separate
            gradients; called only at steps that need them.
        """
        decay = tf.constant(self.decay, self.dtype)
        common_square = sum_of_squares(common)
        squares = tf.stack([square + common_square for square in separate_squares]) / self.size
        shared = [_blend(v, g, self.decay) for v, g in zip(self.common, common)]
        second = self.second.assign(decay * self.second + (1.0 - decay) * squares)
        steps = self.steps.assign_add(1.0)
        weight = 1.0 / (1.0 - tf.pow(decay, steps)) if self.debias else tf.ones((), self.dtype)
        due = tf.logical_or(steps <= FIRST, tf.equal(tf.math.floormod(steps, EVERY), 0.0))
        held = self.squares.assign(
            tf.cond(
                due,
                lambda: tf.square(weight) * self._squares(averages(steps), shared),
                lambda: tf.convert_to_tensor(self.squares),
            )
        )
        centre_squares, deviations, mean_square = tf.split(held, [self.estimators, self.estimators, 1])
        return {"variance": weight * second - centre_squares, "deviation": deviations, "mean_square": mean_square[0]}

    def _squares(self, first: list[list[tf.Tensor]], shared: list[tf.Tensor]) -> tf.Tensor:
        """Mean squares: of the averages about which the variances are [E], of the distances of the estimators' averages
        from the average over estimators [E], and of that average."""
        several = self.estimators > 1
        centres = [tf.add_n(list(group)) / self.estimators for group in zip(*first)] if several else first[0]
        own = first if self.debias or not several else [centres] * self.estimators
        common = sum_of_squares(shared)
        centre_squares = [sum_of_squares(row) + common for row in own]
        deviations = [sum_of_squares([m - c for m, c in zip(row, centres)]) for row in first]
        return tf.stack([*centre_squares, *deviations, sum_of_squares(centres) + common]) / self.size


def _blend(variable: tf.Variable, gradient: tf.Tensor, decay: float = DECAY) -> tf.Tensor:
    new = decay * variable + (1.0 - decay) * gradient
    variable.assign(new)
    return new


def sum_of_squares(tensors: Sequence[tf.Tensor]) -> tf.Tensor | float:
    """Sum over all entries, the first axis first: XLA vectorises that order on a CPU, and float32 sums stay exact to
    10^-6."""
    if not tensors:
        return 0.0
    return tf.add_n([tf.reduce_sum(tf.reduce_sum(tf.square(t), 0)) for t in tensors])
