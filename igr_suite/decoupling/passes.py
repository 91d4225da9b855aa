"""One network run on constant inputs, its gradients pulled back from given ones, and how well one gradient predicts
another."""

from typing import NamedTuple

import keras
import tensorflow as tf

from igr_suite.networks.gradients import with_values
from igr_suite.replicas import replica_count


class Pass(NamedTuple):
    """Outputs of a network, the tape that leads to them, the weights and inputs used, and the state (moving averages)
    it leaves behind."""

    outputs: tf.Tensor
    losses: list[tf.Tensor]
    tape: tf.GradientTape
    weights: list[tf.Tensor]
    inputs: tf.Tensor
    state: list[tf.Tensor]

    def pull(
        self, gradient: tf.Tensor, to_inputs: bool = True, scale: tf.Tensor | None = None
    ) -> tuple[list[tf.Tensor], tf.Tensor | None]:
        """Vector-Jacobian products.

        Args:
          gradient: with respect to the outputs, in their shape.
          to_inputs: whether the inputs' gradient is wanted.
          scale: of the loss, a scalar: what is pulled back is so much larger, which keeps small gradients in float16's
            range.
        Returns:
          (gradients of the weights, still scaled; gradient of the inputs, unscaled and at least float32, or None); the
          network's own regularisers, which are means over a replica's examples or no function of them, count with
          weight 1, once for all replicas.
        """
        share = 1.0 if not self.losses or replica_count() == 1 else own_share(self.inputs)
        gradients = [gradient, *(tf.ones_like(loss) * tf.cast(share, loss.dtype) for loss in self.losses)]
        if scale is not None:
            gradients = [g * tf.cast(scale, g.dtype) for g in gradients]
        found = self.tape.gradient(
            [self.outputs, *self.losses],
            [*self.weights, *([self.inputs] if to_inputs else [])],
            output_gradients=[tf.cast(gradients[0], self.outputs.dtype), *gradients[1:]],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        if replica_count() > 1:  # no examples have no gradient, also where their mean is not a number
            some = tf.shape(self.inputs)[0] > 0
            found = [with_values(lambda g: tf.where(some, g, tf.zeros((), g.dtype)), g) for g in found]
        if not to_inputs:
            return found, None
        below = widened(found[-1])
        return found[:-1], below if scale is None else below / tf.cast(scale, below.dtype)


def forward(network: keras.Layer, inputs: tf.Tensor, mask: tf.Tensor | None = None) -> Pass:
    """Runs a network in training mode without changing it, as Keras calls it: with casts, masks and activity
    regularisers.

    Args:
      network: built Keras layer or model.
      inputs: [B, ...]; nothing flows back through them.
      mask: Keras's mask of the inputs, False where a layer is to skip them; that of the outputs comes with them
        (`mask_of`).
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
    """The tensor, with a mask attached as Keras's layers and metrics read it."""
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

    Keras hands a mask to the layers of a Sequential or functional model and warns, wrongly, that it will not when the
    model is called.
    """
    mode = {"training": training} if network._call_has_training_arg else {}
    passes_masks = hasattr(network, "_functional") or hasattr(network, "_nodes_by_depth")
    return network.call(inputs, **mode) if mask_of(inputs) is not None and passes_masks else network(inputs, **mode)


def keep_state(network: keras.Layer, done: Pass) -> None:
    """Writes the state that a pass left behind into the network."""
    for variable, value in zip(network.non_trainable_variables, done.state):
        # averages over examples, which every replica counts by its own
        if replica_count() > 1 and variable.dtype.startswith("float"):
            share = tf.cast(own_share(done.inputs), value.dtype)
            value = over_replicas(tf.where(share > 0, share * value, tf.zeros((), value.dtype)))
        variable.assign(value)


def agreement(predicted: tf.Tensor, true: tf.Tensor) -> dict[str, tf.Tensor]:
    """How well a gradient is predicted, over all its elements together.

        cosine = <p, t> / (|p| |t|),  scale = |p| / |t|,  relative_error = |p - t|^2 / |t|^2
        sign = share of the elements of t that are not 0 whose p has their sign

    Args:
      predicted, true: of one shape.
    Returns:
      scalars "cosine", "scale", "relative_error", "sign"; 0 where their denominator is 0.
    """
    along, own, wanted = total(predicted * true), total(predicted * predicted), total(true * true)
    signed = total(tf.cast(true != 0, true.dtype))
    alike = total(tf.cast(predicted * tf.sign(true) > 0, true.dtype))
    return {
        "cosine": tf.math.divide_no_nan(along, tf.sqrt(own) * tf.sqrt(wanted)),
        "scale": tf.math.divide_no_nan(tf.sqrt(own), tf.sqrt(wanted)),
        "relative_error": tf.math.divide_no_nan(total(tf.square(predicted - true)), wanted),
        "sign": tf.math.divide_no_nan(alike, signed),
    }


def total(values: tf.Tensor) -> tf.Tensor:
    """The sum of all elements of all replicas, the last axis last: XLA does not vectorise sums over it
    (docs/performance.md)."""
    return over_replicas(tf.reduce_sum(tf.reduce_sum(values, list(range(len(values.shape) - 1)))))


def widened(values: tf.Tensor) -> tf.Tensor:
    """float32 in place of half precision, in which squares and small gradients are lost; other types as they are."""
    return tf.cast(values, tf.float32) if values.dtype in (tf.float16, tf.bfloat16) else values


def over_replicas(value: tf.Tensor) -> tf.Tensor:
    """The sum of a tensor over the replicas of a distribution strategy, equal on all of them."""
    if replica_count() == 1:
        return value
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, value)


def own_share(inputs: tf.Tensor) -> tf.Tensor:
    """The share of the examples of all replicas [B, ...] that this one has (float32 scalar)."""
    rows = tf.cast(tf.shape(inputs)[0], tf.float32)
    return rows / over_replicas(rows)


def count_of(values: tf.Tensor) -> tf.Tensor:
    """The number of elements of all replicas' tensors together, in their type."""
    return over_replicas(tf.cast(tf.size(values), values.dtype))
