"""A forward pass of one network on constant inputs, its vector-Jacobian products, and how well one gradient predicts
another."""

from typing import NamedTuple

import keras
import tensorflow as tf

from igr_suite.networks.gradients import with_values
from igr_suite.replicas import replica_count


class Pass(NamedTuple):
    """Outputs of a network, its regularisers' losses, the tape of both, the weights and inputs used, and the state
    (moving averages) after the pass."""

    outputs: tf.Tensor
    losses: list[tf.Tensor]
    tape: tf.GradientTape
    weights: list[tf.Tensor]
    inputs: tf.Tensor
    state: list[tf.Tensor]

    def vjp(
        self, gradient: tf.Tensor, to_inputs: bool = True, scale: tf.Tensor | None = None
    ) -> tuple[list[tf.Tensor], tf.Tensor | None]:
        """Vector-Jacobian products.

        Args:
          gradient: with respect to the outputs, in their shape.
          to_inputs: whether the gradient of the inputs is computed.
          scale: of the loss, a scalar that multiplies all gradients, to keep small ones in float16's range.
        Returns:
          (gradients of the weights, still scaled; gradient of the inputs, unscaled and at least float32, or None). The
          network's own regularisers, which are means over a replica's examples or do not depend on them, are included
          with weight 1, once for all replicas.
        """
        share = 1.0 if not self.losses or replica_count() == 1 else own_share(self.inputs)
        gradients = [gradient, *(tf.ones_like(loss) * tf.cast(share, loss.dtype) for loss in self.losses)]
        if scale is not None:
            gradients = [g * tf.cast(scale, g.dtype) for g in gradients]
        products = self.tape.gradient(
            [self.outputs, *self.losses],
            [*self.weights, *([self.inputs] if to_inputs else [])],
            output_gradients=[tf.cast(gradients[0], self.outputs.dtype), *gradients[1:]],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        if replica_count() > 1:  # the gradient of no examples is 0, although their mean is not a number
            some = tf.shape(self.inputs)[0] > 0
            products = [with_values(lambda g: tf.where(some, g, tf.zeros((), g.dtype)), g) for g in products]
        if not to_inputs:
            return products, None
        below = widened(products[-1])
        return products[:-1], below if scale is None else below / tf.cast(scale, below.dtype)


def forward(network: keras.Layer, inputs: tf.Tensor, mask: tf.Tensor | None = None) -> Pass:
    """Runs a network in training mode without changing it, as Keras calls it: with casts, masks and activity
    regularisers.

    Args:
      network: built Keras layer or model.
      inputs: [B, ...]; no gradient flows back through them.
      mask: Keras's mask of the inputs, False where a layer is to skip them; the outputs carry their own (`mask_of`).
    """
    inputs = with_mask(tf.stop_gradient(inputs), mask)
    weights = [tf.convert_to_tensor(v.value) for v in network.trainable_variables]
    changing = network.non_trainable_variables
    mapping = [*zip(network.trainable_variables, weights), *((v, v.value) for v in changing)]
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch([*weights, *([inputs] if inputs.dtype.is_floating else [])])
        with keras.StatelessScope(state_mapping=mapping, collect_losses=True) as scope:
            outputs, losses = run(network, inputs, training=True), network.losses
    return Pass(outputs, losses, tape, weights, inputs, [scope.get_current_value(v) for v in changing])


def mask_of(values: tf.Tensor) -> tf.Tensor | None:
    """The mask that Keras's layers have attached to a tensor, or None."""
    return getattr(values, "_keras_mask", None)


def with_mask(values: tf.Tensor, mask: tf.Tensor | None) -> tf.Tensor:
    """The tensor, with a mask attached in the way that Keras's layers and metrics read it."""
    if mask is not None:
        values._keras_mask = mask
    return values


def only_where(mask: tf.Tensor | None, values: tf.Tensor) -> tf.Tensor:
    """The values, 0 where the mask is False; the mask may lack the last axes."""
    if mask is None:
        return values
    mask = tf.cast(mask, tf.bool)
    missing = len(values.shape) - len(mask.shape)
    return tf.where(tf.reshape(mask, tf.concat([tf.shape(mask), [1] * missing], 0)), values, tf.zeros((), values.dtype))


def run(network: keras.Layer, inputs: tf.Tensor, training: bool) -> tf.Tensor:
    """A network's outputs in training or inference mode, or in its only one.

    When a Sequential or functional model is called, Keras warns, wrongly, that it does not pass a mask to the layers;
    with a mask, `call` is therefore used directly.
    """
    mode = {"training": training} if network._call_has_training_arg else {}
    passes_masks = hasattr(network, "_functional") or hasattr(network, "_nodes_by_depth")
    return network.call(inputs, **mode) if mask_of(inputs) is not None and passes_masks else network(inputs, **mode)


def keep_state(network: keras.Layer, done: Pass) -> None:
    """Writes the state after a pass into the network."""
    for variable, value in zip(network.non_trainable_variables, done.state):
        # Floats are averages over examples: every replica's value is weighted by its number of examples.
        if replica_count() > 1 and variable.dtype.startswith("float"):
            share = tf.cast(own_share(done.inputs), value.dtype)
            value = over_replicas(tf.where(share > 0, share * value, tf.zeros((), value.dtype)))
        variable.assign(value)


def agreement(predicted: tf.Tensor, true: tf.Tensor) -> dict[str, tf.Tensor]:
    """Measures of how well a gradient is predicted, over all its elements together.

        cosine = <p, t> / (|p| |t|),  scale = |p| / |t|,  relative_error = |p - t|^2 / |t|^2
        sign = share of the nonzero elements of t for which p has the same sign

    Args:
      predicted, true: of one shape.
    Returns:
      scalars "cosine", "scale", "relative_error", "sign"; 0 where their denominator is 0.
    """
    product, p_square, t_square = total(predicted * true), total(predicted * predicted), total(true * true)
    nonzero = total(tf.cast(true != 0, true.dtype))
    equal_signs = total(tf.cast(predicted * tf.sign(true) > 0, true.dtype))
    return {
        "cosine": tf.math.divide_no_nan(product, tf.sqrt(p_square) * tf.sqrt(t_square)),
        "scale": tf.math.divide_no_nan(tf.sqrt(p_square), tf.sqrt(t_square)),
        "relative_error": tf.math.divide_no_nan(total(tf.square(predicted - true)), t_square),
        "sign": tf.math.divide_no_nan(equal_signs, nonzero),
    }


def total(values: tf.Tensor) -> tf.Tensor:
    """The sum of all elements of all replicas, the last axis last: XLA does not vectorise sums over it
    (docs/performance.md)."""
    return over_replicas(tf.reduce_sum(tf.reduce_sum(values, list(range(len(values.shape) - 1)))))


def widened(values: tf.Tensor) -> tf.Tensor:
    """Converts half precision, in which squares and small gradients are lost, to float32; other types are unchanged."""
    return tf.cast(values, tf.float32) if values.dtype in (tf.float16, tf.bfloat16) else values


def over_replicas(value: tf.Tensor) -> tf.Tensor:
    """The sum of a tensor over the replicas of a distribution strategy, equal on all of them."""
    if replica_count() == 1:
        return value
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, value)


def own_share(inputs: tf.Tensor) -> tf.Tensor:
    """This replica's share of the examples of all replicas (float32 scalar); its own are [B, ...]."""
    rows = tf.cast(tf.shape(inputs)[0], tf.float32)
    return rows / over_replicas(rows)


def count_of(values: tf.Tensor) -> tf.Tensor:
    """The number of elements of all replicas' tensors together, in their type."""
    return over_replicas(tf.cast(tf.size(values), values.dtype))
