"""Any registered estimator as a method of belief networks."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from igr_suite.discrete.step import estimate_step, noise_of
from igr_suite.estimators.base import Estimator, Parameters
from igr_suite.families.sbn.chain import SBNChain
from igr_suite.families.sbn.networks import Networks
from igr_suite.families.sbn.steps import Method, Shared, Step

BASELINE = "baseline"


class OwnTensors:
    """A method's baselines and parameters as those of the estimator, layer by layer; see `discrete.own.Own`.

    Args:
      layers: number of layers.
      baselines: outputs of the baseline networks [N, layers], or None.
      parameters: "NAME_k" -> the parameter NAME of layer k.
    """

    weight_etas: Sequence[tf.Tensor] = ()

    def __init__(self, layers: int, baselines: tf.Tensor | None, parameters: Parameters):
        self.layers, self.baselines, self.named = layers, baselines, parameters

    @property
    def trained(self) -> list[tf.Tensor]:
        """The baselines first, where there are any, then the parameters in their order."""
        return [*([] if self.baselines is None else [self.baselines]), *self.named.values()]

    def parameters(self, context: tf.Tensor) -> list[Parameters]:
        """Returns the parameters of each layer; the context has been read by the baseline networks already."""
        del context
        by_layer = [{} for _ in range(self.layers)]
        for key, value in self.named.items():
            name, _, layer = key.rpartition("_")
            by_layer[int(layer)][name] = value
        if self.baselines is not None:
            for number, layer in enumerate(by_layer):
                layer[BASELINE] = self.baselines[:, number]
        return by_layer


def registered(networks: Networks, estimator: Estimator) -> Method:
    """The method of a registered estimator: each layer has its own parameters, and its own baseline network where the
    estimator has a baseline. What trains them is the estimator's own loss, else the variance of its logit gradient."""
    layer = estimator.parameters((1, networks.hidden), tf.float64)
    reads_baseline = BASELINE in layer
    initial = {
        f"{name}_{k}": np.asarray(value)
        for k in range(networks.layers)
        for name, value in layer.items()
        if name != BASELINE
    }
    bound = estimator.facts.target != "expectation"  # the estimate of a target of several samples together

    def step(shared: Shared, baselines: tf.Tensor | None, parameters: Parameters) -> Step:
        chain = SBNChain(shared.model, shared.observed)
        shapes = [(shared.observed.target.shape[0], networks.hidden)] * networks.layers
        noise = noise_of(estimator, shapes, shared.seed, shared.observed.target.dtype)
        own = OwnTensors(networks.layers, baselines, parameters)
        result = estimate_step(chain, estimator, noise, own)
        trained = list(result.own)
        by_baselines = trained.pop(0) if baselines is not None else None
        scalars = {"elbo": tf.reduce_mean(result.elbo)}
        if bound:
            scalars["bound"] = tf.reduce_mean(result.value)
        return Step(
            chain.by_network([*result.recognition, *result.generator]),
            by_baselines,
            dict(zip(parameters, trained)),
            scalars,
            [g if g.shape.rank == 2 else tf.reduce_sum(g, 0) for g in result.cotangents],  # of K chains their sum
        )

    return Method(step, networks.layers if reads_baseline else 0, initial, ("bound",) if bound else ())
