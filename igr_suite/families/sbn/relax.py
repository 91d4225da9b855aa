"""RELAX for sigmoid belief networks: a learned surrogate in each layer's control variate, trained on the variance of
the logit gradient.

    g_k = (F(b) - eta_k c_k) (b_k - theta_k) + eta_k r_k dc_k/dz_k
    c_k = F(b_{<k}, sigmoid(z_k / t_k), sigmoid(z_{k+1} / t_{k+1}), ...) + net_k(x - mean, z_k, 2 b_{<k} - 1)

Layers above k are relaxed with their own noise, unconditionally, and c_k is differentiated by the logits of layer k
alone, so that every g_k is unbiased. With N examples, L layers of H units and g_kn the gradient of example n by the
logits of layer k, the objective is

    V = 1 / (N L H) sum_kn |g_kn / N|^2 + decay / 2 sum of the squares of the nets' kernels

and since c enters g through its value and slope alone, dV = <2 g / (N^3 L H), dg> needs no second derivatives but those
of c.

Source: Grathwohl et al. (2018); docs/papers/rebar.md, sections 2.6 and 2.8.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import tensorflow as tf

from igr_suite.estimators.distributions import bernoulli
from igr_suite.estimators.rebar import coupled_control
from igr_suite.estimators.reinforce import score_term
from igr_suite.families.sbn.networks import Networks, total
from igr_suite.families.sbn.passes import soft_passes
from igr_suite.families.sbn.steps import Shared, Step
from igr_suite.networks import affine_chain

UNITS = 200  # of each hidden layer of a net


@dataclass(frozen=True)
class FusedRelax:
    """RELAX of all layers at once, from passes that they share.

    Attributes:
      surrogate: c_k as above ("add"), its net alone ("net"), or its first term alone ("relaxed"), which is the REBAR
        that RELAX's authors compare with.
      layers: number of hidden layers of a net.
      decay: weight decay of the nets' kernels.
    """

    surrogate: Literal["add", "net", "relaxed"] = "add"
    layers: int = 4
    decay: float = 1e-3

    @property
    def relaxes(self) -> bool:
        """Whether F is evaluated at relaxed samples."""
        return self.surrogate != "net"

    def shapes(self, networks: Networks) -> dict[str, tuple[int, ...]]:
        """Shapes of the nets' weights by parameter, one net per layer; "net_0_0" is its first kernel, "net_0_1" its
        first bias."""
        shapes = {}
        for k in range(networks.layers) if self.surrogate != "relaxed" else ():
            widths = (networks.pixels + (k + 1) * networks.hidden, *[UNITS] * self.layers, 1)
            shapes |= {f"net_{k}_{j}": shape for j, shape in enumerate(affine_chain.shapes(widths))}
        return shapes

    def step(self, shared: Shared, parameters: Mapping[str, tf.Tensor]) -> Step:
        """Gradients of the bound, and of V by the control variate's parameters; a step without scalars.

        Args:
          shared: passes of the batch.
          parameters: "etas" [L], "log_temperatures" [L] where samples are relaxed, and those of `shapes`.
        """
        hard, networks, etas = shared.hard, shared.model.networks, tf.unstack(parameters["etas"])
        learned = {name: value for name, value in parameters.items() if name != "etas"}
        with tf.GradientTape(watch_accessed_variables=False) as outer:
            outer.watch(learned)
            with tf.GradientTape(watch_accessed_variables=False) as inner:
                z, values = self._surrogates(shared, learned, inner.watch)
                summed = tf.add_n(values)
            slopes = [row[-1] for row in inner.gradient(summed, z)]

        factor = 2.0 / (shared.rows**3 * networks.layers * networks.hidden)
        logits, by_eta, slope_cotangents, value_cotangents = [], [], [], []
        for k, eta in enumerate(etas):
            sample = hard.logits[k], hard.samples[k], shared.uniforms[k]
            control = coupled_control(values[k], slopes[k], *sample)
            logits.append(score_term(hard.value, hard.scores[k]) + eta * control)
            direction = factor * logits[k]
            by_eta.append(tf.reduce_sum(direction * control))
            slope_cotangents.append(eta * direction * bernoulli.reparameterisation_gap(*sample))
            value_cotangents.append(-eta * total(direction * hard.scores[k]))
        by_learned = outer.gradient([*slopes, *values], learned, [*slope_cotangents, *value_cotangents])
        decayed = {
            name: g + self.decay * learned[name] if learned[name].shape.rank == 2 else g
            for name, g in by_learned.items()
        }
        return Step(shared.vjp(logits), parameters={"etas": tf.stack(by_eta), **decayed}, logits=logits)

    def _surrogates(
        self, shared: Shared, learned: Mapping[str, tf.Tensor], watch: Callable[[object], None]
    ) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        """z_k, whose last row [N, hidden] lies on the hard pass below, and c_k [N]; one per layer."""
        hard, layers = shared.hard, range(shared.model.networks.layers)
        if self.relaxes:
            temperatures = tf.exp(learned["log_temperatures"])
            soft = soft_passes(
                shared.model, shared.observed, hard, shared.logistic, temperatures, "concrete", watch=watch
            )
            z, values = soft.z, soft.values
        else:
            z, values = [(hard.logits[k] + shared.logistic[k])[tf.newaxis] for k in layers], [0.0 for _ in layers]
            watch(z)
        if self.surrogate != "relaxed":
            values = [value + self._net(k, shared, z[k][-1], learned) for k, value in enumerate(values)]
        return z, values

    def _net(self, k: int, shared: Shared, z: tf.Tensor, learned: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """net_k [N]."""
        below = [2.0 * b - 1.0 for b in shared.hard.samples[:k]]
        inputs = tf.concat([shared.observed.centred, z, *below], -1)
        weights = [learned[f"net_{k}_{j}"] for j in range(2 * self.layers + 2)]
        return affine_chain.forward(weights, inputs, tf.nn.relu)[0][:, 0]
