"""RELAX and LAX: control variates with a learned surrogate of the objective."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import tensorflow as tf

from igr_suite.checks import is_whole
from igr_suite.errors import UserError
from igr_suite.estimators.base import Estimate, Estimator, Facts, Objective, Parameters, register
from igr_suite.estimators.derivatives import Traced, derivative
from igr_suite.estimators.distributions.bernoulli import Relaxed
from igr_suite.estimators.inputs import uniforms, variable_sizes
from igr_suite.estimators.rebar import (
    Coupling,
    Surrogate,
    control_variate,
    draw_noise,
    initial_eta,
    relaxed_above,
    relaxed_of,
)
from igr_suite.estimators.reinforce import score_term
from igr_suite.estimators.settings import check_choices, check_temperature
from igr_suite.estimators.variables import kind_of

NET = "net."  # prefix of the net's parameters among the estimator's


def glorot_uniform(rows: int, columns: int, number: int, dtype: tf.DType, seed: int = 0) -> tf.Tensor:
    """Initial kernel [rows, columns], number `number` of those with this seed."""
    limit = math.sqrt(6.0 / (rows + columns))
    return tf.cast((2.0 * uniforms([rows, columns], tf.constant([seed, number]), dtype) - 1.0) * limit, dtype)


@dataclass(frozen=True, kw_only=True)
class TinyNet:
    """net(y) = w2 . tanh((2 y - 1) W1 + b1) + b2 on the relaxed sample; any object with these two methods can replace
    it.

    Args:
      units: number of hidden units.
      seed: of the initial kernels, which are Glorot-uniform.
    Source: Grathwohl et al. (2018), the net of their toy problem; docs/papers/rebar.md, section 2.8.
    """

    units: int = 10
    seed: int = 0

    def __post_init__(self):
        if not is_whole(self.units, 1):
            raise UserError(f"units must be at least 1, got {self.units}")
        if not is_whole(self.seed):
            raise UserError(f"seed must be an integer, got {self.seed!r}")

    def parameters(self, shape, dtype: tf.DType = tf.float32) -> dict[str, tf.Tensor]:
        """Initial values for logits of this shape."""
        inputs = math.prod(variable_sizes(shape))
        return {
            "hidden_kernel": glorot_uniform(inputs, self.units, 0, dtype, self.seed),
            "output_kernel": glorot_uniform(self.units, 1, 1, dtype, self.seed),
            "hidden_bias": tf.zeros([self.units], dtype),
            "output_bias": tf.zeros([1], dtype),
        }

    def __call__(self, parameters: Mapping[str, tf.Tensor], z: tf.Tensor, relaxed: tf.Tensor, axes: int) -> tf.Tensor:
        """Values of the net.

        Args:
          parameters: from `parameters`, or their present values.
          z: noisy logits [..., B, D] or [..., B, V, C]; not used by this net.
          relaxed: y(z), same shape.
          axes: number of the last axes that are the variables' (1 or 2).
        Returns:
          [..., B].
        """
        del z
        leading = relaxed.shape.rank - axes
        flat = tf.reshape(relaxed, tf.concat([tf.shape(relaxed)[:leading], [math.prod(relaxed.shape[leading:])]], 0))
        hidden = tf.tanh(tf.tensordot(2.0 * flat - 1.0, parameters["hidden_kernel"], 1) + parameters["hidden_bias"])
        return (tf.tensordot(hidden, parameters["output_kernel"], 1) + parameters["output_bias"])[..., 0]


@dataclass(frozen=True, kw_only=True)
class LearnedSurrogate(Estimator):
    """The part that LAX and RELAX share: c(z) = f(y(z)) + net(z), or the net alone, with trained temperature, eta and
    net.

    Args:
      temperature: the initial temperature of y(z).
      relaxation: of y(z), "concrete" or "improved".
      control: c, "add" for f(y(z)) + net(z); "net" takes the net alone, which never evaluates f at relaxed samples
        and needs no df/db.
      net: has `parameters(shape, dtype)` and `net(parameters, z, relaxed, axes)`; see `TinyNet`.
      eta_scope: one eta, or one for each unit.
    """

    temperature: float = 0.5
    relaxation: Relaxed = "concrete"
    control: Literal["add", "net"] = "add"
    net: TinyNet = field(default_factory=TinyNet)
    eta_scope: Literal["scalar", "unit"] = "scalar"

    def __post_init__(self):
        check_temperature(self.temperature)
        check_choices(self)
        if not callable(self.net) or not callable(getattr(self.net, "parameters", None)):
            raise UserError(f"net must be a network such as igr_suite.estimators.relax.TinyNet(), got {self.net!r}")

    @property
    def differentiates(self):
        """Whether f is evaluated at relaxed samples; the net always is."""
        return self.control == "add"

    @property
    def _differentiated(self) -> str:
        return "the objective" if self.differentiates else "the net"

    def parameters(self, shape, dtype=tf.float32):
        return {
            "log_temperature": tf.constant(math.log(self.temperature), dtype),
            "eta": initial_eta(shape, dtype, self.eta_scope),
            **{NET + name: value for name, value in self.net.parameters(shape, dtype).items()},
        }

    def surrogate_function(self, objective: Objective, parameters: Parameters) -> Surrogate:
        """(logits, z) -> c(z)."""
        return self._surrogate(objective, parameters)[0]

    def _surrogate(self, objective: Objective, parameters: Parameters) -> tuple[Surrogate, Traced]:
        """(logits, z) -> c(z), and the net, which records whether its derivative has been taken."""
        temperature = tf.exp(parameters["log_temperature"])
        weights = {name.removeprefix(NET): value for name, value in parameters.items() if name.startswith(NET)}
        net = Traced(lambda z, relaxed, axes: self.net(weights, z, relaxed, axes), "the net")

        def surrogate(logits: tf.Tensor, z: tf.Tensor) -> tf.Tensor:
            relaxed = relaxed_of(logits, z, temperature, self.relaxation)
            added = net(z, relaxed, axes=logits.shape.rank - 1)
            if self.control == "net":
                return added
            return objective(relaxed, above=relaxed_above(temperature, self.relaxation)) + added

        return surrogate, net


@register
@dataclass(frozen=True, kw_only=True)
class Relax(LearnedSurrogate):
    """REBAR with a learned surrogate in the control variate.

        g = (f(b) - eta c(z)) (b - theta) + eta r dc/dz,   c(z) = f(y(z)) + net(z)

    Unbiased for every net. Its own parameters minimise the variance of g.

    Args:
      coupling: as in `Rebar`; the others as in `LearnedSurrogate`.
    Source: Grathwohl et al. (2018); docs/papers/rebar.md, section 2.8.
    """

    facts: ClassVar[Facts] = Facts(
        name="relax",
        source="Grathwohl et al. (2018)",
        support=("bernoulli", "categorical"),
        unbiased=True,
        hard=1,
        relaxed=1,
        differentiates=True,
        parameters=("log_temperature", "eta", "net"),
    )
    coupling: Coupling = "coupled"

    def noise(self, shape, seed, dtype=tf.float32):
        return draw_noise(shape, seed, dtype, self.coupling)

    def _estimate(self, objective, logits, noise, parameters):
        kind = kind_of(logits)
        samples = kind.hard_sample(logits, noise["u"])
        value = objective(samples)
        surrogate, net = self._surrogate(objective, parameters)
        control = control_variate(surrogate, logits, samples, noise, self.coupling, self._differentiated)
        net.require()
        signal = score_term(value, kind.score(logits, samples))
        return Estimate(value, samples, signal, control, parameters["eta"])


@register
@dataclass(frozen=True, kw_only=True)
class Lax(LearnedSurrogate):
    """LAX on the continuous noise z behind the discrete sample b = b(z), with z's own score.

        g = (f(b) - eta c(z)) dlog p(z)/dlogits + eta dc/dz,   Bernoulli: dlog p(z)/dlogits = 2 u - 1

    It needs no conditional noise, at the price of the variance of z given b, which RELAX does not have.

    Source: Grathwohl et al. (2018); docs/papers/rebar.md, section 2.8.
    """

    facts: ClassVar[Facts] = replace(Relax.facts, name="lax")

    def _estimate(self, objective, logits, noise, parameters):
        kind = kind_of(logits)
        samples = kind.hard_sample(logits, noise["u"])
        value = objective(samples)
        score = kind.vjp(logits, kind.noise_score(noise["u"]))
        surrogate, net = self._surrogate(objective, parameters)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            z = kind.noisy_logits(logits, noise["u"])
            tape.watch(z)
            relaxed = surrogate(logits, z)
        control = kind.vjp(logits, derivative(tape, relaxed, z, self._differentiated)) - score_term(relaxed, score)
        net.require()
        return Estimate(value, samples, score_term(value, score), control, parameters["eta"])
