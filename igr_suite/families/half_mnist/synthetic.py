"""The synthetic gradient of half-and-half MNIST: its inputs, its regression, its optimiser."""

import keras
import tensorflow as tf

from igr_suite.data.halves import HALF_PIXELS
from igr_suite.families.half_mnist.gradient_regressors import regressor
from igr_suite.families.half_mnist.synthetic_config import SyntheticGradientConfig
from igr_suite.training.adam import FusedAdam, apply_if
from igr_suite.training.schedules import StepDecay

MOMENTUM = 0.9
LOWEST_RATE = 1e-6
DECAY = ((30_000, 100), (20_000, 50), (10_000, 10), (5_000, 5), (2_000, 2))  # (from this step on, period in steps)


class SyntheticGradient:
    """M(u), the regression of an encoder's noisy logit gradient on quantities known beside it.

        loss = mean (c t_n - mean_r M(u_nr))^2,   applied: mean_r M(u_nr) / c

    where t_n is the gradient of image n's own loss and c = 1 / B for the original's scale "batch", 1 for "example", 392
    for "image".

    Args:
      config: network, inputs, scale, optimiser.
      latents: L.
      steps_per_epoch: for the schedule of the step size, which counts epochs.
      seed: of the initial weights.
    Source: docs/papers/half_mnist.md, section 1.7.
    """

    scalars = ("sg_loss", "target_square", "synthetic_square", "cosine")

    def __init__(self, config: SyntheticGradientConfig, latents: int, steps_per_epoch: int, seed: int):
        self.config = config
        inputs = (config.input_size(latents),)
        self.net = regressor(config.kind, config.width, seed)(inputs, (latents,))
        self.net.build((None, *inputs))
        rate = StepDecay.of(config, steps_per_epoch, LOWEST_RATE)
        self.optimiser = (
            FusedAdam(rate, epsilon=1e-8) if config.optimiser == "adam" else keras.optimizers.SGD(rate, MOMENTUM)
        )
        self.optimiser.build(self.net.trainable_variables)

    def state_variables(self) -> list:
        """Weights and the optimiser's state."""
        return [*self.net.variables, *self.optimiser.variables]

    def predict(self, given: tf.Tensor) -> tf.Tensor:
        """M(u) of inputs [M, U]: [M, L], in the scale of the scaled targets."""
        return self.net(given, training=True)

    def scales(self, batch: int, rows: int) -> tuple[float, float]:
        """Factors of the gradients of rows' own losses: (of the targets, of dC/dz among the inputs)."""
        return {"batch": (1.0 / batch, 1.0 / rows), "example": (1.0, 1.0), "image": (HALF_PIXELS, HALF_PIXELS)}[
            self.config.scale
        ]

    def given(self, rows, codes, probabilities: tf.Tensor, batch: int) -> tf.Tensor:
        """The selected inputs u [M, U] in the order of `synthetic_config.INPUTS`, as constants.

        Args:
          rows: `SampleRows` of the batch.
          codes: `Evaluated` codes of the same rows.
          probabilities: [M, L].
          batch: number of images.
        """
        slope = codes.slope * self.scales(batch, codes.slope.shape[0])[1]
        baseline = rows.baseline[:, tf.newaxis]
        values = rows.upper, rows.lower, probabilities, slope, codes.code, baseline, 1.0 - probabilities
        return tf.stop_gradient(tf.concat([values[i] for i in self.config.selected], -1))

    def regress(self, given: tf.Tensor, targets: tf.Tensor):
        """Predictions and the regression's gradients.

        Args:
          given: [B S, U], the samples of an image together.
          targets: t [B, L], gradients of each image's own loss.
        Returns:
          (predictions of t [B, L] as constants, scalars, the argument of `step`).
        """
        batch = targets.shape[0]
        scale = self.scales(batch, batch)[0]
        scaled = tf.stop_gradient(targets) * scale
        if self.config.max_grad:
            scaled = scaled * tf.sqrt(self.config.max_grad / tf.reduce_mean(scaled**2))
        weights = [v.value for v in self.net.trainable_variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            predicted = tf.reduce_mean(tf.reshape(self.predict(given), (batch, -1, targets.shape[-1])), 1)
            loss = tf.reduce_mean((scaled - predicted) ** 2)
        target_square, square = tf.reduce_mean(scaled**2), tf.reduce_mean(predicted**2)
        # 0 before the network's first step, when its output is 0 and has no direction
        cosine = tf.math.divide_no_nan(tf.reduce_mean(scaled * predicted), tf.sqrt(target_square * square))
        scalars = {"sg_loss": loss, "target_square": target_square, "synthetic_square": square, "cosine": cosine}
        return predicted / scale, scalars, (tape.gradient(loss, weights), tf.reduce_all(tf.math.is_finite(scaled)))

    def due(self, step: tf.Tensor) -> tf.Tensor:
        """Whether the network takes a step at this step of the run, counted from 0."""
        period = tf.constant(self.config.update_every)
        if self.config.update_style == "decay":
            for begin, longer in reversed(DECAY):
                period = tf.where(step >= begin, longer, period)
        return tf.equal(step % period, 0)

    def step(self, own, step: tf.Tensor) -> None:
        """One step of the optimiser where it is due and the targets are finite; `own` is from `regress`."""
        gradients, finite = own
        apply_if(self.due(step) & finite, lambda: self.optimiser.apply(gradients, self.net.trainable_variables))
