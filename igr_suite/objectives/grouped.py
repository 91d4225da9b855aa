"""Samples divided into M groups of K: the mean of the groups' bounds, alone or for the inference network only."""

from dataclasses import dataclass

import tensorflow as tf

from igr_suite.estimators.formulas import log_mean_exp, normalised
from igr_suite.objectives.base import Coefficients, Objective, register
from igr_suite.objectives.names import FACTS


def in_groups(log_weights: tf.Tensor, groups: int) -> tf.Tensor:
    """[M K, B] -> [K, M, B]; a group's samples are consecutive."""
    samples, batch = log_weights.shape[0], tf.shape(log_weights)[1]
    return tf.transpose(tf.reshape(log_weights, [groups, samples // groups, batch]), [1, 0, 2])


def within_groups(log_weights: tf.Tensor, groups: int) -> tf.Tensor:
    """Weights normalised within each group, [M K, B] -> [M K, B]; each group's sum is one."""
    weights = tf.transpose(normalised(in_groups(log_weights, groups)), [1, 0, 2])
    return tf.reshape(weights, tf.shape(log_weights))


@dataclass(frozen=True, kw_only=True)
class _Grouped(Objective):
    groups: int = FACTS["miwae"].options["groups"]


@dataclass(frozen=True, kw_only=True)
class _MIWAE(_Grouped):
    @property
    def generative_family(self):
        return ("groups", self.groups)

    def _value(self, log_weights):
        """Mean over groups of the K-sample bound, [M K, B] -> [B]."""
        return tf.reduce_mean(log_mean_exp(in_groups(log_weights, self.groups)), 0)


@register
@dataclass(frozen=True, kw_only=True)
class MIWAE(_MIWAE):
    """Total derivative of the mean over M groups of L_K, v the weights within a group.

        c = v / M,  d = -v / M,  a = v / M

    Args:
      groups: M; the samples are divided equally.
    Source: Rainforth et al. (2018); docs/papers/dreg.md, section 2.4.
    """

    facts = FACTS["miwae"]

    def _coefficients(self, log_weights):
        share = within_groups(log_weights, self.groups) / self.groups
        return Coefficients(path=share, score=-share, generative=share, ratio=tf.ones_like(share))


@register
@dataclass(frozen=True, kw_only=True)
class ReparameterisedMIWAE(_MIWAE):
    """MIWAE with its score reparameterised.

        c = v^2 / M,  d = 0,  a = v / M

    Args:
      groups: M.
    Source: Rainforth et al. (2018) with Tucker et al. (2019); docs/papers/dreg.md, section 2.4.
    """

    facts = FACTS["miwae-dreg"]

    def _coefficients(self, log_weights):
        v = within_groups(log_weights, self.groups)
        return Coefficients(path=v * v / self.groups, score=None, generative=v / self.groups, ratio=v)


@register
@dataclass(frozen=True, kw_only=True)
class PIWAE(_Grouped):
    """The inference network as with MIWAE, the generative model as with IWAE on all M K samples; the reported value is
    the latter's.

        c = v / M,  d = -v / M,  a = w

    Args:
      groups: M.
    Source: Rainforth et al. (2018); docs/papers/dreg.md, section 2.4.
    """

    facts = FACTS["piwae"]

    def _coefficients(self, log_weights):
        share = within_groups(log_weights, self.groups) / self.groups
        return Coefficients(path=share, score=-share, generative=normalised(log_weights))


@register
@dataclass(frozen=True, kw_only=True)
class ReparameterisedPIWAE(_Grouped):
    """PIWAE with its score reparameterised.

        c = v^2 / M,  d = 0,  a = w

    Args:
      groups: M.
    Source: Rainforth et al. (2018) with Tucker et al. (2019); docs/papers/dreg.md, section 2.4.
    """

    facts = FACTS["piwae-dreg"]

    def _coefficients(self, log_weights):
        v = within_groups(log_weights, self.groups)
        return Coefficients(path=v * v / self.groups, score=None, generative=normalised(log_weights))
