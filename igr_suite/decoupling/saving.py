"""Saving, loading and exporting a decoupled model, as Keras does it."""

import dataclasses

import keras

from igr_suite.decoupling.checks import check_file, first_line
from igr_suite.decoupling.contents import Contents
from igr_suite.errors import UserError


class Saving(Contents):
    """The part of `DecoupledModel` that writes and reads files."""

    def save(self, filepath, *arguments, **options):
        """Keras's save, which leaves a file of that name alone when the model cannot be saved.

        Raises:
          UserError: the file would be HDF5, from which Keras reads only functional models; a part cannot be serialised.
        """
        check_file(filepath)
        self.get_config()  # Keras empties the file before it asks for this
        return super().save(filepath, *arguments, **options)

    def export(self, filepath, format="tf_saved_model", verbose=None, input_signature=None, **options):
        """Keras's export: the modules one after the other, at inference, by default for batches of any size."""
        example = self._no_data()
        self(example)
        signature = input_signature or [keras.InputSpec(shape=(None, *example.shape[1:]), dtype=example.dtype.name)]
        return super().export(filepath, format, verbose, signature, **options)

    def get_config(self) -> dict:
        """The configuration of a copy, serialised by Keras: modules and networks, the context's function, settings.

        Raises:
          UserError: a part cannot be serialised, so that the model can be neither saved nor copied.
        """
        return {
            "modules": [_serialised(part, f"the module {part.name}") for part in self.parts],
            "synthesiser": [_serialised(network, "a synthesiser") for network in self.synthesisers] or None,
            "synthetic_inputs": [_serialised(network, "a model of inputs") for network in self.input_models] or None,
            "context": None if self.context is None else _serialised(self.context, "the context's function"),
            "classes": self.classes,
            "seed": self.seed,
            "name": self.name,
            **dataclasses.asdict(self.settings),
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> keras.Model:
        """A model with the same networks and settings and new weights."""

        def load(saved):
            return keras.saving.deserialize_keras_object(saved, custom_objects=custom_objects)

        config = dict(config)
        modules, context = [load(saved) for saved in config.pop("modules")], load(config.pop("context"))
        for name in ("synthesiser", "synthetic_inputs"):
            networks = [load(saved) for saved in config[name] or ()]
            config[name] = [lambda inputs, outputs, network=network: network for network in networks] or None
        return cls(modules, context=context, **config)

    def save_own_variables(self, store) -> None:
        """Saves the step and the states of random layers, which Keras does not save, so that training continues as it
        would have without a break."""
        for i, variable in enumerate([self.steps, *self._random_states()]):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store) -> None:
        """Reads what `save_own_variables` wrote."""
        for i, variable in enumerate([self.steps, *self._random_states()]):
            if str(i) in store:
                variable.assign(store[str(i)])

    def _random_states(self) -> list:
        saved = {id(v) for network in self.networks() for v in network.weights}
        return [v for network in self.networks() for v in network.variables if id(v) not in saved]

    def get_compile_config(self) -> dict:
        """The arguments of `compile`, as Keras serialises them."""
        if not self.optimisers:
            return {}
        return {name: _serialised(value, f"{name}={value}") for name, value in self._compile_arguments().items()}

    def compile_from_config(self, config: dict) -> None:
        """Calls `compile` with what `get_compile_config` returned."""
        if config:
            self.compile(**keras.saving.deserialize_keras_object(config))


def _serialised(part, what: str) -> dict:
    try:
        return keras.saving.serialize_keras_object(part)
    except (NotImplementedError, TypeError, ValueError) as error:
        raise UserError(
            f"{what} cannot be serialised, so the decoupled model can be neither saved nor copied: "
            f"{first_line(error)}; give it a get_config"
        ) from error
