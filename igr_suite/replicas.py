"""Replicas of a model on several devices, for code that is traced as the step of one of them."""

from collections.abc import Sequence

import tensorflow as tf


def replica_count() -> int:
    """Returns the number of replicas where the step of one is traced, 1 elsewhere."""
    context = tf.distribute.get_replica_context()
    return 1 if context is None else context.num_replicas_in_sync


def mean_over_replicas(tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Returns the means of tensors over replicas, equal on all of them; for what a model computes from a batch's
    gradient besides the update."""
    if replica_count() == 1:
        return list(tensors)
    return list(tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, list(tensors)))
