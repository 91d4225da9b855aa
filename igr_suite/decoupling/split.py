"""A Keras model cut into a chain of sub-models that share its layers."""

from collections.abc import Sequence

import keras

from igr_suite.errors import UserError, nearest


def split_model(model: keras.Model, cut_layers: Sequence[str]) -> list[keras.Model]:
    """Cuts a Sequential or functional model behind named layers.

    Layers are shared, not copied: training the parts trains the model.

    Args:
      model: built model with one input and one output.
      cut_layers: names of layers, in the order in which data pass them; each part but the last ends with one of them.
    Returns:
      len(cut_layers) + 1 models, each of which begins where the one before ends.
    Raises:
      UserError: a cut that does not exist, is out of order, is behind the last layer or would cut more than one
        tensor; or a model that has not been built.
    """
    if not isinstance(model, keras.Model):
        raise UserError(f"split_model cuts a Keras model, got {model!r}")
    if isinstance(cut_layers, str) or not isinstance(cut_layers, Sequence):
        raise UserError(f"the cuts are a list of names of layers, such as ['dense', 'dense_1'], got {cut_layers!r}")
    if not getattr(model, "inputs", None) or len(model.inputs) != 1 or len(model.outputs) != 1:
        raise UserError(
            f"the model {model.name} cannot be cut: it needs one input and one output; give it a keras.Input and "
            f"build it"
        )
    names = [layer.name for layer in model.layers]
    for name in cut_layers:
        if name not in names:
            raise UserError(f"the model {model.name} has no layer '{name}' to cut behind: {nearest(name, names)}")
    if len(set(cut_layers)) != len(cut_layers):
        raise UserError(f"the cuts {', '.join(cut_layers)} name a layer twice; leave one out")
    tensors = [model.inputs[0]]
    for name in cut_layers:
        layer = model.get_layer(name)
        if len(layer._inbound_nodes) > 1 and not isinstance(model, keras.Sequential):
            raise UserError(
                f"the layer '{name}' is used {len(layer._inbound_nodes)} times in {model.name}; cut behind another one"
            )
        tensors.append(_output_in(model, layer))
    tensors.append(model.outputs[0])
    if any(end is tensors[-1] for end in tensors[:-1]):
        raise UserError(
            f"a cut behind the last layer of {model.name} leaves nothing above it; cut behind an earlier layer"
        )
    return [_between(model, begin, end) for begin, end in zip(tensors, tensors[1:])]


def _output_in(model: keras.Model, layer: keras.Layer):
    """The layer's output in the model's own graph; a layer of a Sequential may have been called elsewhere too."""
    graph = model._functional if isinstance(model, keras.Sequential) else model
    for nodes in graph._nodes_by_depth.values():
        for node in nodes:
            if node.operation is layer:
                return node.outputs[0]
    raise UserError(f"the layer '{layer.name}' is not between input and output of {model.name}; cut behind another one")


def _between(model: keras.Model, begin, end) -> keras.Model:
    try:
        return keras.Model(begin, end, name=f"module_to_{end._keras_history.operation.name}")
    except ValueError:
        operation = end._keras_history.operation.name
        before = begin._keras_history.operation.name
        # In Keras's graph a mask is a second tensor, although in a call it is attached to the first.
        if getattr(begin, "_keras_mask", None) is not None:
            if isinstance(model, keras.Sequential):
                return _layers_after(model, begin, end)
            raise UserError(
                f"a mask passes the cut behind '{before}' of {model.name}, and only a keras.Sequential can be cut "
                "there; make the model one, or make the modules yourself, each with a keras.Input of its own"
            ) from None
        raise UserError(
            f"the part of {model.name} from '{before}' to '{operation}' reads other tensors too; "
            "name the cuts in the order of the layers, where a single tensor passes"
        ) from None


def _layers_after(model: keras.Sequential, begin, end) -> keras.Model:
    """The layers after `begin` up to `end`, called again on a new input."""
    names = [layer.name for layer in model.layers]
    first, last = (names.index(tensor._keras_history.operation.name) for tensor in (begin, end))
    inputs = keras.Input(batch_shape=begin.shape, dtype=begin.dtype)
    return keras.Sequential([inputs, *model.layers[first + 1 : last + 1]], name=f"module_to_{names[last]}")
