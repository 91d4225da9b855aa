"""A sigmoid belief network as a chain of layers that any registered estimator trains."""

from collections.abc import Sequence

import tensorflow as tf

from igr_suite.estimators.distributions import bernoulli
from igr_suite.estimators.neighbours import Neighbours
from igr_suite.families.sbn.networks import SBNBatch, total
from igr_suite.families.sbn.passes import Model
from igr_suite.networks import affine_chain


class SBNChain:
    """One batch of a belief network; see `discrete.chain.Chain`.

    Args:
      model: shapes and present weights.
      observed: the batch.
    """

    def __init__(self, model: Model, observed: SBNBatch):
        self.model, self.observed = model, observed
        self.kinds = [bernoulli] * model.networks.layers
        recognition = model.networks.recognition
        self._names = [*recognition, *(name for name in model.weights if name not in recognition)]
        self.recognition = [w for name in recognition for w in model.weights[name]]
        self.generator = [w for name in self._names[len(recognition) :] for w in model.weights[name]]
        self.context = observed.centred
        self.holds_log_q = model.networks.has_distribution

    def by_network(self, gradients: list[tf.Tensor]) -> dict[str, list[tf.Tensor]]:
        """Returns gradients of the recognition tensors and then the generator's, by network."""
        remaining = iter(gradients)
        return {name: [next(remaining) for _ in self.model.weights[name]] for name in self._names}

    def logits(self, layer: int, below: tf.Tensor | None) -> tf.Tensor:
        """See `Chain.logits`."""
        weights = self.model.weights[self.model.networks.recognition[layer]]
        return affine_chain.apply(weights, self.observed.condition if below is None else 2.0 * below - 1.0)

    def analytic(self, logits: Sequence[tf.Tensor]) -> None:
        """See `Chain.analytic`: there is no such part."""

    def term(self, layer: int, values: tf.Tensor, below: tf.Tensor | None, logits: tf.Tensor) -> tf.Tensor:
        """See `Chain.term`."""
        networks, weights, offset = self.model.networks, self.model.weights, self.model.offset
        return networks.term(layer, weights, offset, self.observed, values, below, logits).value

    def term_at_neighbours(
        self, layer: int, neighbours: Neighbours, below: tf.Tensor | None, logits: tf.Tensor
    ) -> tf.Tensor:
        """See `Chain`."""
        networks, weights = self.model.networks, self.model.weights
        value = tf.zeros([], logits.dtype)
        if networks.generates(layer):
            name, shift, target = networks.generated(layer, self.model.offset, self.observed, below)
            kernel, bias, *rest = weights[name]
            p_logits = neighbours.affine(kernel, bias, 2.0, -1.0)
            if rest:
                p_logits = affine_chain.apply(rest, tf.tanh(p_logits))
            value += total(bernoulli.log_probability(p_logits + shift, target))
        if networks.has_distribution:
            value -= neighbours.sums(lambda h: bernoulli.log_probability(logits, h))
            if layer == networks.layers - 1:
                prior = networks.prior(weights, self.observed)[0]
                value += neighbours.sums(lambda h: bernoulli.log_probability(prior, h))
        return value
