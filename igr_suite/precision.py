"""Half precision: inputs in float16 or bfloat16 are computed in float32 and rounded once, at the end."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from igr_suite.errors import UserError

HALVES = (tf.float16, tf.bfloat16)
FLOATS = (*HALVES, tf.float32, tf.float64)


def check_float(dtype, owner: str) -> tf.DType:
    """Returns the dtype as TensorFlow's.

    Args:
      dtype: a dtype of TensorFlow or NumPy, or its name.
      owner: the name of the thing with this dtype, for the error message.
    Raises:
      UserError: the dtype is none of float16, bfloat16, float32 and float64.
    """
    try:
        given = tf.as_dtype(dtype)
    except TypeError:
        raise UserError(f"{owner} must be float16, bfloat16, float32 or float64, got {dtype!r}") from None
    if given not in FLOATS:
        raise UserError(
            f"{owner} must be float16, bfloat16, float32 or float64, got {given.name}; cast it with tf.cast"
        )
    return given


def as_float(value, name: str, dtype: tf.DType | None = None) -> tf.Tensor:
    """Returns a tensor, variable, array, number or list as a tensor of floats.

    Integers become `dtype`, or float32 where none is given; a Python number is not rounded to float32 on its way to
    float64.

    Args:
      value: anything that TensorFlow can make a tensor of.
      name: its name, for the error message.
      dtype: the required dtype; arrays and numbers are converted to it, tensors of floats must have it.
    Raises:
      UserError: the value cannot be a tensor, is not made of numbers, or is a tensor of another float type.
    """
    try:
        if isinstance(value, (np.ndarray, np.generic)) and dtype is not None and value.dtype.kind in "iuf":
            value = value.astype(dtype.as_numpy_dtype)
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        tensor = tf.convert_to_tensor(value, dtype=dtype if number else None)
        if dtype is not None and isinstance(value, (list, tuple)) and tensor.dtype.is_floating:
            tensor = tf.convert_to_tensor(value, dtype=dtype)  # again, without rounding to float32
    except (TypeError, ValueError) as error:
        raise UserError(
            f"{name} must be numbers, an array or a tensor, got {type(value).__name__}: {_first_line(error)}"
        ) from error
    if tensor.dtype.is_integer:
        return tf.cast(tensor, dtype or tf.float32)
    check_float(tensor.dtype, name)
    if dtype is not None and tensor.dtype != dtype:
        raise UserError(
            f"{name} is {tensor.dtype.name} beside parameters of {dtype.name}; cast one of them with tf.cast"
        )
    return tensor


def widened(value: Any) -> Any:
    """Returns half-precision tensors, and distributions with such parameters, in float32; anything else as it is.

    Args:
      value: a tensor, variable, array, distribution, or a structure of them.
    """
    return tf.nest.map_structure(_widened, value)


def _widened(value: Any) -> Any:
    if hasattr(value, "in_float32"):
        return value.in_float32()
    return tf.cast(value, tf.float32) if _dtype_of(value) in HALVES else value


def in_float32(function: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
    """Decorates a function of tensors or distributions: where the first is of half precision, it computes in float32 and
    its result is rounded to the half type.

    Other arguments of half precision are converted to float32 in any case.
    """

    @functools.wraps(function)
    def wide(*arguments, **named):
        given = [_dtype_of(value) for value in tf.nest.flatten([arguments, named])]
        floats = [dtype for dtype in given if dtype in FLOATS]
        if not any(dtype in HALVES for dtype in floats):
            return function(*arguments, **named)
        result = function(*widened(arguments), **widened(named))
        return tf.nest.map_structure(lambda part: narrowed(part, floats[0]), result) if floats[0] in HALVES else result

    return wide


def narrowed(tensor: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Returns a float32 tensor in another float type; any other tensor as it is."""
    return tf.cast(tensor, dtype) if tensor.dtype == tf.float32 else tensor


def _dtype_of(value: Any) -> tf.DType | None:
    if isinstance(value, (tf.Tensor, tf.Variable, np.ndarray, np.generic)) or hasattr(value, "in_float32"):
        return tf.as_dtype(value.dtype)
    if hasattr(value, "__tf_tensor__"):  # a Keras variable
        return tf.as_dtype(value.dtype)
    return None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
