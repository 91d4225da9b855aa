"""Variance of gradient estimators at frozen weights and images, which comes only from the estimators' own noise."""

from collections.abc import Callable

import tensorflow as tf

from igr_suite.measuring.gradients import Gradients, Moments
from igr_suite.randomness import at_step


def moments_of(
    gradients: Callable[[tf.Tensor], Gradients], draws: int, seed: tf.Tensor, first: tf.Tensor | int = 0
) -> dict[str, list[Moments]]:
    """Moments of the gradients of draws number `first` to `first + draws - 1`.

    Args:
      gradients: maps a seed to named lists of gradients, all made with that seed's noise.
      draws: their number.
      seed: int32 [2], from which the draws' seeds are derived.
      first: number of the first draw.
    """

    def body(i, moments):
        drawn = gradients(at_step(seed, first + i))
        return i + 1, {name: [m.add(g) for m, g in zip(moments[name], drawn[name])] for name in moments}

    start = {name: [Moments.start(g) for g in group] for name, group in gradients(seed).items()}
    return tf.while_loop(lambda i, _: i < draws, body, (tf.constant(0), start), parallel_iterations=1)[1]


def variance_function(
    gradients: Callable[[tf.Tensor], Gradients], draws: int, jit: bool = True
) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Compiles the measurement of variances.

        variance = mean_i  1/(R-1) sum_r (g_{r,i} - mean_r g_{r,i})^2,   i over all entries of a named list

    Args:
      gradients: as in `moments_of`.
      draws: R >= 2.
      jit: whether XLA compiles it.
    Returns:
      A function that maps a seed int32 [2] to {name: variance}.
    """

    @tf.function(jit_compile=jit, autograph=False, input_signature=[tf.TensorSpec((2,), tf.int32)])
    def measure(seed):
        moments = moments_of(gradients, draws, seed)
        sizes = {name: sum(m.mean.shape.num_elements() for m in group) for name, group in moments.items()}
        return {name: tf.add_n([m.variance() for m in group]) / sizes[name] for name, group in moments.items()}

    return measure
