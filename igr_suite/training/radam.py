"""RAdam: Adam whose first steps do without the mean square, and whose next ones are shortened until it is reliable."""

import keras
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.training.adam import FusedAdam

# Added to the root of the mean square in the steps that do without it, so that the kernel divides by a constant: the
# root is below its last digit, and quotients of ordinary gradients are far from the smallest float32.
CONSTANT = 1e15


@keras.saving.register_keras_serializable(package="igr_suite")
class RAdam(FusedAdam):
    """Rectified Adam with the fused update and the default settings of `torch.optim.RAdam`.

        m <- b1 m + (1 - b1) g,  v <- b2 v + (1 - b2) g^2
        rho_inf = 2 / (1 - b2) - 1,   rho_t = rho_inf - 2 t b2^t / (1 - b2^t)
        r_t = sqrt((rho_t - 4) (rho_t - 2) rho_inf / ((rho_inf - 4) (rho_inf - 2) rho_t))
        w <- w - lr r_t sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + epsilon)   if rho_t > 5
        w <- w - lr / (1 - b1^t) m                                            otherwise

    With b2 = .999 the first five steps are of the second kind.

    Args:
      learning_rate, beta_1, beta_2, epsilon: lr, b1, b2, epsilon.
      **options: of Keras's optimisers.
    Raises:
      UserError: `amsgrad` is set.
    Source: Liu et al. (2020), "On the Variance of the Adaptive Learning Rate and Beyond", algorithm 2; the place of
      epsilon is PyTorch's.
    """

    def __init__(self, learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-8, name="radam", **options):
        if options.get("amsgrad"):
            raise UserError("RAdam has no amsgrad=True; leave it out, or take Adam")
        super().__init__(learning_rate, beta_1, beta_2, epsilon, name=name, **options)

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(tf.convert_to_tensor(gradient), variable, learning_rate)

    def kernel_numbers(self, learning_rate, dtype):
        """The corrections are part of the step size, in float64: rho_t is the difference of two large numbers, which
        float32 would place on the wrong side of 5."""
        step = tf.cast(self.iterations + 1, tf.float64)
        powers = [tf.pow(tf.constant(base, tf.float64), step) for base in (self.beta_1, self.beta_2)]
        longest = 2.0 / (1.0 - self.beta_2) - 1.0
        length = longest - 2.0 * step * powers[1] / (1.0 - powers[1])
        rectified = length > 5.0
        product = (length - 4.0) * (length - 2.0) * longest / ((longest - 4.0) * (longest - 2.0) * length)
        adaptive = tf.sqrt(tf.nn.relu(product * (1.0 - powers[1])))
        factor = tf.where(rectified, adaptive, CONSTANT) / (1.0 - powers[0])
        zero = tf.zeros([], dtype)
        return {
            "beta1_power": zero,
            "beta2_power": zero,
            "lr": tf.cast(tf.cast(learning_rate, tf.float64) * factor, dtype),
            "epsilon": tf.cast(tf.where(rectified, tf.constant(self.epsilon, tf.float64), CONSTANT), dtype),
        }
