"""The optimisers of a decoupled model's networks as one optimiser, as Keras's callbacks see them."""

from collections.abc import Iterator, Sequence

import keras


class OptimiserGroup(keras.Optimizer):
    """The optimisers of a decoupled model as `model.optimizer`: callbacks read and set the learning rate of all of them
    at once.

    If they have several rates (`synthesiser_optimizer` was given), `optimizers` holds a group for each rate, as Keras's
    `MultiOptimizer` does; `learning_rate` is then that of the modules, and setting it sets all. An attribute that is
    set on the group, such as `clipnorm`, is set on all optimisers. The model itself calls them: the group's own `apply`
    has no weights to update.

    Args:
      original: the optimiser that was copied for the networks.
      members: the copies; at least one.
      name: by default that of the original.
    """

    def __init__(self, original: keras.Optimizer, members: Sequence[keras.Optimizer], name: str | None = None):
        super().__init__(learning_rate=0.0, name=name or original.name)
        leaves = [leaf for member in members for leaf in leaves_of(member)]
        first = leaves[0] if leaves else next(leaves_of(original))
        for attribute, value in vars(first).items():
            if _is_option(attribute):
                super().__setattr__(attribute, value)
        self.original, self.members, self.leaves, self.built = original, tuple(members), tuple(leaves or [first]), True
        self.groups = self._groups()

    @property
    def optimizers(self) -> list["OptimiserGroup"]:
        if len(self.groups) < 2:
            raise AttributeError("all optimisers have one learning rate; read it from the group itself")
        return list(self.groups)

    @property
    def learning_rate(self):
        return self.leaves[0].learning_rate

    @learning_rate.setter
    def learning_rate(self, value):
        for leaf in [*self.leaves, *leaves_of(self.original)]:
            leaf.learning_rate = value

    @property
    def iterations(self):
        return self.leaves[0].iterations

    @property
    def _trainable_variables(self) -> list:
        """The weights that have moving averages (Keras's `SwapEMAWeights` reads this list and the next)."""
        return [variable for leaf in self._averaging() for variable in leaf._trainable_variables]

    @_trainable_variables.setter
    def _trainable_variables(self, value):
        del value

    @property
    def _model_variables_moving_average(self) -> list:
        return [average for leaf in self._averaging() for average in leaf._model_variables_moving_average]

    def finalize_variable_values(self, var_list):
        """Replaces weights by their moving averages, for the optimisers that keep them."""
        del var_list
        for leaf in self._averaging():
            leaf.finalize_variable_values(leaf._trainable_variables)

    def save_own_variables(self, store):
        """Saves nothing: the members are saved themselves."""

    def load_own_variables(self, store):
        """Loads nothing: the members are loaded themselves."""

    def get_config(self):
        return {"optimiser": keras.saving.serialize_keras_object(self.original)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The optimiser from which the group was made, without state."""
        return keras.saving.deserialize_keras_object(config["optimiser"], custom_objects=custom_objects)

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if (
            "groups" in self.__dict__
            and _is_option(name)
            and name not in ("original", "members", "leaves", "groups", "learning_rate")
        ):
            for leaf in [*self.leaves, *leaves_of(self.original)]:
                setattr(leaf, name, value)

    def _groups(self) -> tuple["OptimiserGroup", ...]:
        by_rate: dict[int, list[keras.Optimizer]] = {}
        for leaf in self.leaves:
            by_rate.setdefault(id(leaf._learning_rate), []).append(leaf)
        if len(by_rate) < 2:
            return ()
        names: dict[str, int] = {}
        groups = []
        for leaves in by_rate.values():
            count = names[leaves[0].name] = names.get(leaves[0].name, -1) + 1
            groups.append(OptimiserGroup(leaves[0], leaves, leaves[0].name + (f"_{count}" if count else "")))
        return tuple(groups)

    def _averaging(self) -> Iterator[keras.Optimizer]:
        """The optimisers that keep moving averages of weights and have made a step, before which an average is 0."""
        return (leaf for leaf in self.leaves if leaf.use_ema and leaf.built and leaf._iterations.numpy() > 0)


def _is_option(attribute: str) -> bool:
    return not attribute.startswith("_") and attribute not in ("name", "built")


def leaves_of(optimiser: keras.Optimizer) -> Iterator[keras.Optimizer]:
    """The optimisers that update weights: those inside Keras's LossScaleOptimizer and MultiOptimizer."""
    inner = getattr(optimiser, "inner_optimizer", None)
    several = [inner] if inner is not None else list(getattr(optimiser, "optimizers", ()))
    if not several:
        yield optimiser
    for each in several:
        yield from leaves_of(each)
