"""Learning rates that change during training."""

import keras
import tensorflow as tf


class FlooredInverseTime(keras.optimizers.schedules.LearningRateSchedule):
    """lr_t = max(least, initial / (1 + decay t)), t = 0 at the first step.

    Args:
      initial: learning rate of the first step.
      decay: a step.
      least: the rate never falls below it.
    Source: the IGR authors' NeurIPS code (spec/igr.md section 4).
    """

    def __init__(self, initial: float, decay: float, least: float):
        self.initial, self.decay, self.least = initial, decay, least

    def __call__(self, step) -> tf.Tensor:
        return tf.maximum(self.least, self.initial / (1.0 + self.decay * tf.cast(step, tf.float32)))

    def get_config(self) -> dict[str, float]:
        return {"initial": self.initial, "decay": self.decay, "least": self.least}
