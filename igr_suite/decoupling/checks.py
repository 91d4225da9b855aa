"""Checks before a decoupled model is trained, each with an error message, and the construction of its networks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import keras
import tensorflow as tf

from igr_suite.decoupling.config import Decoupling
from igr_suite.decoupling.synthetic_gradient import Synthesiser
from igr_suite.errors import UserError, nearest

Shape = tuple[int, ...]


def settings_of(given: Mapping[str, Any]) -> Decoupling:
    """The settings of decoupled training.

    Args:
      given: name -> value.
    Raises:
      UserError: an unknown name, or a value that its setting cannot have.
    """
    known = [field.name for field in fields(Decoupling)]
    for name in given:
        if name not in known:
            raise UserError(f"a decoupled model has no setting '{name}': {nearest(name, known)}")
    return Decoupling(**given)


def list_of_modules(modules) -> list[keras.Layer]:
    """The modules as a list.

    Raises:
      UserError: something else than Keras layers one after the other.
    """
    found = list(modules) if isinstance(modules, Iterable) and not isinstance(modules, str) else [modules]
    wrong = [module for module in found if not isinstance(module, keras.Layer)]
    if wrong or isinstance(modules, keras.Layer):
        given = modules if isinstance(modules, keras.Layer) else wrong[0]
        raise UserError(
            f"a decoupled model is made of a list of Keras layers or models, got {given!r}; split_model cuts a model"
        )
    return found


def build_chain(modules: Sequence[keras.Layer]) -> list[Shape]:
    """Builds the modules that are not built yet; returns the shapes of h_0 ... h_D without the batch.

    Raises:
      UserError: there is no module, the input shape is unknown, modules do not fit or share layers, or a layer keeps
        state from batch to batch.
    """
    if not modules:
        raise UserError("a decoupled model needs at least one module")
    first = getattr(modules[0], "input_shape", None) if modules[0].built else None
    for module in modules:
        for side in ("inputs", "outputs"):
            several = getattr(module, side, None) or []
            if isinstance(several, list) and len(several) > 1:
                raise UserError(
                    f"the module {module.name} has {len(several)} {side}; a decoupled model is a chain of one tensor "
                    f"each"
                )
    if not first or any(size is None for size in first[1:]):
        raise UserError(
            f"the first module, {modules[0].name}, does not know the shape of its input; begin it with a keras.Input"
        )
    _check_layers(modules)
    shapes, tensor = [tuple(first[1:])], keras.Input(first[1:])
    for number, module in enumerate(modules, start=1):
        try:
            tensor = module(tensor)
        except (ValueError, TypeError) as error:
            raise UserError(
                f"module {number}, {module.name}, cannot take the shape {shapes[-1]}: {first_line(error)}"
            ) from None
        if isinstance(tensor, (dict, list, tuple)):
            raise UserError(
                f"module {number}, {module.name}, returns a {type(tensor).__name__}; let it return the tensor itself"
            )
        shapes.append(tuple(tensor.shape[1:]))
    return shapes


def _check_layers(modules: Sequence[keras.Layer]) -> None:
    seen: dict[int, str] = {}
    for module in modules:
        for layer in module._flatten_layers():
            if getattr(layer, "stateful", False):
                raise UserError(
                    f"the layer '{layer.name}' keeps state from batch to batch (stateful=True) and cannot be "
                    f"decoupled; make it stateless"
                )
        for variable in module.variables:
            owner = seen.setdefault(id(variable), module.name)
            if owner != module.name:
                raise UserError(
                    f"the weight '{variable.path}' is in the modules {owner} and {module.name}; a layer cannot be on "
                    f"both sides of a cut"
                )


def build_synthesisers(
    factory: Synthesiser | Sequence[Synthesiser] | None,
    inputs: Sequence[Shape],
    outputs: Sequence[Shape],
    context: int,
    what: str,
) -> list[keras.Layer]:
    """One network for each interface.

    Args:
      factory: for all interfaces, or one for each; None makes no networks.
      inputs, outputs: shapes of each network's inputs and outputs, without the batch and the context.
      context: number of features that are appended to the inputs.
      what: name of the networks in messages.
    Raises:
      UserError: the number of factories is not that of interfaces, or a network's output does not have the shape of
        its interface.
    """
    if factory is None:
        return []
    factories = list(factory) if isinstance(factory, (list, tuple)) else [factory] * len(outputs)
    if len(factories) != len(outputs):
        raise UserError(
            f"there are {len(outputs)} interfaces and {len(factories)} factories of a {what}; give one for all, or one "
            f"for each"
        )
    networks = []
    for number, (make, source, output_shape) in enumerate(zip(factories, inputs, outputs), start=1):
        source = (*source[:-1], source[-1] + context)
        if not callable(make):
            raise UserError(
                f"a {what} is made by a function such as igr_suite.decoupling.linear(), which takes the shapes of its "
                f"input and output; got {make!r}"
            )
        network = make(source, output_shape)
        try:
            shape = tuple(network(keras.Input(source)).shape[1:])
        except (ValueError, TypeError) as error:
            raise UserError(
                f"the {what} of interface {number} cannot take the shape {source}: {first_line(error)}"
            ) from None
        if shape != output_shape:
            raise UserError(
                f"the {what} of interface {number} predicts the shape {shape}, and the interface is {output_shape}; "
                f"make them equal"
            )
        networks.append(network)
    return networks


def context_width(context, labels: bool, classes: int, shape: Shape) -> int:
    """The number of features that synthesisers see in addition to activations.

    Args:
      context: the caller's function of (x, y), or None.
      labels: whether synthesisers see labels.
      classes: C.
      shape: of x without the batch.
    Raises:
      UserError: both are set, or the function takes neither class numbers [B] nor one value for each class [B, C].
    """
    if context is None:
        return classes if labels else 0
    if labels:
        raise UserError("labels=True and context=... both say what synthesisers see; leave one of them out")
    failure: Exception | None = None
    for y in (tf.zeros((1,), tf.int32), tf.zeros((1, classes)), tf.zeros((1,)), tf.zeros((1, 1))):
        try:
            features = context(tf.zeros((1, *shape)), y)
        except (TypeError, ValueError, tf.errors.InvalidArgumentError) as error:
            failure = failure or error
            continue
        if len(features.shape) == 2:
            return features.shape[-1]
    reason = f"it fails: {first_line(failure)}" if failure else "its result has another rank"
    raise UserError(
        f"context=... has to return [B, features] from inputs of the shape {(1, *shape)} and class numbers [B] or "
        f"labels [B, {classes}], and {reason}"
    )


def only_tensor(values, what: str) -> tf.Tensor:
    """The tensor of a structure that holds exactly one.

    Raises:
      UserError: the structure holds another number of tensors.
    """
    several = keras.tree.flatten(values)
    if len(several) != 1:
        raise UserError(
            f"a decoupled model has one input and one output, and the data hold {len(several)} {what}; give it one of "
            f"each"
        )
    return several[0]


def check_replicas(model: keras.Model, strategy: tf.distribute.Strategy) -> None:
    """Checks that a decoupled model can be trained under a distribution strategy.

    Raises:
      UserError: the strategy's replicas do not have some weights, or updates depend on a condition, which replicas
        cannot share.
    """
    if strategy.num_replicas_in_sync == 1 and not tf.distribute.has_strategy():
        return
    for variable in model.variables:
        if not strategy.extended.variable_created_in_scope(variable.value):
            raise UserError(
                f"the weight '{variable.path}' was made outside the scope of the strategy that the decoupled model is "
                "trained by; make the modules and the decoupled model in one `with strategy.scope():`"
            )
    settings = model.settings
    if strategy.num_replicas_in_sync > 1 and (settings.p_update < 1 or settings.warmup == "hold"):
        setting = f"p_update={settings.p_update}" if settings.p_update < 1 else "warmup='hold'"
        raise UserError(
            f"{setting} leaves updates out, which {strategy.num_replicas_in_sync} replicas cannot do together; train "
            "on one device, or set p_update=1 and warmup='backprop'"
        )


def check_saving(model: keras.Model, callbacks) -> None:
    """Refuses callbacks that save the whole model at the end of an epoch if that cannot work.

    Args:
      model: compiled.
      callbacks: as passed to `fit`.
    Raises:
      UserError: a part of the model cannot be serialised.
    """
    several = getattr(callbacks, "callbacks", callbacks) or []
    for callback in several if isinstance(several, (list, tuple)) else [several]:
        if isinstance(callback, keras.callbacks.ModelCheckpoint) and not callback.save_weights_only:
            check_file(callback.filepath)
            try:
                keras.saving.serialize_keras_object(model)
            except UserError as error:
                raise UserError(
                    f"the callback ModelCheckpoint saves the whole model, and {error}, or set save_weights_only=True"
                ) from error
            return


def check_file(path) -> None:
    """Refuses to save a whole model as HDF5, which Keras writes for any model but reads for functional ones only.

    Raises:
      UserError: the path ends as such a file's does.
    """
    if str(path).endswith((".h5", ".hdf5")):
        raise UserError(
            f"a decoupled model cannot be read back from '{path}'; end the name with .keras, or save its weights only"
        )


def first_line(error: Exception) -> str:
    """The first line of an error's message, at most 200 characters."""
    return str(error).strip().splitlines()[0][:200]
