"""One optimiser for every network of a decoupled model, copied from the caller's."""

import copy
from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf

from igr_suite.decoupling.checks import first_line
from igr_suite.decoupling.optimiser_group import OptimiserGroup, leaves_of
from igr_suite.errors import UserError
from igr_suite.networks.gradients import square_norm, times
from igr_suite.replicas import replica_count


def check_optimiser(optimiser) -> keras.Optimizer:
    """Returns the Keras optimiser for a name, a configuration or an optimiser; for the `OptimiserGroup` of a compiled
    model, the optimiser from which it was made.

    Raises:
      UserError: there is no such optimiser, or it already belongs to other weights.
    """
    try:
        optimiser = keras.optimizers.get(optimiser)
    except (ValueError, TypeError) as error:
        raise UserError(f"'{optimiser}' is no Keras optimiser: {first_line(error)}") from None
    if optimiser is None:
        raise UserError("a decoupled model needs an optimiser, got None; name one, such as optimizer='adam'")
    if isinstance(optimiser, OptimiserGroup):
        return optimiser.original
    if optimiser.built:
        raise UserError(
            f"the optimiser '{optimiser.name}' already belongs to the weights of another model; pass a new one"
        )
    return optimiser


def check_updates(optimiser: keras.Optimizer, strategy: tf.distribute.Strategy) -> None:
    """Checks that several replicas can use an optimiser.

    Raises:
      UserError: it updates at some steps only, or consists of several optimisers that clip gradients; replicas can do
        neither.
    """
    replicas = strategy.num_replicas_in_sync
    leaves = list(leaves_of(optimiser)) if replicas > 1 else []
    if len(leaves) > 1 and any(map(_clips, leaves)):
        raise UserError(
            f"'{optimiser.name}' consists of several optimisers that clip gradients, which cannot be done on "
            f"{replicas} replicas; leave clipping out, or train on one device"
        )
    for leaf in leaves:
        for option in ("gradient_accumulation_steps", "ema_overwrite_frequency"):
            if getattr(leaf, option) and (option != "ema_overwrite_frequency" or leaf.use_ema):
                raise UserError(
                    f"{option}={getattr(leaf, option)} of the optimiser '{leaf.name}' updates at some steps only, "
                    f"which Keras cannot do on {replicas} replicas; leave it out, or train on one device"
                )


def within_scope(optimiser: keras.Optimizer) -> keras.Optimizer:
    """The optimiser, or, if it was made outside the present strategy, a copy whose learning rate all its replicas
    share.

    Args:
      optimiser: not built.
    """
    strategy = tf.distribute.get_strategy()
    if all(inner._distribution_strategy is strategy for inner in _all_of(optimiser)):
        return optimiser
    return _duplicate(optimiser, _kept_and_renewed(optimiser))


def copy_for(optimiser: keras.Optimizer, network: keras.Layer, auto_scale_loss: bool = True) -> keras.Optimizer:
    """A built optimiser of a network's weights that steps as the original would.

    Everything is copied, whether or not it is part of the optimiser's configuration, except the variable, schedule or
    function of its learning rate: that is shared, so that a change of one optimiser's rate changes all.

    Args:
      optimiser: not built.
      network: built.
      auto_scale_loss: whether a network of mixed precision with float16 gets dynamic loss scaling, as in Keras's
        `compile`.
    """
    own = _duplicate(optimiser, _kept_and_renewed(optimiser))
    if auto_scale_loss and _is_mixed_float16(network) and not isinstance(own, keras.optimizers.LossScaleOptimizer):
        own = keras.optimizers.LossScaleOptimizer(own)
    own.build(network.trainable_variables)
    return own


def loss_scale(optimiser: keras.Optimizer) -> tf.Tensor | None:
    """The factor of the loss by which the optimiser divides gradients (float32 scalar), or None without such a
    factor."""
    one = tf.ones(())
    scaled = optimiser.scale_loss(one)
    return None if scaled is one else scaled


def for_replicas(optimiser: keras.Optimizer, gradients: list[tf.Tensor]) -> list[tf.Tensor]:
    """Converts gradients of a replica's examples so that the optimiser's update is that of the whole batch.

    Keras clips before it sums over replicas. If gradients are clipped, every replica therefore gets its share of the
    whole batch's clipped gradient, which is too small to be clipped again.
    """
    count = replica_count()
    if count == 1:
        return gradients
    leaves = list(leaves_of(optimiser))
    if any(map(_clips, leaves)):
        scale = loss_scale(optimiser)
        gradients = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        if scale is not None:
            gradients = [times(gradient, 1.0 / scale) for gradient in gradients]
        gradients = _clipped(leaves[0], gradients)
        share = (1.0 if scale is None else scale) / count
        gradients = [times(gradient, share) for gradient in gradients]
    return [times(gradient, count) for gradient in gradients] if takes_means(optimiser) else gradients


def takes_means(optimiser: keras.Optimizer) -> bool:
    """Whether the optimiser averages gradients over replicas, as the suite's own do, while Keras's sum them."""
    return getattr(getattr(optimiser, "inner_optimizer", optimiser), "averages_over_replicas", False)


def _clipped(optimiser: keras.Optimizer, gradients: list) -> list:
    """Clips as Keras does, but keeps IndexedSlices under `global_clipnorm` too: if made dense, they would be clipped
    again."""
    if optimiser.clipnorm or not optimiser.global_clipnorm:
        return optimiser._clip_gradients(gradients)
    norm = tf.sqrt(tf.add_n([tf.cast(square_norm(gradient), tf.float32) for gradient in gradients]))
    return [
        times(gradient, optimiser.global_clipnorm / tf.maximum(norm, optimiser.global_clipnorm))
        for gradient in gradients
    ]


def _clips(optimiser: keras.Optimizer) -> bool:
    return bool(optimiser.clipnorm or optimiser.global_clipnorm or optimiser.clipvalue)


def _all_of(optimiser: keras.Optimizer) -> list[keras.Optimizer]:
    """The optimiser and those that its attributes hold, also in lists and mappings."""
    met: dict[int, keras.Optimizer] = {}

    def visit(value, depth: int):
        if isinstance(value, keras.Optimizer):
            if id(value) not in met:
                met[id(value)] = value
                for attribute in vars(value).values():
                    visit(attribute, depth)
        elif isinstance(value, keras.optimizers.OptimizerMap):
            visit([value.default_optimizer, *value.values()], depth)
        elif depth and isinstance(value, dict):
            visit(list(value.values()), depth - 1)
        elif depth and isinstance(value, (list, tuple, set)) and not isinstance(value, str):
            for each in value:
                visit(each, depth - 1)

    visit(optimiser, 3)
    return list(met.values())


def _kept_and_renewed(optimiser: keras.Optimizer) -> dict:
    """Replacements, by id, for parts of an optimiser in its copy under the present strategy: the same learning rate,
    new variables."""
    strategy, memo = tf.distribute.get_strategy(), {}
    for inner in _all_of(optimiser):
        memo[id(inner._distribution_strategy)] = strategy
        same_devices = inner._distribution_strategy is strategy
        for variable in inner._variables:
            is_rate = variable is inner._learning_rate
            memo[id(variable)] = variable if is_rate and same_devices else _renewed(variable)
        if not isinstance(inner._learning_rate, keras.Variable):
            memo[id(inner._learning_rate)] = inner._learning_rate
    return memo


def _duplicate(optimiser: keras.Optimizer, memo: dict) -> keras.Optimizer:
    """A deep copy, attribute by attribute; copy.deepcopy of an optimiser would use Keras, which copies only its
    configuration.

    Args:
      optimiser: not built.
      memo: maps ids of objects to their replacements in the copy.
    """
    inner = _all_of(optimiser)
    memo |= {id(each): object.__new__(type(each)) for each in inner}
    for each in inner:
        memo[id(each)].__dict__.update(copy.deepcopy(vars(each), memo))
    for each in inner:  # Keras identifies tracked variables by their ids
        own = memo[id(each)]
        own._tracker.stored_ids["variables"] = {id(variable) for variable in own._variables}
    return memo[id(optimiser)]


def _renewed(variable: keras.Variable) -> keras.Variable:
    """A new variable of the same value, on the devices of the present strategy."""
    return keras.Variable(
        np.array(variable.numpy()),
        dtype=variable.dtype,
        trainable=variable.trainable,
        aggregation=variable.aggregation,
        name=variable.name,
    )


def _is_mixed_float16(network: keras.Layer) -> bool:
    layers: Iterable[keras.Layer] = network._flatten_layers()
    return any(layer.compute_dtype == "float16" and layer.variable_dtype == "float32" for layer in layers)
