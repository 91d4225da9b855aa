"""A sigmoid belief network as a chain of layers that any registered estimator trains."""

import tensorflow as tf

from igr_suite.estimators.distributions import bernoulli
from igr_suite.families.sbn.networks import Observed
from igr_suite.families.sbn.passes import Model
from igr_suite.networks import affine_chain


class SBNChain:
    """One batch of a belief network; see `discrete.chain.Chain`.

    Args:
      model: shapes and present weights.
      observed: the batch.
    """

    def __init__(self, model: Model, observed: Observed):
        self.model, self.observed = model, observed
        self.kinds = [bernoulli] * model.networks.layers
        names = set(model.networks.recognition)
        self.recognition = [w for name in model.networks.recognition for w in model.weights[name]]
        self.generator = [w for name, group in model.weights.items() if name not in names for w in group]
        self.context = observed.centred

    def logits(self, layer: int, below: tf.Tensor | None) -> tf.Tensor:
        """See `Chain.logits`."""
        weights = self.model.weights[self.model.networks.recognition[layer]]
        return affine_chain.apply(weights, self.observed.condition if below is None else 2.0 * below - 1.0)

    def term(self, layer: int, values: tf.Tensor, below: tf.Tensor | None, logits: tf.Tensor) -> tf.Tensor:
        """See `Chain.term`."""
        networks, weights, offset = self.model.networks, self.model.weights, self.model.offset
        return networks.term(layer, weights, offset, self.observed, values, below, logits).value
