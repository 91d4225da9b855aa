"""Adam whose update of one variable is one fused kernel."""

from collections.abc import Callable

import keras
import tensorflow as tf

from igr_suite.training.descent import MeanOverReplicas


@keras.saving.register_keras_serializable(package="igr_suite")
class FusedAdam(MeanOverReplicas, keras.optimizers.Adam):
    """Keras's Adam with TensorFlow's fused update: one pass over the memory of (weights, m, v, gradient) instead of
    eight.

        m <- b1 m + (1 - b1) g,  v <- b2 v + (1 - b2) g^2
        w <- w - lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + epsilon)

    Adam is memory-bound (docs/performance.md): even so it takes a fifth of a small network's step. Weights, slots and
    the step counter are Keras's own; only dense float variables are supported, and the options that change the formula
    (amsgrad, weight decay, clipping) are left to Keras's slower code.

    Source: Kingma & Ba (2015), algorithm 1 with the efficient ordering of section 2.
    """

    def correction_bases(self) -> tuple[float, float]:
        """The bases whose t-th powers correct the averages for their start at 0."""
        return self.beta_1, self.beta_2

    def update_step(self, gradient, variable, learning_rate):
        if self.amsgrad or not tf.is_tensor(gradient):
            super().update_step(gradient, variable, learning_rate)
            return
        index = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=_handle(variable),
            m=_handle(self._momentums[index]),
            v=_handle(self._velocities[index]),
            beta1=tf.constant(self.beta_1, variable.dtype),
            beta2=tf.constant(self.beta_2, variable.dtype),
            grad=gradient,
            use_locking=False,
            **self.kernel_numbers(learning_rate, tf.as_dtype(variable.dtype)),
        )

    def kernel_numbers(self, learning_rate, dtype: tf.DType) -> dict[str, tf.Tensor]:
        """Returns what the kernel needs at the present step: "lr", "epsilon", and "beta1_power" and "beta2_power", the
        t-th powers in the correction sqrt(1 - b2^t) / (1 - b1^t)."""
        step = tf.cast(self.iterations + 1, dtype)
        powers = [tf.pow(tf.constant(base, dtype), step) for base in self.correction_bases()]
        return {
            "beta1_power": powers[0],
            "beta2_power": powers[1],
            "lr": tf.cast(learning_rate, dtype),
            "epsilon": tf.constant(self.epsilon, dtype),
        }


@keras.saving.register_keras_serializable(package="igr_suite")
class LegacyAdam(FusedAdam):
    """Adam as the half-and-half MNIST code had it, with the complements of its rates in the correction.

        w <- w - lr sqrt(1 - (1 - b2)^t) / (1 - (1 - b1)^t) m / (sqrt(v) + epsilon)

    The first steps are longer: times 3.5 at t = 1, 6.5 at 10, 3.2 at 100, 1.26 at 1000.

    Source: docs/papers/half_mnist.md, section 1.5.
    """

    def correction_bases(self) -> tuple[float, float]:
        return 1.0 - self.beta_1, 1.0 - self.beta_2


def apply_if(condition: tf.Tensor, apply: Callable[[], None]) -> None:
    """Calls `apply`, which returns nothing, where a condition of the graph holds."""

    def applied() -> tf.Tensor:
        apply()
        return tf.constant(0)

    tf.cond(condition, applied, lambda: tf.constant(0))


def apply_after(warmup: int, control: keras.optimizers.Optimizer, apply: Callable[[], None]) -> None:
    """Calls `apply`, a step of the networks, once the optimiser of a control variate has taken `warmup` steps; 0 for
    always."""
    if warmup:
        apply_if(control.iterations >= warmup, apply)
    else:
        apply()


def _handle(variable) -> tf.Tensor:
    """The resource behind a Keras or a TensorFlow variable."""
    return (variable.value if isinstance(variable, keras.Variable) else variable).handle
