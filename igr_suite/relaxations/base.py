"""The contract of a relaxation, a continuous distribution on the simplex near a discrete one, and of a draw from it."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from igr_suite.checks import is_whole
from igr_suite.errors import UserError
from igr_suite.precision import HALVES, as_float, check_float, narrowed, widened


class Draw(NamedTuple):
    """One reparameterised draw with all that later steps need, so that nothing is recomputed from a rounded value.

    sample: psi on the simplex [S, B, V, K].
    log_sample: log psi [S, B, V, K] (-inf where a truncation put an exact 0).
    noise: Gumbel noise [S, B, V, K] or standard normal noise [S, B, V, K-1].
    preimage: logits + Gumbel [S, B, V, K], or the Gaussian kappa = loc + scale * noise [S, B, V, K-1].
    scores: what the temperature divides: the preimage, or h(kappa) for a distribution with a map h, same shape as the
      preimage.
    info: scalars to monitor; empty for most distributions.

    A distribution with float16 or bfloat16 parameters rounds only the sample to its type. The other tensors stay
    float32: densities and KLs are computed from them, and a rounded value would have another density.
    """

    sample: tf.Tensor
    log_sample: tf.Tensor
    noise: tf.Tensor
    preimage: tf.Tensor
    scores: tf.Tensor
    info: Mapping[str, tf.Tensor]


class Relaxation(tfd.Distribution):
    """A distribution on the simplex with the categories as its event and variables (and batch) as its batch shape.

    Training calls `draw`, which never evaluates a density. `log_prob` is the density on the simplex, `log_prob_of` the
    density of the log-sample of a draw, which stays finite where the other overflows:

        log p(log psi) = log p(psi) + sum_{k=1}^{K} log psi_k

    Source: Maddison, Mnih & Teh (2017), section C.3 for the log-space density; Potapczynski et al. (2020).
    """

    def __init_subclass__(cls, **options):
        """Makes every distribution, also a user's, compute in float32 where its parameters are of half precision."""
        super().__init_subclass__(**options)
        for method in ("draw", "without_noise", "log_prob_of", "log_prob_of_log_sample"):
            if method in vars(cls):
                setattr(cls, method, _by_float32_distribution(vars(cls)[method]))

    def __init__(self, temperature, dtype: tf.DType, parameters: dict, name: str):
        dtype = check_float(dtype, f"the parameters of {type(self).__name__}")
        check_temperature(temperature)
        parameters.pop("self", None)
        parameters.pop("__class__", None)
        self.temperature = as_dtype(temperature, dtype)
        super().__init__(
            dtype=dtype,
            reparameterization_type=tfd.FULLY_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=True,
            parameters=parameters,
            name=name,
        )

    @classmethod
    def parameter_blocks(cls, categories: int) -> dict[str, int]:
        """Returns the sizes of the parameter blocks of one variable, in the order in which a network outputs them."""
        raise NotImplementedError

    @classmethod
    def constructor_options(cls) -> tuple[str, ...]:
        """Returns the constructor's arguments beside the parameters, the flow and the name: "temperature", and what the
        relaxation has of its own."""
        taken = (*cls.parameter_blocks(2), "flow", "name")
        return tuple(name for name in inspect.signature(cls).parameters if name not in taken)

    @classmethod
    def has_flow(cls) -> bool:
        """Returns whether the constructor takes a planar flow."""
        return "flow" in inspect.signature(cls).parameters

    @classmethod
    def uniform_prior(cls, categories: int, temperature, dtype: tf.DType = tf.float32, **options) -> "Relaxation":
        """Returns the distribution that treats all categories alike, parameters broadcasting against [B, V, ...]."""
        raise NotImplementedError

    def draw(self, sample_shape, seed: tf.Tensor) -> Draw:
        """Reparameterised draw.

        Args:
          sample_shape: int or list of ints put in front of the batch shape; () for none.
          seed: stateless seed, int32 [2]; equal seeds give equal draws.
        Returns:
          Draw.
        Raises:
          UserError: seed is not a pair.
        """
        raise NotImplementedError

    def without_noise(self) -> tf.Tensor:
        """Returns the sample of a draw whose noise is 0, [B, V, K]; a code that does not depend on a seed."""
        raise NotImplementedError

    def log_prob_of(self, draw: Draw) -> tf.Tensor:
        """Returns the log density of draw.log_sample [S, B, V], from the parts of the draw, without an inversion."""
        raise NotImplementedError

    def log_prob_of_log_sample(self, log_sample: tf.Tensor) -> tf.Tensor:
        """Returns the log density of any log-sample [..., K], by inversion: [...]."""
        raise NotImplementedError

    @classmethod
    def from_network(cls, output: tf.Tensor, temperature, **options) -> "Relaxation":
        """The distribution whose parameters are the last axis of a network's output.

        Args:
          output: [..., P], P the sum of `parameter_blocks(categories)`; blocks one after the other.
          temperature: positive; number or tensor.
          **options: of the distribution's constructor.
        Returns:
          distribution with batch shape [...].
        Raises:
          UserError: P is not a multiple of the number of blocks.
        """
        blocks = list(cls.parameter_blocks(2))
        output = as_float(output, f"the network's output for {cls.__name__}")
        size = output.shape[-1] if output.shape.rank else None
        if size is None or size % len(blocks):
            raise UserError(
                f"{cls.__name__} needs {len(blocks)} equal parameter blocks ({', '.join(blocks)}), got a last axis of "
                f"{size}"
            )
        return cls(**dict(zip(blocks, tf.split(output, len(blocks), axis=-1))), temperature=temperature, **options)

    def in_float32(self) -> "Relaxation":
        """Returns the distribution with float32 parameters where its own are of half precision, else itself."""
        if self.dtype not in HALVES:
            return self
        return type(self)(**{name: widened(value) for name, value in self.parameters.items()})

    def _log_prob(self, value):
        return self._log_prob_from_logs(tf.math.log(value))

    def _log_prob_from_logs(self, log_value: tf.Tensor) -> tf.Tensor:
        """log p(psi) from log psi; categories at exactly 0 are excluded from the Jacobian."""
        on_a_face = tf.math.is_inf(log_value)
        return self.log_prob_of_log_sample(log_value) - tf.reduce_sum(
            tf.where(on_a_face, tf.zeros_like(log_value), log_value), axis=-1
        )

    def _sample_n(self, n, seed=None):
        return self.draw(n, seed).sample

    def _sample_and_log_prob(self, sample_shape, seed=None):
        """A sample and its density, from the parts of the draw: a rounded sample is not inverted."""
        draw = self.draw(sample_shape, seed)
        on_a_face = tf.math.is_inf(draw.log_sample)
        log_volume = tf.reduce_sum(tf.where(on_a_face, tf.zeros_like(draw.log_sample), draw.log_sample), axis=-1)
        return draw.sample, self.log_prob_of(draw) - tf.cast(log_volume, self.dtype)


def _by_float32_distribution(method: Callable) -> Callable:
    """Wraps a method so that the distribution with float32 parameters computes it in place of one of half precision."""

    @functools.wraps(method)
    def wide(self, *arguments, **named):
        if self.dtype not in HALVES:
            return method(self, *arguments, **named)
        result = getattr(self.in_float32(), method.__name__)(*map(widened, arguments), **named)
        if isinstance(result, Draw):
            return result._replace(sample=tf.cast(result.sample, self.dtype))
        return narrowed(result, self.dtype)

    return wide


def check_event(owner: str, name: str, shape: tf.TensorShape, more_categories: int = 0) -> None:
    """Refuses parameters without categories.

    Args:
      owner: name of the distribution's class.
      name: of the parameter.
      shape: of the parameter.
      more_categories: number of categories beyond the size of the parameter's last axis.
    Raises:
      UserError: no last axis, or one that is too short.
    """
    if shape.rank == 0:
        raise UserError(f"{name} of {owner} needs an axis of categories, the last one; got a single number")
    if shape.rank is not None and shape[-1] is not None and shape[-1] + more_categories < 1:
        raise UserError(f"{owner} needs at least one category, got {name} of shape {tuple(shape)}")


def check_categories(categories) -> int:
    """Returns the number of categories.

    Raises:
      UserError: it is not a positive integer.
    """
    if not is_whole(categories, 1):
        raise UserError(f"the number of categories must be a positive integer, got {categories!r}")
    return int(categories)


def check_temperature(temperature) -> None:
    """Refuses numbers, arrays and constants that are no positive temperatures; variables are not inspected.

    Raises:
      UserError: a temperature that is not a number, not positive or not finite, or too small for float32.
    """
    if isinstance(temperature, tf.Variable) or (
        hasattr(temperature, "__tf_tensor__") and not isinstance(temperature, tf.Tensor)
    ):
        return
    value = tf.get_static_value(temperature) if isinstance(temperature, tf.Tensor) else temperature
    if value is None and temperature is not None:
        return  # known only when the graph runs
    try:
        numbers = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        numbers = None
    if numbers is None or value is None or np.asarray(value).dtype == bool:
        raise UserError(f"temperature must be a positive number, an array or a tensor of them, got {temperature!r}")
    wrong = numbers[~((numbers > 0) & np.isfinite(numbers))]
    if wrong.size:
        raise UserError(
            f"temperature must be positive, got {wrong.flat[0]} (stick-breaking works from about 0.01, the others from "
            f"about 0.1)"
        )
    if np.any(numbers < np.finfo(np.float32).tiny):
        raise UserError(
            f"temperature must be positive, got {numbers.min()}, which is 0 in float32; 0.01 is small for any "
            f"distribution here"
        )


def as_dtype(value, dtype: tf.DType) -> tf.Tensor:
    """Converts a number, array or tensor to a tensor of a dtype; a number does not pass through float32 on its way."""
    if isinstance(value, (tf.Tensor, tf.Variable)):
        return tf.cast(value, dtype)
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.astype(dtype.as_numpy_dtype)
    return tf.convert_to_tensor(value, dtype=dtype)


def broadcast_shapes(owner: str, **shapes: tf.TensorShape) -> tf.TensorShape:
    """Returns the shape that all shapes broadcast to.

    Args:
      owner: name of the class that has the parameters.
      **shapes: of the parameters, by name.
    Raises:
      UserError: the shapes do not broadcast; the message lists all of them.
    """
    try:
        return functools.reduce(tf.broadcast_static_shape, shapes.values())
    except ValueError:
        listed = ", ".join(f"{name} {tuple(shape)}" for name, shape in shapes.items())
        raise UserError(f"the parameters of {owner} do not broadcast: {listed}") from None


def inside_simplex(log_sample: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Marks the log-samples without a category at exactly 0, and makes all of them finite, so that no density is NaN.

    Args:
      log_sample: log psi [..., K].
    Returns:
      bool [...], and log psi with zeros in place of -inf [..., K].
    """
    finite = log_sample > -np.inf
    return tf.reduce_all(finite, axis=-1), tf.where(finite, log_sample, tf.zeros_like(log_sample))


def with_sample_shape(sample_shape, shape: tf.Tensor) -> tf.Tensor:
    """Returns sample_shape (int, list or tensor) followed by shape, as one int32 tensor."""
    return tf.concat([_as_vector(sample_shape), tf.cast(shape, tf.int32)], axis=0)


def sample_axes(sample_shape) -> int:
    """Returns the number of axes of a sample shape (int, list or tensor), which is the position of the batch axis in a
    draw."""
    return _as_vector(sample_shape).shape[0]


def _as_vector(sample_shape) -> tf.Tensor:
    """The sizes, int32 [number of axes].

    Raises:
      UserError: neither a size nor several.
    """
    if tf.is_tensor(sample_shape):
        good = sample_shape.dtype.is_integer
    else:
        sizes = sample_shape if hasattr(sample_shape, "__iter__") else [sample_shape]
        good = all(tf.is_tensor(size) or is_whole(size, 0) for size in sizes)
    if not good:
        raise UserError(f"the number of draws must be an integer or a list of integers, got {sample_shape!r}")
    return tf.reshape(tf.cast(sample_shape, tf.int32), [-1])
