"""Gradient descent, and what Keras's optimisers need on several replicas of a model."""

import keras
import tensorflow as tf

from igr_suite.networks.gradients import with_values
from igr_suite.replicas import replica_count


class MeanOverReplicas:
    """Makes the update of one of Keras's optimisers on several replicas that of the mean of their gradients, while
    Keras's is that of the sum."""

    averages_over_replicas = True  # `decoupling` reads it: Keras's optimisers add the gradients of replicas

    def apply(self, grads, trainable_variables=None):
        """Applies gradients as Keras does; updates, which are in place, wait for all gradients, so that none changes a
        weight that is still being read."""
        if replica_count() > 1:
            grads = [
                with_values(lambda g: g / replica_count(), gradient) if tf.is_tensor(gradient) else gradient
                for gradient in grads
            ]
        with tf.control_dependencies([gradient for gradient in grads if tf.is_tensor(gradient)]):
            super().apply(grads, trainable_variables)


@keras.saving.register_keras_serializable(package="igr_suite")
class PlainDescent(MeanOverReplicas, keras.optimizers.SGD):
    """w <- w - lr g, with Keras's momentum where it is given."""
