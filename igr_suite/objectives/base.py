"""The contract of importance-weighted objectives, and quantities of log-weights [K, B] that they share."""

from dataclasses import dataclass, fields
from typing import ClassVar, NamedTuple

import numpy as np
import tensorflow as tf

from igr_suite.objectives.names import Facts, check_samples, is_unbiased, minimum_samples, resolve


class Coefficients(NamedTuple):
    """What an objective asks of the gradients of K samples; every tensor is [K, B] and carries no gradient.

        g_phi = sum_k path_k v_k dz_k/dphi + sum_k score_k dlog q(z_k)/dphi,   g_theta = sum_k generative_k dlog p(x, z_k)/dtheta

    with v_k the gradient of log-weight k with respect to z_k at fixed parameters.

    Attributes:
      path: c; None where it is zero for every sample.
      score: d; None where it is zero.
      generative: a.
      ratio: path over generative in closed form where it is bounded, so that one backward pass weighted by `generative` serves
        both; None where it is not (or where there is no path).

    Source: docs/papers/dreg.md, section 2.1.
    """

    path: tf.Tensor | None
    score: tf.Tensor | None
    generative: tf.Tensor
    ratio: tf.Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class Objective:
    """A rule from log-weights to a reported value and to gradient coefficients; subclasses carry their options as fields.

    Example:
      objective = build("dreg-alpha", alpha=0.5)
      objective.coefficients(log_weights).path
    """

    facts: ClassVar[Facts]

    def __post_init__(self):
        resolve(self.facts.name, self.options)

    @property
    def options(self) -> dict[str, object]:
        """The options that configs give, with their values."""
        return {option.name: getattr(self, option.name) for option in fields(self) if option.name in self.facts.options}

    @property
    def minimum_samples(self) -> int:
        """The least K the objective is defined for."""
        return minimum_samples(self.facts.name, self.options)

    @property
    def unbiased(self) -> bool:
        """Whether its mean inference gradient is that of its references (`names.references`)."""
        return is_unbiased(self.facts.name, self.options)

    @property
    def generative_family(self) -> tuple:
        """Objectives of equal families have equal generative coefficients on equal draws; `leaf` shares one backward pass among them."""
        return ("weights",)

    def value(self, log_weights: tf.Tensor) -> tf.Tensor:
        """The reported objective, log-weights [K, B] -> [B]; the importance-weighted bound unless a subclass says otherwise."""
        return bound(log_weights)

    def coefficients(self, log_weights: tf.Tensor) -> Coefficients:
        """Coefficients of one draw.

        Args:
          log_weights: log p(x, z_k) - log q(z_k | x), [K, B]; no gradient flows into them.
        Raises:
          UserError: a number of samples that the objective is not defined for.
        """
        samples, batch = log_weights.shape
        check_samples(self.facts.name, samples, self.options, batch_size=batch or 1)
        stopped = self._coefficients(tf.stop_gradient(log_weights))
        return Coefficients(*(None if part is None else tf.stop_gradient(part) for part in stopped))

    def _coefficients(self, log_weights: tf.Tensor) -> Coefficients:
        """What a subclass implements: `coefficients` for a number of samples that has been checked."""
        raise NotImplementedError


def bound(log_weights: tf.Tensor) -> tf.Tensor:
    """L_K = log 1/K sum_k exp lw_k, [K, B] -> [B]."""
    return tf.reduce_logsumexp(log_weights, 0) - np.log(log_weights.shape[0])


def normalised(log_weights: tf.Tensor) -> tf.Tensor:
    """w_k = exp(lw_k) / sum_j exp(lw_j), [K, B] -> [K, B]."""
    return tf.nn.softmax(log_weights, axis=0)


def effective_sample_size(log_weights: tf.Tensor) -> tf.Tensor:
    """1 / sum_k w_k^2, [K, B] -> [B]."""
    return 1.0 / tf.reduce_sum(tf.square(normalised(log_weights)), 0)


_registry: dict[str, type[Objective]] = {}


def register(cls: type[Objective]) -> type[Objective]:
    """Class decorator: enters an objective under its facts' name."""
    _registry[cls.facts.name] = cls
    return cls
