"""The contract of a relaxation: a continuous law on the simplex near a discrete one, and what one draw of it carries."""

from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp

from igr_suite.errors import UserError

tfd = tfp.distributions


class Draw(NamedTuple):
    """One reparameterised draw; everything later needs, so that nothing is recomputed from a rounded value.

    sample: psi on the simplex [S, B, V, K].
    log_sample: log psi [S, B, V, K] (-inf where a truncation put an exact 0).
    noise: what the randomness was: Gumbel [S, B, V, K] or standard normal [S, B, V, K-1].
    preimage: logits + Gumbel [S, B, V, K], or the Gaussian kappa = loc + scale * noise [S, B, V, K-1].
    scores: what the temperature divides: the preimage, or h(kappa) for a law with a map h, same shape as the preimage.
    info: scalars to monitor; empty for most laws.
    """

    sample: tf.Tensor
    log_sample: tf.Tensor
    noise: tf.Tensor
    preimage: tf.Tensor
    scores: tf.Tensor
    info: Mapping[str, tf.Tensor]


class Relaxation(tfd.Distribution):
    """A law on the simplex with the categories as its event and variables (and batch) as its batch shape.

    `draw` is the way in for training: it never evaluates a density. `log_prob` is the density on the simplex,
    `log_prob_of` the density of the log-sample of a draw, which stays finite where the other overflows:

        log p(log psi) = log p(psi) + sum_{k=1}^{K} log psi_k

    Source: Maddison, Mnih & Teh (2017), section C.3 for the log-space density; Potapczynski et al. (2020).
    """

    def __init__(self, temperature, dtype: tf.DType, parameters: dict, name: str):
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
    def uniform_prior(cls, categories: int, temperature, dtype: tf.DType = tf.float32, **options) -> "Relaxation":
        """Returns the law that treats all categories alike, parameters broadcasting against [B, V, ...]."""
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

    def log_prob_of(self, draw: Draw) -> tf.Tensor:
        """Returns the log density of draw.log_sample [S, B, V], from what the draw carries, without an inversion."""
        raise NotImplementedError

    def log_prob_of_log_sample(self, log_sample: tf.Tensor) -> tf.Tensor:
        """Returns the log density of any log-sample [..., K], by inversion: [...]."""
        raise NotImplementedError

    @classmethod
    def from_network(cls, output: tf.Tensor, temperature, **options) -> "Relaxation":
        """The law whose parameters are the last axis of a network's output.

        Args:
          output: [..., P], P the sum of `parameter_blocks(categories)`; blocks one after the other.
          temperature: positive; number or tensor.
          **options: of the law's constructor.
        Returns:
          law with batch shape [...].
        Raises:
          UserError: P is not a multiple of the number of blocks.
        """
        blocks = list(cls.parameter_blocks(2))
        size = output.shape[-1]
        if size is None or size % len(blocks):
            raise UserError(f"{cls.__name__} needs {len(blocks)} equal parameter blocks ({', '.join(blocks)}), got a last axis of {size}")
        return cls(**dict(zip(blocks, tf.split(output, len(blocks), axis=-1))), temperature=temperature, **options)

    def _log_prob(self, value):
        log_value = tf.math.log(value)
        return self.log_prob_of_log_sample(log_value) - tf.reduce_sum(log_value, axis=-1)

    def _sample_n(self, n, seed=None):
        return self.draw(n, seed).sample


def check_temperature(temperature) -> None:
    """Raises UserError where a Python number is not positive; tensors are not inspected."""
    if isinstance(temperature, (int, float)) and not temperature > 0:
        raise UserError(
            f"temperature must be positive, got {temperature} (stick-breaking works from about 0.01, the others from about 0.1)"
        )


def as_dtype(value, dtype: tf.DType) -> tf.Tensor:
    """Returns a number, tensor or variable as a tensor of a dtype; a Python number does not pass through float32 on its way."""
    if isinstance(value, (tf.Tensor, tf.Variable)):
        return tf.cast(value, dtype)
    return tf.convert_to_tensor(value, dtype=dtype)


def check_seed(seed) -> tf.Tensor:
    """Returns the stateless seed as an int32 [2] tensor.

    Raises:
      UserError: anything that is not a pair, since a single int or None would draw on global state.
    """
    seed = None if seed is None else tf.convert_to_tensor(seed)
    if seed is None or not seed.dtype.is_integer or seed.shape.rank != 1 or seed.shape[0] != 2:
        found = "None" if seed is None else f"{seed.dtype.name} of shape {seed.shape}"
        raise UserError(f"seed must be a stateless pair, int32 [2], got {found} (training.seeds.run_seed makes one)")
    return seed


def with_sample_shape(sample_shape, shape: tf.Tensor) -> tf.Tensor:
    """Returns sample_shape (int, list or tensor) followed by shape, as one int32 tensor."""
    return tf.concat([_as_vector(sample_shape), tf.cast(shape, tf.int32)], axis=0)


def sample_axes(sample_shape) -> int:
    """Returns how many axes a sample shape (int, list or tensor) puts before the parameters' first, the batch's: the number of that one."""
    return _as_vector(sample_shape).shape[0]


def _as_vector(sample_shape) -> tf.Tensor:
    return tf.reshape(tf.cast(sample_shape, tf.int32), [-1])
