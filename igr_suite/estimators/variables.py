"""Which kind of discrete variable logits belong to, and values beside them."""

from types import ModuleType

import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.estimators.distributions import bernoulli, categorical


def support_of(logits: tf.Tensor) -> str:
    """Returns "bernoulli" for [B, D], "categorical" for [B, V, C].

    Raises:
      UserError: another number of axes, or no categories.
    """
    if logits.shape.rank not in (2, 3):
        raise UserError(f"logits must be [B, D] (bernoulli) or [B, V, C] (categorical), got shape {logits.shape}")
    if logits.shape.rank == 3 and logits.shape[2] == 0:
        raise UserError(f"categorical logits [B, V, C] need at least one category, got shape {logits.shape}")
    return "bernoulli" if logits.shape.rank == 2 else "categorical"


def kind_of(logits: tf.Tensor) -> ModuleType:
    """Returns the functions for these logits: the module `bernoulli` for [B, D], `categorical` for [B, V, C]."""
    return bernoulli if support_of(logits) == "bernoulli" else categorical


def per_variable(value: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    """Appends axes of size 1 to values [..., B] for the variables of `like` ([..., B, D] or [..., B, V, C]), so that
    the two broadcast."""
    for _ in range(like.shape.rank - value.shape.rank):
        value = value[..., tf.newaxis]
    return value
