"""REBAR for sigmoid belief networks: gradients of the recognition networks, and of the variance by the control
variate's parameters.

    g = J' (signal + eta control) / N,   V = |g|^2 / P

J is the Jacobian of the logits by the weights, P the number of the model's scalars. Since E[g] does not depend on the
control variate, the gradient of V estimates that of the variance. No second pass over the weights is needed: with t = J
g,

    dV/d eta       = (2/P) <g, J' control / N>          (inner products by Gram matrices, networks/affine_chain.py)
    dV/d B_n       = -(2/P) <t_n, score_n> / N
    dV/d log lam   = (2/P) d/d log lam <J eta g, control(lam) / N>

Source: Tucker et al. (2017), section 3.2; closed forms in docs/papers/rebar.md, sections 2.4 to 2.6.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import tensorflow as tf

from igr_suite.estimators.distributions import bernoulli
from igr_suite.estimators.rebar import coupled_control
from igr_suite.estimators.reinforce import score_term
from igr_suite.families.sbn.networks import Observed, total
from igr_suite.families.sbn.passes import Hard, Model, soft_passes
from igr_suite.networks import affine_chain

EtaScope = Literal["variable", "network", "layer", "unit"]


class Controls(NamedTuple):
    """Relaxed quantities of each layer's control variate.

    Attributes:
      values: c [N].
      slopes: dc/dz [N, hidden].
      by_temperature: (cotangents of slopes, cotangents of values) -> derivative by log temperature; None when it is
        fixed.
    """

    values: list[tf.Tensor]
    slopes: list[tf.Tensor]
    by_temperature: object


class Gradients(NamedTuple):
    """Of one step.

    Attributes:
      recognition: {"q_k": gradients of the bound, shapes of the weights}.
      etas: dV/d eta, shape of the etas.
      baseline: dV/d B [N].
      log_temperature: dV/d log lam, or None.
      logits: gradient of each example's bound by the logits of q_k [N, hidden], one a layer; where weight tensors have
        their own etas, with the eta of the network's last bias, whose gradient is the sum of these.
      deltas: what the recognition gradients are made of, as in `sbn_methods.Step`.
    """

    recognition: dict[str, list[tf.Tensor]]
    etas: tf.Tensor
    baseline: tf.Tensor
    log_temperature: tf.Tensor | None
    logits: list[tf.Tensor]
    deltas: list[tuple[list[tf.Tensor], list[tf.Tensor]]]


@dataclass(frozen=True)
class Rebar:
    """Settings.

    Attributes:
      dynamic: whether the temperature is trained on the variance.
      eta_scope: what shares a scale of the control variate: a weight tensor, all networks, a layer's logits, or nothing
        (every unit its own).
      multilayer_cv: "corrected", one control variate a layer; "historical", the authors', biased for all layers but the
        first: its conditional pass reuses noise that depends on deeper layers' logits; "joint", one control variate
          with all layers relaxed.
      relaxation: see `bernoulli.relaxed_sample`.
    """

    dynamic: bool = True
    eta_scope: EtaScope = "variable"
    multilayer_cv: Literal["corrected", "historical", "joint"] = "corrected"
    relaxation: bernoulli.Relaxed = "improved"

    def eta_shape(self, networks) -> tuple[int, ...]:
        """Shape of the etas; "variable" has one for each tensor of the model, the generator's staying at 1 (their
        control is zero)."""
        tensors = sum(len(group) for group in networks.shapes().values())
        return {
            "variable": (tensors,),
            "network": (1,),
            "layer": (networks.layers, 1),
            "unit": (networks.layers, networks.hidden),
        }[self.eta_scope]

    def controls(
        self, model: Model, observed: Observed, hard: Hard, logistic: list[tf.Tensor], log_temperature: tf.Tensor
    ) -> Controls:
        """Relaxed bounds and their slopes for every layer's control variate; arguments as in `soft_passes`."""
        layers, together = range(model.networks.layers), self.multilayer_cv == "joint"
        with tf.GradientTape(watch_accessed_variables=False) as outer:
            if self.dynamic:
                outer.watch(log_temperature)
            with tf.GradientTape(watch_accessed_variables=False) as inner:
                soft = soft_passes(
                    model,
                    observed,
                    hard,
                    logistic,
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

    def gradients(
        self,
        model: Model,
        observed: Observed,
        hard: Hard,
        uniforms: list[tf.Tensor],
        advantage: tf.Tensor,
        etas: tf.Tensor,
        log_temperature: tf.Tensor,
        logistic: list[tf.Tensor],
    ) -> Gradients:
        """Gradients of the bound, and of its gradient's variance by the control variate's parameters.

        Args:
          model, observed, hard: weights, batch and its hard pass.
          uniforms, logistic: u_k and logit(u_k) [N, hidden].
          advantage: F - B [N].
          etas: of `eta_shape`.
          log_temperature: scalar.
        """
        networks = model.networks
        rows = tf.cast(tf.shape(advantage)[0], advantage.dtype)
        factor = 2.0 / networks.size()
        found = self.controls(model, observed, hard, logistic, log_temperature)
        recognition, logits, deltas, by_eta, baseline, slope_cotangents, value_cotangents = {}, [], [], [], 0.0, [], []
        for k, name in enumerate(networks.recognition):
            gap = bernoulli.reparameterisation_gap(hard.logits[k], hard.samples[k], uniforms[k])
            control = (
                coupled_control(found.values[k], found.slopes[k], hard.logits[k], hard.samples[k], uniforms[k]) / rows
            )
            signal = score_term(advantage, hard.scores[k]) / rows
            eta = self._etas_of(networks, k, etas)
            along = self._along(model, hard, k, signal, control, eta)
            recognition[name] = along.gradient
            deltas.append(along.deltas)
            logits.append((signal + (eta[-1] if self.eta_scope == "variable" else eta) * control) * rows)
            by_eta.append(along.by_eta)
            baseline -= total(along.image * hard.scores[k]) / rows
            slope_cotangents.append(along.scaled_image * gap / rows)
            value_cotangents.append(-total(along.scaled_image * hard.scores[k]) / rows)
        temperature = factor * found.by_temperature(slope_cotangents, value_cotangents) if self.dynamic else None
        return Gradients(
            recognition, factor * self._join(networks, by_eta), factor * baseline, temperature, logits, deltas
        )

    def _etas_of(self, networks, k: int, etas: tf.Tensor):
        """A list of scalars for a layer's weight tensors, or what scales its logits' control."""
        if self.eta_scope == "variable":
            first = _first_index(networks, f"q_{k}")
            return [etas[first + i] for i in range(len(networks.shapes()[f"q_{k}"]))]
        return etas if self.eta_scope == "network" else etas[k]

    def _along(self, model: Model, hard: Hard, k: int, signal: tf.Tensor, control: tf.Tensor, etas) -> "_Along":
        weights, layer_inputs = model.weights[f"q_{k}"], hard.layer_inputs[k]
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
        return _Along(affine_chain.gradients(layer_inputs, kernels, biases), (kernels, biases), by_eta, image, scaled)

    def _join(self, networks, by_eta: list[tf.Tensor]) -> tf.Tensor:
        if self.eta_scope == "variable":
            before = _first_index(networks, "q_0")
            joined = tf.concat(by_eta, 0)
            return tf.pad(joined, [[before, self.eta_shape(networks)[0] - before - joined.shape[0]]])
        return tf.add_n(by_eta) if self.eta_scope == "network" else tf.stack(by_eta)


class _Along(NamedTuple):
    """One layer: its weights' gradient g, the deltas of its kernels and biases, dV/d eta without the factor, J g, and J
    (eta g)."""

    gradient: list[tf.Tensor]
    deltas: tuple[list[tf.Tensor], list[tf.Tensor]]
    by_eta: tf.Tensor
    image: tf.Tensor
    scaled_image: tf.Tensor


def _first_index(networks, name: str) -> int:
    shapes = networks.shapes()
    names = list(shapes)
    return sum(len(shapes[other]) for other in names[: names.index(name)])
