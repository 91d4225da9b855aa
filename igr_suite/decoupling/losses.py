"""The loss of every example that a decoupled model is trained on, for any form of labels, and the labels that
synthesisers see."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from igr_suite.decoupling.checks import first_line
from igr_suite.decoupling.passes import count_of, mask_of, only_where, over_replicas
from igr_suite.errors import UserError
from igr_suite.replicas import replica_count

Losses = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
INDICES = (tf.uint8, tf.int8, tf.int32, tf.int64)  # types of class numbers that tf.one_hot takes


def losses_of_examples(loss, width: int, reduction: str) -> Losses:
    """The function (y, outputs) -> losses [B, ...] for the loss that was passed to `compile`.

    Args:
      loss: None (cross-entropy from logits), a name of Keras, a Keras loss, or a function (y, outputs) -> [B].
      width: size of the outputs' last axis.
      reduction: of the model, "mean" or "sum".
    Raises:
      UserError: there is no such loss, it contradicts the model's reduction, or it is the cross-entropy of one class.
    """
    if loss is None:
        if width == 1:
            raise UserError(
                "the default loss is the cross-entropy of classes, and the uppermost module has one output only; "
                "pass a loss, such as keras.losses.BinaryCrossentropy(from_logits=True) or 'mse'"
            )
        return _described(cross_entropy)
    if isinstance(loss, (list, tuple)) or (isinstance(loss, dict) and "class_name" not in loss):
        raise UserError(f"a decoupled model has one output, so its loss is a single one, got {loss!r}; pass that alone")
    if isinstance(loss, (str, dict)):
        try:
            loss = keras.losses.get(loss)
        except (ValueError, TypeError) as error:
            raise UserError(f"'{loss}' is no Keras loss: {first_line(error)}") from None
    if not callable(loss):
        raise UserError(f"a loss is a name of Keras, a Keras loss or a function of (labels, outputs), got {loss!r}")
    if isinstance(loss, keras.Loss):
        _check_reduction(loss, reduction)
        return _described(_with_labels_like_outputs(loss.call))
    if (getattr(loss, "__module__", "") or "").startswith("keras."):
        return _described(_with_labels_like_outputs(_of_one_rank(loss)))
    return _described(_of_any_labels(_of_one_rank(loss)))


def cross_entropy(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Cross-entropy of classes from logits.

    Args:
      y: class numbers of any type, [B, ...] or [B, ..., 1]; or probabilities of the classes (one-hot labels), [B, ...,
        C].
      logits: [B, ..., C].
    Returns:
      [B, ...].
    Raises:
      UserError: labels of the wrong shape.
    """
    rank, labels_rank = len(logits.shape), len(y.shape)
    if labels_rank == rank and y.shape[-1] != 1:
        if y.shape[-1] not in (None, logits.shape[-1]):
            raise UserError(
                f"labels of the shape {_shape(y)} are neither class numbers nor probabilities of {logits.shape[-1]} "
                "classes; give the labels that shape, or pass the loss that they are meant for"
            )
        return tf.nn.softmax_cross_entropy_with_logits(tf.cast(y, logits.dtype), logits)
    if labels_rank not in (rank - 1, rank):
        raise UserError(
            f"labels of the shape {_shape(y)} do not fit outputs of the shape {_shape(logits)}; give every output its "
            f"label"
        )
    numbers = tf.reshape(y, [-1] if rank == 2 else tf.shape(logits)[:-1])
    return tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(numbers, tf.int32), logits)


def labels_for_synthesisers(y: tf.Tensor, classes: int) -> tf.Tensor:
    """Converts labels to the form that synthesisers see.

    Args:
      y: class numbers [B] or [B, 1] of any type, or one value for each of the classes (one-hot labels, probabilities)
        [B, C].
      classes: C; if it is 1, y is not a class number but a value.
    Returns:
      [B, C], one-hot for class numbers, else y itself.
    Raises:
      UserError: labels of the wrong shape.
    """
    rank = len(y.shape)
    if rank == 2 and classes > 1 and y.shape[-1] in (None, classes):
        return y
    if rank == 1 or (rank == 2 and y.shape[-1] == 1):
        if classes == 1:
            return tf.reshape(y, [-1, 1])
        flat = tf.reshape(y, [-1])
        return tf.one_hot(flat if flat.dtype in INDICES else tf.cast(flat, tf.int32), classes)
    raise UserError(
        f"labels=True shows synthesisers a class number or {classes} values for each example, and the labels have the "
        f"shape {_shape(y)}; pass context=..., a function of (x, y), in place of labels=True"
    )


def check_class_numbers(y, classes: int, negative: bool = False, ignored: int | None = None) -> None:
    """Refuses labels that are not class numbers, if they are arrays that can be inspected before training.

    Args:
      y: labels; anything other than an array is accepted.
      classes: C.
      negative: whether numbers below 0 may mark examples without a class.
      ignored: another number that marks them.
    Raises:
      UserError: labels [B] or [B, 1] that are not whole numbers from 0 to C - 1.
    """
    array = (
        np.asarray(y)
        if isinstance(y, (np.ndarray, list)) or (isinstance(y, tf.Tensor) and hasattr(y, "numpy"))
        else None
    )
    if array is None or array.dtype.kind not in "iuf" or not array.size or classes == 1:
        return
    if array.ndim == 2 and array.shape[-1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        return
    if ignored is not None:
        array = array[array != ignored]
    invalid = array[(array != np.round(array)) | (array >= classes) | (array < (-np.inf if negative else 0))]
    if invalid.size:
        raise UserError(
            f"the label {invalid[0]} is none of the {classes} classes, which are numbered from 0 to {classes - 1}; "
            f"number the labels so"
        )


def ignored_class(loss) -> int | None:
    """The class number that a Keras loss ignores (`ignore_class`), or None."""
    return getattr(loss, "ignore_class", None)


def weighted(losses: tf.Tensor, weights: tf.Tensor | None) -> tf.Tensor:
    """Losses times the examples' weights.

    Args:
      losses: [B, ...].
      weights: [B], [B, 1] or of the losses' shape; None leaves the losses unchanged.
    Raises:
      UserError: weights of the wrong rank, or a loss that is one number for the batch.
    """
    if weights is None:
        return losses
    weights = tf.cast(weights, losses.dtype)
    rank, given = len(losses.shape), len(weights.shape)
    if rank == 0:
        raise UserError(
            "the loss is one number for the whole batch, so examples cannot be weighted; let it return one for each "
            "example"
        )
    if given == rank + 1 and weights.shape[-1] == 1:
        weights, given = tf.squeeze(weights, -1), rank
    if given > rank:
        raise UserError(
            f"sample weights of the shape {_shape(weights)} do not fit losses of the shape {_shape(losses)}"
        )
    return losses * tf.reshape(weights, tf.concat([tf.shape(weights), [1] * (rank - given)], 0))


def mask_of_losses(losses: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor | None:
    """The mask (bool) of the losses that count: neither the outputs' mask (padding) nor the loss (`ignore_class`)
    excludes them. None means that all count.

    Args:
      losses: [B, ...], as the loss returned them.
      outputs: of the model, with Keras's mask if they have one.
    Raises:
      UserError: the mask is one of positions over which the loss has summed.
    """
    masks = [tf.cast(mask, tf.bool) for mask in (mask_of(outputs), mask_of(losses)) if mask is not None]
    if not masks:
        return None
    for mask in masks:
        if len(mask.shape) > len(losses.shape):
            raise UserError(
                f"the outputs have a mask of the shape {_shape(mask)}, and the loss returns the shape "
                f"{_shape(losses)}, in which masked positions cannot be left out; let it return one loss for each "
                "position"
            )
    return only_where(masks[0], masks[-1])


def mean(losses: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor:
    """The mean over all examples of all replicas, or over those of their losses that a mask selects."""
    if mask is None:
        return (
            tf.reduce_mean(losses) if replica_count() == 1 else over_replicas(tf.reduce_sum(losses)) / count_of(losses)
        )
    return tf.math.divide_no_nan(over_replicas(tf.reduce_sum(only_where(mask, losses))), _counted(losses, mask))


def own_share_of_mean(losses: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor:
    """The contribution of a replica's examples to `mean`."""
    if mask is None:
        return tf.reduce_mean(losses) if replica_count() == 1 else tf.reduce_sum(losses) / count_of(losses)
    return tf.math.divide_no_nan(tf.reduce_sum(only_where(mask, losses)), _counted(losses, mask))


def sum_of(losses: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor:
    """The sum over a replica's examples of the losses that a mask selects."""
    return tf.reduce_sum(only_where(mask, losses))


def _counted(losses: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    return over_replicas(tf.reduce_sum(only_where(mask, tf.ones_like(losses))))


def _described(losses: Losses) -> Losses:
    """The same function, with its errors turned into UserErrors."""

    def run(y, outputs):
        try:
            return losses(y, outputs)
        except (TypeError, ValueError, tf.errors.InvalidArgumentError) as error:
            raise UserError(
                f"the loss cannot be computed from labels of the shape {_shape(y)} and type {y.dtype.name} and outputs "
                f"of the shape {_shape(outputs)} and type {outputs.dtype.name}: {first_line(error)}"
            ) from error

    return run


def _with_labels_like_outputs(losses: Losses) -> Losses:
    """Calls a loss as Keras calls its own: with labels in the outputs' type."""
    return lambda y, outputs: losses(tf.cast(y, outputs.dtype), outputs)


def _of_one_rank(losses: Losses) -> Losses:
    """Calls a loss as Keras calls functions: labels [B] of outputs [B, 1] become a column, since the two would
    otherwise broadcast to [B, B]."""

    def run(y, outputs):
        if len(y.shape) == len(outputs.shape) - 1 and outputs.shape[-1] == 1:
            y = y[..., tf.newaxis]
        elif len(y.shape) == len(outputs.shape) + 1 and y.shape[-1] == 1:
            y = tf.squeeze(y, -1)
        return losses(y, outputs)

    return run


def _of_any_labels(losses: Losses) -> Losses:
    """Passes labels unchanged, so that class numbers stay integers, or in the outputs' type, as Keras does, if the
    function accepts only that."""

    def run(y, outputs):
        try:
            return losses(y, outputs)
        except (TypeError, ValueError, tf.errors.InvalidArgumentError):
            if y.dtype == outputs.dtype:
                raise
            return losses(tf.cast(y, outputs.dtype), outputs)

    return run


def _check_reduction(loss: keras.Loss, reduction: str) -> None:
    if loss.reduction == "mean_with_sample_weight" or (loss.reduction == "sum" and reduction != "sum"):
        summed = loss.reduction == "sum"
        way_out = (
            ", and pass reduction='sum' to DecoupledModel for the sum"
            if summed
            else "; weights divide by the batch size"
        )
        raise UserError(
            f"the loss {loss.name} has reduction='{loss.reduction}', and the decoupled model adds examples up itself, "
            f"by the {reduction}; leave the loss's reduction out{way_out}"
        )


def _shape(values) -> str:
    return str(tuple(values.shape))
