"""The contract of importance-weighted objectives, and quantities of log-weights [K, B] that they share."""

from dataclasses import dataclass, fields
from typing import Any, ClassVar, NamedTuple

import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.estimators.formulas import log_mean_exp, normalised, without_empty_columns
from igr_suite.objectives.names import Facts, check_samples, is_unbiased, minimum_samples, resolve


class Coefficients(NamedTuple):
    """An objective's coefficients of the gradients of K samples; every tensor is [K, B] and constant for gradients.

        g_phi = sum_k path_k v_k dz_k/dphi + sum_k score_k dlog q(z_k)/dphi,
        g_theta = sum_k generative_k dlog p(x, z_k)/dtheta

    with v_k the gradient of log-weight k with respect to z_k at fixed parameters.

    Attributes:
      path: c; None where it is zero for every sample.
      score: d; None where it is zero.
      generative: a.
      ratio: path over generative in closed form where it is bounded, so that one backward pass weighted by `generative`
        serves both; None where it is not (or where there is no path).

    Source: docs/papers/dreg.md, section 2.1.
    """

    path: tf.Tensor | None
    score: tf.Tensor | None
    generative: tf.Tensor
    ratio: tf.Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class Objective:
    """A rule from log-weights to a reported value and to gradient coefficients; the fields of a subclass are its
    options.

    Example:
      objective = build("dreg-alpha", alpha=0.5)
      objective.coefficients(log_weights).path
    """

    facts: ClassVar[Facts]

    def __post_init__(self):
        resolve(self.facts.name, self.options)

    @property
    def options(self) -> dict[str, Any]:
        """The options that configs set, with their values."""
        return {option.name: getattr(self, option.name) for option in fields(self) if option.name in self.facts.options}

    @property
    def minimum_samples(self) -> int:
        """The least K for which the objective is defined."""
        return minimum_samples(self.facts.name, self.options)

    @property
    def unbiased(self) -> bool:
        """Whether its mean inference gradient is that of its references (`names.references`)."""
        return is_unbiased(self.facts.name, self.options)

    @property
    def generative_family(self) -> tuple:
        """Objectives with equal families have equal generative coefficients on equal draws, so that `leaf` can share
        one backward pass among them."""
        return ("weights",)

    def value(self, log_weights: tf.Tensor) -> tf.Tensor:
        """The reported objective of one draw.

        Args:
          log_weights: log p(x, z_k) - log q(z_k | x), [K, B].
        Returns:
          [B].
        Raises:
          UserError: log-weights with wrong axes, or a number of samples for which the value is not defined.
        """
        given = check_log_weights(log_weights)
        if given.shape[0] == 0:
            raise UserError(f"{self.facts.name} needs at least 1 sample, got log-weights of shape {given.shape}")
        if {"groups", "auxiliary", "order"} & set(self.options):  # the others' values are defined for any K
            self._check_samples(given)
        return tf.cast(self._value(_widened(given)), given.dtype)

    def coefficients(self, log_weights: tf.Tensor) -> Coefficients:
        """Coefficients of one draw.

        A weight of 0 (log-weight -inf) is treated as the limit of ever smaller weights, which are equal where there are
        several; if all weights of an example are 0, they are treated as equal.

        Args:
          log_weights: log p(x, z_k) - log q(z_k | x), [K, B]; no gradient flows into them.
        Raises:
          UserError: log-weights with wrong axes, or a number of samples for which the objective is not defined.
        """
        given = check_log_weights(log_weights)
        self._check_samples(given)
        stopped = self._coefficients(tf.stop_gradient(without_empty_columns(_widened(given))))
        return Coefficients(
            *(None if part is None else tf.stop_gradient(tf.cast(part, given.dtype)) for part in stopped)
        )

    def _check_samples(self, log_weights: tf.Tensor) -> None:
        samples, batch = log_weights.shape
        check_samples(self.facts.name, samples, self.options, batch_size=batch or 1)

    def _value(self, log_weights: tf.Tensor) -> tf.Tensor:
        """`value` of checked log-weights: the importance-weighted bound, unless a subclass overrides it."""
        return log_mean_exp(log_weights)

    def _coefficients(self, log_weights: tf.Tensor) -> Coefficients:
        """`coefficients` of checked log-weights; every subclass implements it."""
        raise NotImplementedError


def check_log_weights(log_weights, name: str = "log-weights") -> tf.Tensor:
    """Returns log-weights as a tensor [K, B] of floats.

    Args:
      log_weights: a tensor, an array or lists; integers become float32.
      name: what they are called in messages.
    Raises:
      UserError: wrong axes, a number of samples that is not known, or entries that are not real numbers.
    """
    try:
        tensor = tf.convert_to_tensor(log_weights)
    except (TypeError, ValueError) as error:
        raise UserError(f"{name} must be a tensor or an array [K, B], got {type(log_weights).__name__}") from error
    if tensor.dtype.is_integer:
        tensor = tf.cast(tensor, tf.float32)
    if not tensor.dtype.is_floating:
        raise UserError(f"{name} must be floats, got {tensor.dtype.name}")
    if tensor.shape.rank != 2:
        way_out = "; add an axis of examples, log_weights[:, tf.newaxis]" if tensor.shape.rank == 1 else ""
        raise UserError(
            f"{name} must be [K, B], samples by examples, got the shape {tuple(tensor.shape) or '()'}{way_out}"
        )
    if tensor.shape[0] is None:
        raise UserError(
            f"{name} need a known number of samples K, the first axis; got {tensor.shape}. Set it with tf.ensure_shape"
        )
    return tensor


def _widened(tensor: tf.Tensor) -> tf.Tensor:
    """float32 for half precision: weights are ratios of exponentials, and their sums would lose digits."""
    return tf.cast(tensor, tf.float32) if tensor.dtype in (tf.float16, tf.bfloat16) else tensor


def effective_sample_size(log_weights: tf.Tensor) -> tf.Tensor:
    """1 / sum_k w_k^2, [K, B] -> [B].

    Raises:
      UserError: log-weights with wrong axes.
    """
    given = check_log_weights(log_weights)
    return tf.cast(1.0 / tf.reduce_sum(tf.square(normalised(_widened(given))), 0), given.dtype)


_registry: dict[str, type[Objective]] = {}


def register(cls: type[Objective]) -> type[Objective]:
    """Class decorator that registers an objective under its facts' name."""
    _registry[cls.facts.name] = cls
    return cls
