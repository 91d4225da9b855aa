"""Converts the inputs of estimators (logits, noise, parameters, values of the objective) to the type to calculate
in."""

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from igr_suite.checks import is_whole
from igr_suite.errors import UserError
from igr_suite.randomness import uniform


def working_dtype(dtype) -> tf.DType:
    """The type to calculate in: float32 for half precision, where uniforms would round to 0 and 1; else the type
    itself."""
    dtype = tf.as_dtype(dtype)
    return tf.float32 if dtype.size < 4 else dtype


def as_logits(logits) -> tf.Tensor:
    """Converts logits, also arrays and lists, to a tensor; integers become float32.

    Raises:
      UserError: the value cannot be logits.
    """
    try:
        logits = tf.convert_to_tensor(logits)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"logits must be a tensor, an array or nested lists of numbers, got {type(logits).__name__}"
        ) from error
    if logits.dtype.is_integer:
        return tf.cast(logits, tf.float32)
    if not logits.dtype.is_floating:
        raise UserError(f"logits must be real numbers, got {logits.dtype.name}")
    return logits


def uniforms(shape, seed: tf.Tensor, dtype=tf.float32, copies: int | None = None) -> tf.Tensor:
    """Independent uniforms strictly inside (0, 1), for a batch that may be divided among replicas.

    Args:
      shape: with the batch's axis first: numbers, or an int tensor such as tf.shape(logits).
      seed: stateless, int32 [2].
      dtype: float32 or float64; half precision gets float32.
      copies: size of an additional first axis; None for no such axis.
    Returns:
      The shape, or [copies, *shape].
    Raises:
      UserError: a size that is not known.
    """
    leading = [] if copies is None else [copies]
    if tf.is_tensor(shape):
        shape = tf.concat([leading, tf.cast(shape, tf.int32)], 0) if leading else shape
    else:
        shape = [*leading, *known_sizes(shape, "tf.shape(logits)")]
    return uniform(shape, seed, working_dtype(dtype), batch_axis=len(leading))


def known_sizes(shape, instead: str) -> list:
    """The sizes of a shape given as numbers.

    Args:
      shape: any sequence of sizes.
      instead: what to pass where sizes are not known, for the message.
    Raises:
      UserError: a size or the number of axes is not known, or something that is no shape.
    """
    try:
        sizes = list(shape)
    except ValueError:  # a TensorShape without a rank
        sizes = [None]
    except TypeError:
        sizes = [shape, "no sequence"]
    if any(not (size is None or tf.is_tensor(size) or is_whole(size, 0)) for size in sizes):
        raise UserError(f"a shape is the sizes of the logits' axes, such as logits.shape, got {shape!r}")
    if any(size is None for size in sizes):
        raise UserError(
            f"logits of shape {shape} have sizes that are not known while this function is traced: pass {instead}"
        )
    return sizes


def variable_sizes(shape) -> list[int]:
    """The sizes of the variables' axes, of a shape [B, ...] given as numbers or as an int tensor.

    Raises:
      UserError: they are not known.
    """
    if tf.is_tensor(shape):
        shape = tf.zeros(shape, tf.bool).shape  # what is known of it while a function is traced
    try:
        sizes = list(shape[1:]) if getattr(shape, "rank", 1) is not None else [None]
    except TypeError:
        raise UserError(f"a shape is the sizes of the logits' axes, such as logits.shape, got {shape!r}") from None
    return known_sizes(sizes, "logits whose sizes are all known but for the batch's")


def in_dtype(values: Mapping[str, tf.Tensor], dtype: tf.DType) -> dict[str, tf.Tensor]:
    """Noise or parameters in the type to calculate in; integers stay integers, and values inside (0, 1) stay inside."""
    return {name: _cast(value, dtype) for name, value in values.items()}


def _cast(value, dtype: tf.DType):
    value_dtype = getattr(value, "dtype", None)
    if value_dtype == dtype:
        return value  # a variable stays a variable
    tensor = tf.convert_to_tensor(value, None if value_dtype is not None else dtype)
    if not tensor.dtype.is_floating or tensor.dtype == dtype:
        return tensor
    narrow = tf.cast(tensor, dtype)
    if tensor.dtype.size <= dtype.size:
        return narrow
    info = np.finfo(dtype.as_numpy_dtype)
    inside = tf.logical_and(tensor > 0.0, tensor < 1.0)
    return tf.where(inside, tf.clip_by_value(narrow, info.tiny, 1.0 - info.epsneg), narrow)


class Named(dict):
    """Tensors by name, of which a missing one is a sentence.

    Args:
      what: they are, for the message.
      values: name -> tensor.
      source: where to take them from, for the message.
    """

    def __init__(self, what: str, values: Mapping[str, tf.Tensor], source: str):
        super().__init__(values)
        self.what, self.source = what, source

    def __missing__(self, name: str):
        given = ", ".join(map(repr, self)) or "nothing"
        raise UserError(f"{self.what} must hold '{name}', got {given}; take {self.source}")


class Valued:
    """An objective that takes samples of the logits' type and returns checked values in the type to calculate in.

    Args:
      objective: the user's.
      dtype: of the samples that it takes.
      working: dtype of the values that estimators receive.
      axes: number of the samples' last axes that are the variables'.
    """

    def __init__(self, objective: Callable, dtype: tf.DType, working: tf.DType, axes: int):
        if not callable(objective):
            raise UserError(f"the objective must be a function of the samples, got {objective!r}")
        self.objective, self.dtype, self.working, self.axes = objective, dtype, working, axes

    def __call__(self, samples: tf.Tensor, above: Callable | None = None) -> tf.Tensor:
        """Maps samples [..., B, D] or [..., B, V, C], and for a layered objective the rule for the layers above
        (`base.Above`), to values [..., B]."""
        samples = tf.cast(samples, self.dtype)
        layered = getattr(self.objective, "layered", False)
        given = self.objective(samples, above) if layered else self.objective(samples)
        try:
            value = tf.convert_to_tensor(given)
        except (TypeError, ValueError) as error:
            raise UserError(f"the objective must return a tensor, got {type(given).__name__}") from error
        leading = samples.shape[: samples.shape.rank - self.axes]
        if not value.shape.is_compatible_with(leading):
            raise UserError(
                f"the objective must return one value for each example, samples {samples.shape} -> {leading}; got "
                f"shape {value.shape}"
            )
        if value.shape.rank is None:  # of tf.numpy_function
            value = tf.ensure_shape(value, leading)
        return tf.cast(value, self.working)

    def at_neighbours(self, neighbours) -> tf.Tensor:
        """Values [M, O, B] at `neighbours.Neighbours`, by the objective's own method where it has one."""
        own = getattr(self.objective, "at_neighbours", None)
        return self(neighbours.values()) if own is None else tf.cast(own(neighbours.cast(self.dtype)), self.working)


def mean_square(residual: tf.Tensor) -> tf.Tensor:
    """Mean of the squares; 0 for an empty tensor."""
    mean = tf.reduce_mean(tf.square(residual))
    return mean if residual.shape.num_elements() else tf.where(tf.size(residual) > 0, mean, tf.zeros_like(mean))
