"""Numbers of a layer that may change while it is trained: constants, schedules of its training steps, and Keras
variables."""

import math
from collections.abc import Mapping
from numbers import Real
from typing import TypeAlias

import keras
import tensorflow as tf

from igr_suite.errors import UserError

Schedule = keras.optimizers.schedules.LearningRateSchedule
Scheduled: TypeAlias = float | keras.optimizers.schedules.LearningRateSchedule | keras.Variable


def check_scheduled(name: str, value, least: float, usual: str) -> Scheduled:
    """Returns the value, a number as a float.

    Args:
      name: of the layer's argument, for the message.
      value: number, schedule or Keras variable.
      least: the smallest number that is allowed.
      usual: what to give instead, for the message.
    Raises:
      UserError: another thing, a number below `least`, or a variable that does not hold one floating-point number.
    """
    if isinstance(value, Schedule):
        return value
    if isinstance(value, keras.Variable):
        if tuple(value.shape) or not keras.backend.is_float_dtype(value.dtype):
            raise UserError(
                f"{name} is a variable of shape {tuple(value.shape)} and type {value.dtype}; make it one "
                f"floating-point number, keras.Variable(0.5)"
            )
        return value
    if not isinstance(value, Real) or isinstance(value, bool):
        raise UserError(
            f"{name} must be a number, a schedule of keras.optimizers.schedules or a keras.Variable, got {value!r}"
        )
    number = float(value)
    if not least <= number < math.inf:
        raise UserError(f"{name} must be at least {least:g}, got {value} ({usual})")
    return number


def value_at(value: Scheduled, step: tf.Tensor | int, dtype: tf.DType) -> float | tf.Tensor:
    """Returns the number at a training step: a constant as it is, else a scalar tensor of this type.

    Args:
      value: as `check_scheduled` returned it.
      step: number of training steps made.
      dtype: float32 or float64.
    """
    if isinstance(value, Schedule):
        return tf.cast(value(step), dtype)
    if isinstance(value, keras.Variable):
        return tf.cast(value.value, dtype)
    return value


def to_config(value: Scheduled) -> float | dict:
    """Returns the number as JSON values; of a variable its present value."""
    if isinstance(value, Schedule):
        return keras.saving.serialize_keras_object(value)
    if isinstance(value, keras.Variable):
        return {"variable": float(value.numpy()), "trainable": value.trainable, "dtype": value.dtype}
    return value


def from_config(config) -> Scheduled:
    """Returns the number that `to_config` described; a variable is a new one."""
    if isinstance(config, Mapping) and "variable" in config:
        return keras.Variable(config["variable"], trainable=config["trainable"], dtype=config["dtype"])
    if isinstance(config, Mapping):
        return keras.saving.deserialize_keras_object(config)
    return config
