"""RELAX for sigmoid belief networks: a learned surrogate in each layer's control variate, trained on the variance of
the logit gradient.

    g_k = (F(b) - eta_k c_k) (b_k - theta_k) + eta_k r_k dc_k/dz_k
    c_k = F(b_{<k}, sigmoid(z_k / t_k), sigmoid(z_{k+1} / t_{k+1}), ...) + net_k(x - mean, z_k, 2 b_{<k} - 1)

Layers above k are relaxed with their own noise, unconditionally, and only the logits of layer k are differentiated by,
so that every g_k is unbiased. With N examples, L layers of H units and g_kn the gradient of example n by the logits of
layer k, the objective is

    V = 1 / (N L H) sum_kn |g_kn / N|^2 + decay / 2 sum of the squares of the nets' kernels

and since c enters g through its value and slope alone, dV = <2 g / (N^3 L H), dg> needs second derivatives of c only.

Source: Grathwohl et al. (2018); docs/papers/rebar.md, sections 2.6 and 2.8.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import tensorflow as tf

from igr_suite.estimators.distributions import bernoulli
from igr_suite.estimators.rebar import coupled_control
from igr_suite.estimators.reinforce import score_term
from igr_suite.families.sbn.networks import Networks, Observed, total
from igr_suite.families.sbn.passes import Hard, Model, soft_passes
from igr_suite.networks import affine_chain

UNITS = 200  # of each hidden layer of a net


class Gradients(NamedTuple):
    """Of one step: g_k [N, hidden] of every layer, and dV by the method's own parameters."""

    logits: list[tf.Tensor]
    parameters: dict[str, tf.Tensor]


@dataclass(frozen=True)
class Relax:
    """Settings.

    Attributes:
      surrogate: c_k as above ("add"), its net alone ("net"), or its first term alone ("relaxed"), RELAX's own REBAR.
      layers: hidden layers of a net.
      decay: of the nets' kernels.
    """

    surrogate: Literal["add", "net", "relaxed"] = "add"
    layers: int = 4
    decay: float = 1e-3

    @property
    def relaxes(self) -> bool:
        """Whether F is evaluated at relaxed samples."""
        return self.surrogate != "net"

    def shapes(self, networks: Networks) -> dict[str, tuple[int, ...]]:
        """Shapes of the nets' weights by parameter, one net a layer: "net_0_0" its first kernel, "net_0_1" its first
        bias, ..."""
        found = {}
        for k in range(networks.layers) if self.surrogate != "relaxed" else ():
            widths = (networks.pixels + (k + 1) * networks.hidden, *[UNITS] * self.layers, 1)
            found |= {f"net_{k}_{j}": shape for j, shape in enumerate(affine_chain.shapes(widths))}
        return found

    def gradients(
        self,
        model: Model,
        observed: Observed,
        hard: Hard,
        uniforms: list[tf.Tensor],
        logistic: list[tf.Tensor],
        parameters: Mapping[str, tf.Tensor],
    ) -> Gradients:
        """Gradients of each example's bound by the logits, and of V.

        Args:
          model, observed, hard: weights, batch and its hard pass.
          uniforms, logistic: u_k and logit(u_k) [N, hidden].
          parameters: "etas" [L], "log_temperatures" [L] where samples are relaxed, and those of `shapes`.
        """
        networks, etas = model.networks, tf.unstack(parameters["etas"])
        learned = {name: value for name, value in parameters.items() if name != "etas"}
        with tf.GradientTape(watch_accessed_variables=False) as outer:
            outer.watch(learned)
            with tf.GradientTape(watch_accessed_variables=False) as inner:
                z, values = self._surrogates(model, observed, hard, logistic, learned, inner.watch)
                summed = tf.add_n(values)
            slopes = [row[-1] for row in inner.gradient(summed, z)]

        rows = tf.cast(tf.shape(hard.value)[0], hard.value.dtype)
        factor = 2.0 / (rows**3 * networks.layers * networks.hidden)
        logits, by_eta, slope_cotangents, value_cotangents = [], [], [], []
        for k, eta in enumerate(etas):
            at = hard.logits[k], hard.samples[k], uniforms[k]
            control = coupled_control(values[k], slopes[k], *at)
            logits.append(score_term(hard.value, hard.scores[k]) + eta * control)
            direction = factor * logits[k]
            by_eta.append(tf.reduce_sum(direction * control))
            slope_cotangents.append(eta * direction * bernoulli.reparameterisation_gap(*at))
            value_cotangents.append(-eta * total(direction * hard.scores[k]))
        found = outer.gradient([*slopes, *values], learned, [*slope_cotangents, *value_cotangents])
        decayed = {
            name: g + self.decay * learned[name] if learned[name].shape.rank == 2 else g for name, g in found.items()
        }
        return Gradients(logits, {"etas": tf.stack(by_eta), **decayed})

    def _surrogates(self, model: Model, observed: Observed, hard: Hard, logistic: list[tf.Tensor], learned, watch):
        """z_k, whose last row [N, hidden] lies on the hard pass below, and c_k [N], one a layer."""
        layers = range(model.networks.layers)
        if self.relaxes:
            soft = soft_passes(
                model, observed, hard, logistic, tf.exp(learned["log_temperatures"]), "concrete", watch=watch
            )
            z, values = soft.z, soft.values
        else:
            z, values = [(hard.logits[k] + logistic[k])[tf.newaxis] for k in layers], [0.0 for _ in layers]
            watch(z)
        if self.surrogate != "relaxed":
            values = [value + self._net(k, observed, hard, z[k][-1], learned) for k, value in enumerate(values)]
        return z, values

    def _net(self, k: int, observed: Observed, hard: Hard, z: tf.Tensor, learned: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """net_k [N]."""
        inputs = tf.concat([observed.centred, z, *[2.0 * b - 1.0 for b in hard.samples[:k]]], -1)
        weights = [learned[f"net_{k}_{j}"] for j in range(2 * self.layers + 2)]
        return affine_chain.forward(weights, inputs, tf.nn.relu)[0][:, 0]
