"""The parameters of an estimator itself when it trains a chain: scales, temperatures, surrogates and baselines."""

from collections.abc import Sequence
from typing import Literal, Protocol

import tensorflow as tf

from igr_suite.discrete.baselines import BaselineNetworks
from igr_suite.errors import UserError
from igr_suite.estimators.base import Estimator, Parameters
from igr_suite.estimators.relax import NET

Baseline = Literal["zero", "constant", "network"]


class OwnParameters(Protocol):
    """What a training step needs of own parameters; `Own` has it.

    Attributes:
      trained: all variables, each once, in a fixed order.
      weight_etas: a scale of the control variate for each recognition tensor, or none.
    """

    @property
    def trained(self) -> Sequence[tf.Tensor]: ...

    @property
    def weight_etas(self) -> Sequence[tf.Tensor]: ...

    def parameters(self, context: tf.Tensor) -> list[Parameters]:
        """Returns the present parameters of each layer for a context [B, C]."""


def decayed(gradient: tf.Tensor, name: str, value: tf.Tensor, decay: float) -> tf.Tensor:
    """Returns the gradient of one own parameter with weight decay: that of decay / 2 times the sum of the squares is
    added for a kernel of a network, whose name begins with "net." and which has two axes.

    Args:
      gradient: of the parameter.
      name: of the parameter.
      value: of the parameter.
      decay: 0 for none.
    Source: Grathwohl et al. (2018), as in their code; docs/papers/rebar.md, section 2.8.
    """
    return gradient + decay * value if decay and name.startswith(NET) and value.shape.rank == 2 else gradient


class Own:
    """Variables of an estimator's own parameters, one set for each layer.

    Args:
      estimator: any registered one.
      shapes: of each layer's logits, [B, D] or [B, V, C].
      dtype: of the variables.
      baseline: what the parameter "baseline" is, where the estimator has one: 0, a trained number or the output of a
        network that reads the context.
      shared: whether all layers have one baseline.
      context: width of what a network reads.
      seed: of the networks' initial weights.
      weights: number of recognition tensors, where each of them has a scale of the control variate of its own; 0 where
        the estimator's "eta" is the scale.
      decay: weight decay of the kernels of a network among the estimator's parameters, see `decayed`.
    Raises:
      UserError: a network is asked for and the estimator has no baseline, or scales and it has none.
    """

    def __init__(
        self,
        estimator: Estimator,
        shapes: Sequence[Sequence[int]],
        dtype: tf.DType = tf.float32,
        baseline: Baseline = "constant",
        shared: bool = False,
        context: int | None = None,
        seed: int = 0,
        weights: int = 0,
        decay: float = 0.0,
    ):
        self.weight_etas = [tf.Variable(tf.ones([], dtype)) for _ in range(weights)]
        self.shared, self.decay = shared, decay
        initial = [dict(estimator.parameters(shape, dtype)) for shape in shapes]
        if baseline == "network" and "baseline" not in initial[0]:
            raise UserError(f"{estimator.facts.name} has no baseline for a network to be trained as")
        self.fixed = [
            {"baseline": layer.pop("baseline")} if baseline != "constant" and "baseline" in layer else {}
            for layer in initial
        ]
        if weights and "eta" not in initial[0]:
            raise UserError(f"{estimator.facts.name} has no control variate whose scale could differ between weights")
        if weights:
            for fixed, layer in zip(self.fixed, initial):
                fixed["eta"] = layer.pop("eta")
        self.layers = [{name: tf.Variable(value) for name, value in layer.items()} for layer in initial]
        if shared:
            for layer in self.layers[1:]:
                layer.update({name: self.layers[0][name] for name in ("baseline",) if name in layer})
        count = 1 if shared else len(self.layers)
        self.networks = BaselineNetworks(context, count, dtype, seed) if baseline == "network" else None

    @property
    def trained(self) -> list[tf.Variable]:
        """All variables, each once, in a fixed order."""
        variables = [variable for layer in self.layers for variable in layer.values()]
        unique = list({id(variable): variable for variable in variables}.values())
        return [*unique, *self.weight_etas, *(self.networks.weights if self.networks else [])]

    def decayed(self, gradients: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Returns the gradients of `trained` with the weight decay added."""
        names = {id(variable): name for layer in self.layers for name, variable in layer.items()}
        return [
            decayed(gradient, names.get(id(variable), ""), variable, self.decay)
            for gradient, variable in zip(gradients, self.trained)
        ]

    def parameters(self, context: tf.Tensor) -> list[Parameters]:
        """Returns the present parameters of each layer.

        Args:
          context: what baseline networks read [B, C].
        """
        parameters = [{**fixed, **layer} for fixed, layer in zip(self.fixed, self.layers)]
        if self.networks is not None:
            outputs = self.networks(context)
            for number, layer in enumerate(parameters):
                layer["baseline"] = outputs[:, 0 if self.shared else number]
        return parameters
