"""What a VAE asks of its latent variables: the head that gives q(z | x), the prior, and the gradients."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from igr_suite.errors import UserError


class Gradients(NamedTuple):
    """What one batch gives to training.

    Attributes:
      bound: of each example [B], nats.
      pairs: (variable, gradient to descend) of the mean over the batch of minus the bound, and of what the gradient
        estimator's own parameters minimise.
    """

    bound: tf.Tensor
    pairs: list[tuple[keras.Variable, tf.Tensor]]


class VAELatent(keras.layers.Layer):
    """Latent variables with their own map from features to parameters.

    Args:
      parameters: of q(z | x) for one example.
      size: of one example's code, as the decoder reads it.
      seed: of the initial weights.
      dtype: of the parameters and of all calculations with them.
    """

    def __init__(self, parameters: int, size: int, seed: int, dtype: str):
        super().__init__(dtype=dtype, name="latent")
        initial = keras.initializers.GlorotUniform(seed=seed)
        self.head = keras.layers.Dense(parameters, kernel_initializer=initial, dtype=dtype, name="head")
        self.size = size

    def build(self, shape: Sequence[int | None]) -> None:
        """Creates the head for features [B, ...]."""
        self.head.build((None, math.prod(size for size in shape[1:] if size is not None)))
        self.built = True

    def posterior_parameters(self, features: tf.Tensor) -> tf.Tensor:
        """Returns the parameters [B, P] of q(z | x) for features [B, ...] of any float type."""
        flat = tf.reshape(tf.cast(features, self.variable_dtype), [-1, self.head.kernel.shape[0]])
        return self.head(flat)

    @property
    def recognition_variables(self) -> list[keras.Variable]:
        """Trained variables of q(z | x), the encoder's left out."""
        return list(self.head.trainable_variables)

    @property
    def generative_variables(self) -> list[keras.Variable]:
        """Trained variables of the prior."""
        return []

    def step(self, model, x: tf.Tensor, seed: tf.Tensor) -> Gradients:
        """Returns the gradients of a batch.

        Args:
          model: has `posterior_parameters(x, training)`, `log_likelihood_of(x, codes, training)`,
            `recognition_variables` and `generative_variables`.
          x: [B, ...].
          seed: int32 [2].
        """
        raise NotImplementedError

    def log_weights(self, model, x: tf.Tensor, samples: int, seed: tf.Tensor) -> tf.Tensor:
        """Returns log p(x, z_s) - log q(z_s | x) of samples from q [S, B]; arguments as in `step`."""
        raise NotImplementedError

    def bound(self, model, x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Returns an estimate of each example's bound [B], the one that training ascends; arguments as in `step`."""
        raise NotImplementedError

    def codes(self, parameters: tf.Tensor, samples: int, seed: tf.Tensor) -> tf.Tensor:
        """Draws codes from q.

        Args:
          parameters: [B, P].
          samples: S.
          seed: int32 [2].
        Returns:
          [S, B, D], or [S, B, V, C].
        """
        raise NotImplementedError

    def prior_codes(self, count: int, seed: tf.Tensor) -> tf.Tensor:
        """Draws codes from the prior: [N, D] or [N, V, C]."""
        raise NotImplementedError


def flat_codes(codes: tf.Tensor, size: int, axes: int) -> tf.Tensor:
    """Codes [..., V, C] as the decoder reads them, [..., size]; `axes` is the number of the variables' axes."""
    leading = codes.shape.rank - axes
    static = codes.shape[:leading]
    flat = tf.reshape(codes, tf.concat([tf.shape(codes)[:leading], [size]], 0))
    return tf.ensure_shape(flat, [*static, size])


def prior_values(prior, shape: tuple[int, ...], uniform_values: np.ndarray) -> np.ndarray:
    """The initial values of a prior's parameters.

    Args:
      prior: "uniform", "learned", or an array.
      shape: of the parameters.
      uniform_values: of the uniform prior.
    Raises:
      UserError: another word, or no finite numbers of this shape.
    """
    if isinstance(prior, str):
        if prior not in ("uniform", "learned"):
            raise UserError(
                f"prior must be 'uniform', 'learned' or an array of shape {shape}, its parameters; got '{prior}'"
            )
        return uniform_values
    return prior_numbers(prior, shape, f"prior must be 'uniform', 'learned' or an array of shape {shape}")


def prior_numbers(prior, shape: tuple[int, ...], wanted: str) -> np.ndarray:
    """The parameters of a fixed prior.

    Args:
      prior: numbers.
      shape: of the parameters.
      wanted: beginning of the sentence that refuses others.
    Raises:
      UserError: no finite numbers of this shape.
    """
    try:
        values = np.asarray(prior, np.float64)
    except (TypeError, ValueError):
        raise UserError(f"{wanted}, got {prior!r}") from None
    if values.shape != shape:
        raise UserError(f"{wanted}, got an array of shape {values.shape}")
    if not np.isfinite(values).all():
        raise UserError(f"{wanted}, got the number {values[~np.isfinite(values)].flat[0]}")
    return values
