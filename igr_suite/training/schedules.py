"""Learning rates that change during training."""

import math

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="igr_suite")
class FlooredInverseTime(keras.optimizers.schedules.LearningRateSchedule):
    """lr_t = max(least, initial / (1 + decay t)), t = 0 at the first step.

    Args:
      initial: learning rate of the first step.
      decay: per step.
      least: lower limit of the rate.
    Source: the IGR authors' NeurIPS code (docs/papers/igr.md, section 4).
    """

    def __init__(self, initial: float, decay: float, least: float):
        self.initial, self.decay, self.least = initial, decay, least

    def __call__(self, step) -> tf.Tensor:
        return tf.maximum(self.least, self.initial / (1.0 + self.decay * tf.cast(step, tf.float32)))

    def get_config(self) -> dict[str, float]:
        return {"initial": self.initial, "decay": self.decay, "least": self.least}


@keras.saving.register_keras_serializable(package="igr_suite")
class StepDecay(keras.optimizers.schedules.LearningRateSchedule):
    """lr_t = initial / rate^k, k = floor(t / period), where k stops growing once lr is at `least` or below.

    Args:
      initial: learning rate of the first step.
      rate: at least 1.
      period: steps between divisions.
      least: the division that reaches it, or goes below, is the last.
    Source: the half-and-half MNIST code (docs/papers/half_mnist.md, section 1.5).
    """

    def __init__(self, initial: float, rate: float, period: int, least: float):
        self.initial, self.rate, self.period, self.least = initial, rate, period, least
        self.divisions = max(0, math.ceil(math.log(initial / least) / math.log(rate) - 1e-9))

    @classmethod
    def of(cls, config, steps_per_epoch: int, least: float) -> "StepDecay | float":
        """The schedule of a config's learning_rate, slash_rate and slash_every (epochs), or the constant rate if it is
        never divided."""
        if config.slash_rate == 1:
            return config.learning_rate
        return cls(config.learning_rate, config.slash_rate, config.slash_every * steps_per_epoch, least)

    def __call__(self, step) -> tf.Tensor:
        divisions = tf.minimum(tf.cast(step, tf.int32) // self.period, self.divisions)
        return self.initial / tf.pow(self.rate, tf.cast(divisions, tf.float32))

    def get_config(self) -> dict[str, float]:
        return {"initial": self.initial, "rate": self.rate, "period": self.period, "least": self.least}
