"""Which kind of discrete variable logits belong to."""

from types import ModuleType

import tensorflow as tf

from igr_suite.estimators.base import support_of
from igr_suite.estimators.distributions import bernoulli, categorical


def kind_of(logits: tf.Tensor) -> ModuleType:
    """Returns the functions for these logits: the module `bernoulli` for [B, D], `categorical` for [B, V, C]."""
    return bernoulli if support_of(logits) == "bernoulli" else categorical
