"""REBAR for sigmoid belief networks: gradients of the recognition networks, and of the variance by the control
variate's parameters.

    g = J' (signal + eta control) / N,   V = |g|^2 / P

J is the Jacobian of the logits by the weights, N the number of examples, P that of the model's scalars. Since E[g] does
not depend on the control variate, the gradient of V estimates that of the variance. No second pass over the weights is
needed: with t = J g, the baseline B and the temperature lam,

    dV/d eta       = (2/P) <g, J' control / N>          (inner products by Gram matrices, networks/affine_chain.py)
    dV/d B_n       = -(2/P) <t_n, score_n> / N
    dV/d log lam   = (2/P) d/d log lam <J eta g, control(lam) / N>

Source: Tucker et al. (2017), section 3.2; closed forms in docs/papers/rebar.md, sections 2.4 to 2.6.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import tensorflow as tf

from igr_suite.estimators.distributions import bernoulli
from igr_suite.estimators.rebar import coupled_control
from igr_suite.estimators.reinforce import score_term
from igr_suite.families.sbn.networks import Networks, total
from igr_suite.families.sbn.passes import soft_passes
from igr_suite.families.sbn.steps import Shared, Step
from igr_suite.networks import affine_chain

EtaScope = Literal["variable", "network", "layer", "unit"]


class Controls(NamedTuple):
    """Relaxed quantities of each layer's control variate.

    Attributes:
      values: c [N].
      slopes: dc/dz [N, hidden].
      by_temperature: (cotangents of slopes, cotangents of values) -> derivative by the log temperature; None where the
        temperature is fixed.
    """

    values: list[tf.Tensor]
    slopes: list[tf.Tensor]
    by_temperature: Callable[[list[tf.Tensor], list[tf.Tensor]], tf.Tensor] | None


@dataclass(frozen=True)
class FusedRebar:
    """REBAR of all layers at once, from passes that they share.

    Attributes:
      dynamic: whether the temperature is trained on the variance.
      eta_scope: what shares one scale of the control variate: a weight tensor, all networks, the logits of a layer, or
        nothing, so that every unit has its own.
      multilayer_cv: "corrected", one control variate for each layer; "historical", the authors', biased for all layers
        but the first, because its conditional pass reuses noise that depends on deeper layers' logits; "joint", one
        control variate with all layers relaxed.
      relaxation: see `bernoulli.relaxed_sample`.
    """

    dynamic: bool = True
    eta_scope: EtaScope = "variable"
    multilayer_cv: Literal["corrected", "historical", "joint"] = "corrected"
    relaxation: bernoulli.Relaxed = "improved"

    def eta_shape(self, networks: Networks) -> tuple[int, ...]:
        """Shape of the etas; "variable" has one for each tensor of the model, and the generator's stay at 1 because
        their control is zero."""
        tensors = sum(len(group) for group in networks.shapes().values())
        return {
            "variable": (tensors,),
            "network": (1,),
            "layer": (networks.layers, 1),
            "unit": (networks.layers, networks.hidden),
        }[self.eta_scope]

    def controls(self, shared: Shared, log_temperature: tf.Tensor) -> Controls:
        """Relaxed bounds and their slopes for every layer's control variate."""
        layers, together = range(shared.model.networks.layers), self.multilayer_cv == "joint"
        with tf.GradientTape(watch_accessed_variables=False) as outer:
            if self.dynamic:
                outer.watch(log_temperature)
            with tf.GradientTape(watch_accessed_variables=False) as inner:
                soft = soft_passes(
                    shared.model,
                    shared.observed,
                    shared.hard,
                    shared.logistic,
                    tf.exp(log_temperature),
                    self.relaxation,
                    together,
                    watch=inner.watch,
                )
                summed = tf.add_n(soft.values)
            rows = inner.gradient(summed, soft.z)
            slopes = [tf.reduce_sum(row, 0) if self.multilayer_cv == "historical" else row[-1] for row in rows]
            values = [soft.values[0 if together else k] for k in layers]

        def by_temperature(slope_cotangents, value_cotangents):
            return outer.gradient([*slopes, *values], log_temperature, [*slope_cotangents, *value_cotangents])

        return Controls(values, slopes, by_temperature if self.dynamic else None)

    def step(self, shared: Shared, advantage: tf.Tensor, etas: tf.Tensor, log_temperature: tf.Tensor) -> Step:
        """Gradients of the bound, and of its gradient's variance by the control variate's parameters.

        Args:
          shared: passes of the batch.
          advantage: F - B [N].
          etas: of `eta_shape`.
          log_temperature: scalar.
        Returns:
          A step without scalars. Its parameters are dV/d "etas" and, where it is trained, dV/d "log_temperature". Where
          weight tensors have their own etas, its logits hold the eta of the network's last bias, whose gradient is
          their sum.
        """
        hard, networks = shared.hard, shared.model.networks
        factor = 2.0 / networks.size()
        controls = self.controls(shared, log_temperature)
        recognition, logits, deltas, by_eta, baseline, slope_cotangents, value_cotangents = {}, [], [], [], 0.0, [], []
        for k, name in enumerate(networks.recognition):
            sample = hard.logits[k], hard.samples[k], shared.uniforms[k]
            control = coupled_control(controls.values[k], controls.slopes[k], *sample) / shared.rows
            signal = score_term(advantage, hard.scores[k]) / shared.rows
            eta = self._etas_of(networks, k, etas)
            layer = self._layer(shared, k, signal, control, eta)
            recognition[name] = layer.gradient
            deltas.append(layer.deltas)
            logits.append((signal + (eta[-1] if self.eta_scope == "variable" else eta) * control) * shared.rows)
            by_eta.append(layer.by_eta)
            baseline -= total(layer.image * hard.scores[k]) / shared.rows
            slope_cotangents.append(layer.scaled_image * bernoulli.reparameterisation_gap(*sample) / shared.rows)
            value_cotangents.append(-total(layer.scaled_image * hard.scores[k]) / shared.rows)
        parameters = {"etas": factor * self._join(networks, by_eta)}
        if self.dynamic:
            parameters["log_temperature"] = factor * controls.by_temperature(slope_cotangents, value_cotangents)
        return Step(recognition, (factor * baseline)[:, tf.newaxis], parameters, logits=logits, deltas=deltas)

    def _etas_of(self, networks: Networks, k: int, etas: tf.Tensor):
        """A list of scalars, one for each weight tensor of layer k, or the tensor that scales the layer's control."""
        if self.eta_scope == "variable":
            first = _first_index(networks, f"q_{k}")
            return [etas[first + i] for i in range(len(networks.shapes()[f"q_{k}"]))]
        return etas if self.eta_scope == "network" else etas[k]

    def _layer(self, shared: Shared, k: int, signal: tf.Tensor, control: tf.Tensor, etas) -> "_Layer":
        weights, layer_inputs = shared.model.weights[f"q_{k}"], shared.hard.layer_inputs[k]
        if self.eta_scope == "variable":
            signals, controls = (affine_chain.deltas(weights, layer_inputs, delta) for delta in (signal, control))
            kernels = [s + eta * c for s, c, eta in zip(signals, controls, etas[::2])]
            biases = [s + eta * c for s, c, eta in zip(signals, controls, etas[1::2])]
            products = affine_chain.gram_products(layer_inputs, kernels, biases)
            by_eta = tf.stack([tf.reduce_sum(product * controls[i // 2]) for i, product in enumerate(products)])
            scaled = affine_chain.jvp(weights, layer_inputs, [eta * product for eta, product in zip(etas, products)])
        else:
            kernels = biases = affine_chain.deltas(weights, layer_inputs, signal + etas * control)
            products = affine_chain.gram_products(layer_inputs, kernels, biases)
        image = affine_chain.jvp(weights, layer_inputs, products)
        if self.eta_scope != "variable":
            scaled = etas * image
            by_eta = tf.reduce_sum(image * control, 0)
            by_eta = by_eta if self.eta_scope == "unit" else tf.reduce_sum(by_eta, keepdims=True)
        return _Layer(affine_chain.gradients(layer_inputs, kernels, biases), (kernels, biases), by_eta, image, scaled)

    def _join(self, networks: Networks, by_eta: list[tf.Tensor]) -> tf.Tensor:
        """The layers' dV/d eta as one tensor of `eta_shape`."""
        if self.eta_scope == "variable":
            before = _first_index(networks, "q_0")
            joined = tf.concat(by_eta, 0)
            return tf.pad(joined, [[before, self.eta_shape(networks)[0] - before - joined.shape[0]]])
        return tf.add_n(by_eta) if self.eta_scope == "network" else tf.stack(by_eta)


class _Layer(NamedTuple):
    """One layer: gradient g of its weights, deltas of its kernels and biases, dV/d eta without the factor 2/P, J g, and
    J (eta g)."""

    gradient: list[tf.Tensor]
    deltas: tuple[list[tf.Tensor], list[tf.Tensor]]
    by_eta: tf.Tensor
    image: tf.Tensor
    scaled_image: tf.Tensor


def _first_index(networks: Networks, name: str) -> int:
    """Position of a network's first tensor among the tensors of the model."""
    shapes = networks.shapes()
    names = list(shapes)
    return sum(len(shapes[other]) for other in names[: names.index(name)])
