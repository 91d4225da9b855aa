"""What has to hold before a decoupled model is trained, each with a sentence; and the networks built to fit."""

from collections.abc import Sequence

import keras

from igr_suite.errors import UserError
from igr_suite.layers.synthetic_gradient import Synthesiser

Shape = tuple[int, ...]


def build_chain(modules: Sequence[keras.Layer]) -> list[Shape]:
    """Builds what is not built yet; returns the shapes of h_0 ... h_D without the batch.

    Raises:
      UserError: no module, an unknown input shape, modules that do not fit, shared layers, state from batch to batch.
    """
    if not modules:
        raise UserError("a decoupled model needs at least one module")
    first = getattr(modules[0], "input_shape", None) if modules[0].built else None
    if not first or any(size is None for size in first[1:]):
        raise UserError(f"the first module, {modules[0].name}, does not know the shape of its input; begin it with a keras.Input")
    _check_layers(modules)
    shapes, tensor = [tuple(first[1:])], keras.Input(first[1:])
    for number, module in enumerate(modules, start=1):
        try:
            tensor = module(tensor)
        except (ValueError, TypeError) as error:
            raise UserError(f"module {number}, {module.name}, cannot take the shape {shapes[-1]}: {_first_line(error)}") from None
        shapes.append(tuple(tensor.shape[1:]))
    return shapes


def _check_layers(modules: Sequence[keras.Layer]) -> None:
    seen: dict[int, str] = {}
    for module in modules:
        for layer in module._flatten_layers():
            if getattr(layer, "stateful", False):
                raise UserError(
                    f"the layer '{layer.name}' keeps state from batch to batch (stateful=True) and cannot be decoupled; make it stateless"
                )
        for variable in module.variables:
            owner = seen.setdefault(id(variable), module.name)
            if owner != module.name:
                raise UserError(
                    f"the weight '{variable.path}' is in the modules {owner} and {module.name}; a layer cannot be on both sides of a cut"
                )


def build_synthesisers(
    factory: Synthesiser | Sequence[Synthesiser] | None, inputs: Sequence[Shape], outputs: Sequence[Shape], context: int, what: str
) -> list[keras.Layer]:
    """One network for each interface.

    Args:
      factory: for all interfaces, or one for each; None makes none.
      inputs, outputs: shapes without the batch of what each reads and predicts.
      context: features appended to what it reads.
      what: how an error calls it.
    Raises:
      UserError: another number of factories than interfaces, or a network whose output is not of the interface's shape.
    """
    if factory is None:
        return []
    factories = list(factory) if isinstance(factory, Sequence) else [factory] * len(outputs)
    if len(factories) != len(outputs):
        raise UserError(
            f"there are {len(outputs)} interfaces and {len(factories)} factories of a {what}; give one for all, or one for each"
        )
    networks = []
    for number, (make, source, wanted) in enumerate(zip(factories, inputs, outputs), start=1):
        source = (*source[:-1], source[-1] + context)
        network = make(source, wanted)
        try:
            found = tuple(network(keras.Input(source)).shape[1:])
        except (ValueError, TypeError) as error:
            raise UserError(f"the {what} of interface {number} cannot take the shape {source}: {_first_line(error)}") from None
        if found != wanted:
            raise UserError(f"the {what} of interface {number} predicts the shape {found}, and the interface is {wanted}; make them equal")
        networks.append(network)
    return networks


def check_optimiser(optimiser) -> keras.Optimizer:
    """A Keras optimiser, from its name or itself.

    Raises:
      UserError: no such optimiser.
    """
    try:
        return keras.optimizers.get(optimiser)
    except (ValueError, TypeError) as error:
        raise UserError(f"'{optimiser}' is no Keras optimiser: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200]
