"""REBAR: REINFORCE with a relaxed control variate whose own gradient is reparameterised."""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import ClassVar, Literal

import tensorflow as tf

from igr_suite.estimators.base import Above, Estimate, Estimator, Facts, Noise, Objective, Parameters, register
from igr_suite.estimators.derivatives import derivative
from igr_suite.estimators.distributions.bernoulli import Relaxed
from igr_suite.estimators.inputs import uniforms, variable_sizes
from igr_suite.estimators.reinforce import score_term
from igr_suite.estimators.settings import check_choices, check_temperature
from igr_suite.estimators.variables import kind_of

Surrogate = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
Coupling = Literal["coupled", "independent"]


def coupled_control(relaxed_value, slope, logits, samples, u) -> tf.Tensor:
    """-c(z) (b - theta) + r dc/dz: mean zero, from one relaxed pass.

    Args:
      relaxed_value: c(z) [B].
      slope: dc/dz with the logits held fixed, shape of the logits.
      logits, samples, u: of the hard pass that z shares its noise with.
    Returns:
      Shape of the logits.
    """
    kind = kind_of(logits)
    reparameterised = kind.vjp(logits, kind.reparameterisation_gap(logits, samples, u) * slope)
    return reparameterised - score_term(relaxed_value, kind.score(logits, samples))


def control_variate(
    surrogate: Surrogate,
    logits: tf.Tensor,
    samples: tf.Tensor,
    noise: Noise,
    coupling: Coupling,
    function: str = "the objective",
) -> tf.Tensor:
    """REBAR's and RELAX's control variate for any surrogate.

        independent:  -c(z~) (b - theta) + d/dlogits [c(z) - c(z~)],   z~ ~ p(z | b)
        coupled:      the same with z~ = z in value, so that the second term is r dc/dz

    Args:
      surrogate: maps (logits, z with any leading axes) to c without the variables' axes; may depend on the logits
        directly.
      logits, samples: of the hard pass.
      noise: "u" of the hard pass; for the independent form also "v".
      coupling: "coupled" or "independent".
      function: the function that the surrogate evaluates, as the subject of a sentence.
    Returns:
      Shape of the logits.
    Raises:
      MissingDerivative: the surrogate has none.
    """
    kind = kind_of(logits)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        if coupling == "coupled":
            z = kind.noisy_logits(logits, noise["u"])
            tape.watch(z)
            relaxed = surrogate(logits, z)
        else:
            tape.watch(logits)
            z = tf.stack(
                [kind.noisy_logits(logits, noise["u"]), kind.conditional_noisy_logits(logits, samples, noise["v"])]
            )
            free, relaxed = tf.unstack(surrogate(logits, z))
            difference = free - relaxed
    if coupling == "coupled":
        return coupled_control(relaxed, derivative(tape, relaxed, z, function), logits, samples, noise["u"])
    return derivative(tape, difference, logits, function) - score_term(relaxed, kind.score(logits, samples))


def relaxed_of(logits: tf.Tensor, z: tf.Tensor, temperature, relaxation: Relaxed) -> tf.Tensor:
    """y(z), whose derivatives by z and the temperature are finite also for masked categories and fixed units."""
    kind = kind_of(logits)
    return kind.relaxed_sample(kind.bounded(logits), z, temperature, relaxation)


def relaxed_above(temperature, relaxation: Relaxed) -> Above:
    """Returns the rule that layers above a relaxed one are relaxed, too, each with its own noise: at hard samples there
    the control variate would have a mean."""

    def above(kind: ModuleType, logits: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        return kind.relaxed_sample(kind.bounded(logits), kind.noisy_logits(logits, u), temperature, relaxation)

    return above


def draw_noise(shape, seed: tf.Tensor, dtype: tf.DType, coupling: Coupling) -> Noise:
    """{"u"}, and for independent conditional noise also {"v"}, both of the given shape."""
    if coupling == "coupled":
        return {"u": uniforms(shape, seed, dtype)}
    u, v = tf.unstack(uniforms(shape, seed, dtype, copies=2))
    return {"u": u, "v": v}


def initial_eta(shape, dtype: tf.DType, scope: Literal["scalar", "unit"]) -> tf.Tensor:
    """Ones: one number, or one for each variable (categorical: each variable's category)."""
    return tf.ones([] if scope == "scalar" else variable_sizes(shape), dtype)


@register
@dataclass(frozen=True, kw_only=True)
class Rebar(Estimator):
    """Relaxed control variate with conditional reparameterisation, at a fixed temperature.

        g = (f(b) - B - eta c(z)) (b - theta) + eta r dc/dz,   c(z) = f(y(z)),   r = dz/dlogits - dz~/dlogits

    Unbiased for every eta, B and temperature. Its own parameters minimise the variance of g, or of the gradient that a
    model computes from g.

    Args:
      temperature: t of the relaxation y(z).
      relaxation: "improved", which tends to the mean as t grows, or "concrete".
      coupling: "coupled" takes z~ = z and needs one relaxed pass; "independent" draws z~ given b and needs two.
      eta_scope: one eta, or one for each unit.
    Source: Tucker et al. (2017); docs/papers/rebar.md, section 2.5.
    """

    facts: ClassVar[Facts] = Facts(
        name="rebar",
        source="Tucker et al. (2017)",
        support=("bernoulli", "categorical"),
        unbiased=True,
        hard=1,
        relaxed=1,
        differentiates=True,
        parameters=("eta", "baseline"),
    )
    temperature: float = 0.5
    relaxation: Relaxed = "improved"
    coupling: Coupling = "coupled"
    eta_scope: Literal["scalar", "unit"] = "scalar"

    def __post_init__(self):
        check_temperature(self.temperature)
        check_choices(self)

    def noise(self, shape, seed, dtype=tf.float32):
        return draw_noise(shape, seed, dtype, self.coupling)

    def parameters(self, shape, dtype=tf.float32):
        return {"eta": initial_eta(shape, dtype, self.eta_scope), "baseline": tf.zeros([], dtype)}

    def surrogate_function(self, objective: Objective, parameters: Parameters) -> Surrogate:
        """(logits, z) -> c(z) = f(y(z))."""
        temperature = self._temperature(parameters)
        above = relaxed_above(temperature, self.relaxation)
        return lambda logits, z: objective(relaxed_of(logits, z, temperature, self.relaxation), above=above)

    def _temperature(self, parameters: Parameters):
        return self.temperature

    def _estimate(self, objective, logits, noise, parameters):
        kind = kind_of(logits)
        samples = kind.hard_sample(logits, noise["u"])
        value = objective(samples)
        return Estimate(
            value,
            samples,
            signal=score_term(value - parameters["baseline"], kind.score(logits, samples)),
            control=control_variate(
                self.surrogate_function(objective, parameters), logits, samples, noise, self.coupling
            ),
            eta=parameters["eta"],
        )
