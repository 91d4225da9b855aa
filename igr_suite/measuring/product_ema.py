"""The averages of `gradient_ema` for gradients that are products a' d of a batch, taken in ten steps at a time.

    m_{t+10} = d^10 m_t + (1 - d) sum_j d^(10-j) a_j' d_j = d^10 m_t + A' D,   A [10 N, inputs] the stacked a_j

Metrics need m at every tenth step only. Until then the factors a_j [N, inputs], which all estimators share, and
d_j [N, outputs] are kept; one product with inner size 10 N then replaces ten reads and writes of every average, and
gradients that nothing else reads are never formed: their squares follow from N x N matrices,
|a'd|^2 = sum (a a') (d d').
"""

from collections.abc import Sequence

import tensorflow as tf

from igr_suite.measuring.gradient_ema import DECAY, EVERY, FIRST, GradientEMA, _blend


class ProductEMA(GradientEMA):
    """`GradientEMA` with the separate gradients given as factors, kernel and bias in turn; equal to it up to rounding.

    Args:
      rows: N of every batch; the others as in `GradientEMA`.
    """

    def __init__(self, *args, rows: int):
        super().__init__(*args)
        kernels = [v.shape for v in self.first[0][::2]]
        self.layer_inputs = [
            tf.Variable(tf.zeros((EVERY, rows, inputs), self.dtype), trainable=False) for inputs, _ in kernels
        ]
        self.deltas = [
            tf.Variable(tf.zeros((EVERY, rows, self.estimators * outputs), self.dtype), trainable=False)
            for _, outputs in kernels
        ]

    @property
    def variables(self) -> list[tf.Variable]:
        """The averages, and the factors that have not been added to them yet, in a fixed order."""
        return [*super().variables, *self.layer_inputs, *self.deltas]

    def update_products(
        self,
        layer_inputs: Sequence[tf.Tensor],
        deltas: Sequence[Sequence[tuple[tf.Tensor, tf.Tensor]]],
        common: Sequence[tf.Tensor],
    ) -> dict[str, tf.Tensor]:
        """Adds one step's gradients to the averages.

        Args:
          layer_inputs: a of each kernel [N, inputs].
          deltas: by estimator and kernel, d of the kernel and of its bias [N, outputs].
          common: the gradients that all estimators share.
        Returns:
          As in `update`.
        """
        grams = [tf.matmul(a, a, transpose_b=True) for a in layer_inputs]
        squares, biases = [], []
        for averages, pairs in zip(self.first, deltas):
            sums = [tf.reduce_sum(bias, 0) for _, bias in pairs]
            products = [tf.reduce_sum(gram * tf.matmul(d, d, transpose_b=True)) for gram, (d, _) in zip(grams, pairs)]
            squares.append(tf.add_n([*products, *[tf.reduce_sum(tf.square(total)) for total in sums]]))
            biases.append([_blend(average, total) for average, total in zip(averages[1::2], sums)])
        slot = tf.cast(
            tf.where(self.steps < FIRST, tf.zeros_like(self.steps), tf.math.floormod(self.steps, EVERY)), tf.int32
        )
        for variable, value in zip(self.layer_inputs, layer_inputs):
            variable.scatter_update(tf.IndexedSlices(value[tf.newaxis], slot[tf.newaxis]))
        for j, variable in enumerate(self.deltas):
            value = tf.concat([pairs[j][0] for pairs in deltas], -1)
            variable.scatter_update(tf.IndexedSlices(value[tf.newaxis], slot[tf.newaxis]))
        return self._update(squares, common, lambda steps: self._averages(steps, biases))

    def _averages(self, steps: tf.Tensor, biases: list[list[tf.Tensor]]) -> list[list[tf.Tensor]]:
        """Adds the stored factors to the kernels' averages: one step's in the first steps, ten steps' later."""
        alone = steps <= FIRST
        powers = tf.constant([DECAY ** (EVERY - 1 - j) for j in range(EVERY)], self.dtype)
        weights = (1.0 - DECAY) * tf.where(alone, tf.one_hot(0, EVERY, dtype=self.dtype), powers)
        past = tf.where(alone, tf.constant(DECAY, self.dtype), tf.constant(DECAY**EVERY, self.dtype))
        updated = [[] for _ in biases]
        for j, (layer_inputs, deltas) in enumerate(zip(self.layer_inputs, self.deltas)):
            a = tf.reshape(layer_inputs * weights[:, tf.newaxis, tf.newaxis], (-1, layer_inputs.shape[-1]))
            products = tf.split(tf.reshape(deltas, (-1, deltas.shape[-1])), self.estimators, -1)
            for averages, row, bias, d in zip(self.first, updated, biases, products):
                row += [averages[2 * j].assign(past * averages[2 * j] + tf.matmul(a, d, transpose_a=True)), bias[j]]
        return updated
