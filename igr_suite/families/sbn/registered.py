"""Any registered estimator as a method of belief networks."""

import numpy as np
import tensorflow as tf

from igr_suite.discrete.config import EstimationConfig
from igr_suite.discrete.own import decayed
from igr_suite.discrete.step import estimate_step, noise_of
from igr_suite.estimators.base import Estimator, Noise, Parameters
from igr_suite.families.sbn.chain import SBNChain
from igr_suite.families.sbn.networks import Networks
from igr_suite.families.sbn.steps import Method, Shared, Step

BASELINE, ETA = "baseline", "eta"
WEIGHT_ETA = "weight_eta_"  # scale of the control variate of one recognition tensor


class OwnTensors:
    """A method's baselines and parameters as those of the estimator, layer by layer; see `discrete.own.Own`.

    Args:
      layers: number of layers.
      baselines: outputs of the baseline networks [N, layers], or None.
      parameters: "NAME_k" -> the parameter NAME of layer k, "baseline" -> one of all layers, "weight_eta_i" -> the
        scale of the i-th recognition tensor.
      fixed: parameters of every layer that are not trained.
    """

    def __init__(
        self, layers: int, baselines: tf.Tensor | None, parameters: Parameters, fixed: Parameters | None = None
    ):
        self.layers, self.baselines, self.named, self.fixed = layers, baselines, parameters, fixed or {}
        self.weight_etas = [value for key, value in parameters.items() if key.startswith(WEIGHT_ETA)]

    @property
    def trained(self) -> list[tf.Tensor]:
        """The baselines first, where there are any, then the parameters in their order."""
        return [*([] if self.baselines is None else [self.baselines]), *self.named.values()]

    def parameters(self, context: tf.Tensor) -> list[Parameters]:
        """Returns the parameters of each layer; the context has been read by the baseline networks already."""
        del context
        by_layer = [dict(self.fixed) for _ in range(self.layers)]
        for key, value in self.named.items():
            name, _, layer = key.rpartition("_")
            if key == BASELINE:
                for parameters in by_layer:
                    parameters[BASELINE] = value
            elif not key.startswith(WEIGHT_ETA):
                by_layer[int(layer)][name] = value
        if self.baselines is not None:
            shared = self.baselines.shape[-1] == 1
            for number, layer in enumerate(by_layer):
                layer[BASELINE] = self.baselines[:, 0 if shared else number]
        return by_layer


def registered(
    networks: Networks, estimator: Estimator, estimation: EstimationConfig, on_common_path: bool = False
) -> Method:
    """The method of a registered estimator; what trains its own parameters is its own loss, or else the variance of its
    gradient.

    Args:
      networks: shapes.
      estimator: any registered one for Bernoulli variables.
      estimation: how its own parameters are trained, with nothing left open.
      on_common_path: whether the first sample of the estimator, or its only one, is that of the shared pass, as it is
        where several estimators are tracked.
    """
    initial, fixed, baselines = _start(networks, estimator, estimation)
    bound = estimator.facts.target != "expectation"  # the estimate of a target of several samples together

    def step(shared: Shared, values: tf.Tensor | None, parameters: Parameters) -> Step:
        chain = SBNChain(shared.model, shared.observed)
        dtype = shared.observed.target.dtype
        shapes = [(shared.observed.target.shape[0], networks.hidden)] * networks.layers
        noise = noise_of(estimator, shapes, shared.seed, dtype)
        if on_common_path:
            noise = [_with_first(layer, u) for layer, u in zip(noise, shared.uniforms)]
        constants = {name: tf.cast(value, dtype) for name, value in fixed.items()}
        own = OwnTensors(networks.layers, values, parameters, constants)
        result = estimate_step(chain, estimator, noise, own, estimation.variance_of, estimation.generator_samples)
        trained = list(result.own)
        by_baselines = trained.pop(0) if values is not None else None
        scalars = {"elbo": tf.reduce_mean(result.elbo)}
        if bound:
            scalars["bound"] = tf.reduce_mean(result.value)
        by_parameters = {
            key: decayed(gradient, key, parameters[key], estimation.net_decay)
            for key, gradient in zip(parameters, trained)
        }
        return Step(
            chain.by_network([*result.recognition, *result.generator]),
            by_baselines,
            by_parameters,
            scalars,
            [g if g.shape.rank == 2 else tf.reduce_sum(g, 0) for g in result.cotangents],  # of K chains their sum
        )

    warmup = estimation.warmup_steps
    return Method(step, baselines, initial, ("bound",) if bound else (), warmup=warmup)


def _start(networks: Networks, estimator: Estimator, estimation: EstimationConfig):
    """(initial values of the trained parameters, parameters that stay, number of baseline networks)."""
    layer = {name: np.asarray(value) for name, value in estimator.parameters((1, networks.hidden), tf.float64).items()}
    initial, fixed, baselines = {}, {}, 0
    if BASELINE in layer:
        value = layer.pop(BASELINE)
        count = 1 if estimation.shared_baseline else networks.layers
        if estimation.baseline == "network":
            baselines = count
        elif estimation.baseline == "zero":
            fixed[BASELINE] = value
        else:
            initial |= {BASELINE: value} if count == 1 else {f"{BASELINE}_{k}": value for k in range(count)}
    if estimation.eta == "weights":
        fixed[ETA] = layer.pop(ETA)
        tensors = [shape for name in networks.recognition for shape in networks.shapes()[name]]
        initial |= {f"{WEIGHT_ETA}{i}": np.ones([]) for i in range(len(tensors))}
    initial |= {f"{name}_{k}": value for k in range(networks.layers) for name, value in layer.items()}
    return initial, fixed, baselines


def _with_first(noise: Noise, uniforms: tf.Tensor) -> Noise:
    """The noise of a layer with given uniforms [N, hidden] of its sample, or of the first of its K samples."""
    u = noise["u"]
    first = uniforms if u.shape.rank == 2 else tf.concat([uniforms[tf.newaxis], u[1:]], 0)
    return {**noise, "u": first}
