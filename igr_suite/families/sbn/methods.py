"""The gradient estimators of sigmoid belief networks as steps over shared passes, under the names of the configs.

A method states how many baselines it reads and which parameters of its own it trains. From the shared passes of a batch
it computes the gradients of the recognition networks and of its own parameters; the generator's gradients are those at
the hard sample, the same for all methods but Concrete. Several methods on one `Shared` use the same noise and pay for
each pass once.
"""

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from igr_suite.discrete.config import DEFAULT_ESTIMATION, EstimationConfig, build_estimator
from igr_suite.estimators.distributions import bernoulli
from igr_suite.estimators.muprop import muprop_gradient, muprop_residual
from igr_suite.estimators.reinforce import mean_of_others, score_term
from igr_suite.families.sbn.config import FUSED_WHEN_TRACKED, SBNConfig
from igr_suite.families.sbn.networks import Networks, Weights
from igr_suite.families.sbn.passes import hard_pass, soft_passes
from igr_suite.families.sbn.rebar import FusedRebar
from igr_suite.families.sbn.registered import registered
from igr_suite.families.sbn.relax import FusedRelax
from igr_suite.families.sbn.steps import Method, Parameters, Shared, Step


def scale(w: tf.Tensor) -> tf.Tensor:
    """eta = 2 sigmoid(w), in (0, 2)."""
    return 2.0 * tf.sigmoid(w)


def scale_slope(eta: tf.Tensor) -> tf.Tensor:
    """d eta / d w."""
    return eta * (1.0 - 0.5 * eta)


def fitted(residuals: Callable[[tf.Tensor, Parameters], list[tf.Tensor]], baselines: tf.Tensor, parameters: Parameters):
    """Residuals [N], one per layer or one for all, and gradients of the sum of their mean squares by baselines and
    parameters."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([baselines, *parameters.values()])
        signals = residuals(baselines, parameters)
        loss = tf.add_n([tf.reduce_mean(tf.square(signal)) for signal in signals])
    by_baselines, by_parameters = tape.gradient(loss, (baselines, dict(parameters)))
    return signals, by_baselines, by_parameters


def reinforce(networks: Networks) -> Method:
    """Scores times F less the mean of the other examples' F. Source: the authors' model SBN."""

    def step(shared: Shared, baselines, parameters) -> Step:
        signal = shared.hard.value - mean_of_others(shared.hard.value)
        logits = [score_term(signal, score) for score in shared.hard.scores]
        scalars = {"signal_rms": tf.sqrt(tf.reduce_mean(tf.square(signal)))}
        return Step(shared.vjp(logits), scalars=scalars, logits=logits)

    return Method(step, scalars=("signal_rms",))


def nvil(networks: Networks) -> Method:
    """Scores times F - B(x), with B trained on the squared difference. Source: Mnih & Gregor (2014), without their
    variance normalisation."""

    def step(shared: Shared, baselines: tf.Tensor, parameters: Parameters) -> Step:
        (signal,), by_baselines, _ = fitted(lambda b, p: [shared.hard.value - b[:, 0]], baselines, parameters)
        logits = [score_term(signal, score) for score in shared.hard.scores]
        return Step(shared.vjp(logits), by_baselines, logits=logits)

    return Method(step, baselines=1)


def simple_muprop(networks: Networks) -> Method:
    """Scores times F(b) - eta F(mu) - B(x). Source: Tucker et al. (2017), section 3.1."""

    def step(shared: Shared, baselines: tf.Tensor, parameters: Parameters) -> Step:
        centre = shared.mean_field[0]
        (signal,), *by = fitted(
            lambda b, p: [shared.hard.value - scale(p["scale"]) * centre - b[:, 0]], baselines, parameters
        )
        logits = [score_term(signal, score) for score in shared.hard.scores]
        return Step(shared.vjp(logits), *by, {"mean_field": tf.reduce_mean(centre)}, logits)

    return Method(step, 1, {"scale": np.zeros(())}, ("mean_field",))


def muprop(networks: Networks) -> Method:
    """First-order Taylor control variate about the mean-field values; each layer has two scales and a baseline of its
    own.

    The score and theta come from the hard pass, mu and dF(mu)/dmu from the mean-field pass. Source: Gu et al. (2016);
    docs/papers/rebar.md, section 2.3.
    """

    def step(shared: Shared, baselines: tf.Tensor, parameters: Parameters) -> Step:
        hard, (centre, means, slopes), layers = shared.hard, shared.mean_field, range(networks.layers)

        def residuals(b, p):
            etas = [scale(p[name]) for name in ("value_scale", "slope_scale")]
            return [
                muprop_residual(
                    hard.value, centre, slopes[k], hard.samples[k], means[k], etas[0][k], etas[1][k], b[:, k]
                )
                for k in layers
            ]

        signals, *by = fitted(residuals, baselines, parameters)
        eta_slope = scale(parameters["slope_scale"])
        logits = [muprop_gradient(signals[k], slopes[k], hard.logits[k], hard.samples[k], eta_slope[k]) for k in layers]
        return Step(shared.vjp(logits), *by, {"mean_field": tf.reduce_mean(centre)}, logits)

    scales = np.zeros(networks.layers)
    return Method(step, networks.layers, {"value_scale": scales, "slope_scale": scales}, ("mean_field",))


def rebar(networks: Networks, settings: FusedRebar, temperature: float) -> Method:
    """REBAR with its variance objective; where the temperature is trained, it starts at `temperature`."""

    def step(shared: Shared, baselines: tf.Tensor, parameters: Parameters) -> Step:
        etas = scale(parameters["etas"])
        dtype = etas.dtype
        log_temperature = parameters["log_temperature"] if settings.dynamic else tf.constant(np.log(temperature), dtype)
        done = settings.step(shared, shared.hard.value - baselines[:, 0], etas, log_temperature)
        gradients = {**done.parameters, "etas": done.parameters["etas"] * scale_slope(etas)}
        scalars = {
            f"eta_{name}": value for name, value in zip(names, tf.unstack(tf.reduce_mean(tf.reshape(etas, shape), -1)))
        }
        scalars = {name: value for name, value in scalars.items() if name in logged}
        if settings.dynamic:
            slope = gradients["log_temperature"]
            scalars |= {"temperature": tf.exp(log_temperature), "temperature_slope": slope}
            scalars["temperature_slope_square"] = tf.square(slope)
        return done._replace(parameters=gradients, scalars=scalars)

    names = {
        "variable": variable_names(networks),
        "network": ["q"],
        "layer": networks.recognition,
        "unit": networks.recognition,
    }[settings.eta_scope]
    shape = (len(names), -1)
    logged = tuple(f"eta_{name}" for name in names if name.startswith("q"))  # the generator's stay at 1
    initial = {"etas": np.zeros(settings.eta_shape(networks))}
    scalars = logged
    if settings.dynamic:
        initial["log_temperature"] = np.log(temperature)
        scalars += ("temperature", "temperature_slope", "temperature_slope_square")
    return Method(step, 1, initial, scalars)


def relax(networks: Networks, settings: FusedRelax, temperature: float, warmup: int) -> Method:
    """RELAX with its variance objective or, with the surrogate "relaxed", its authors' REBAR; it reads no baseline."""

    def step(shared: Shared, baselines, parameters: Parameters) -> Step:
        values = {f"eta_{q}": eta for q, eta in zip(networks.recognition, tf.unstack(parameters["etas"]))}
        if settings.relaxes:
            temperatures = tf.unstack(tf.exp(parameters["log_temperatures"]))
            values |= {f"temperature_{q}": value for q, value in zip(networks.recognition, temperatures)}
        return settings.step(shared, parameters)._replace(scalars=values)

    initial = {"etas": np.ones(networks.layers)}
    scalars = tuple(f"eta_{q}" for q in networks.recognition)
    if settings.relaxes:
        initial["log_temperatures"] = np.full(networks.layers, np.log(temperature))
        scalars += tuple(f"temperature_{q}" for q in networks.recognition)
    return Method(step, initial=initial, scalars=scalars, nets=settings.shapes(networks), warmup=warmup)


def concrete(networks: Networks, relaxation: bernoulli.Relaxed, temperature: float) -> Method:
    """Reparameterisation gradient of the bound with all layers relaxed; biased. Source: Maddison et al. (2017);
    docs/papers/rebar.md, section 2.7."""

    def step(shared: Shared, baselines, parameters) -> Step:
        weights = shared.model.weights
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(tf.nest.flatten(weights))
            # a pass of its own, under the tape; the compiler merges it with the shared one
            hard = hard_pass(shared.model, shared.observed, shared.uniforms)
            constant = tf.constant(temperature, hard.value.dtype)
            passes = soft_passes(
                shared.model, shared.observed, hard, shared.logistic, constant, relaxation, together=True
            )
            relaxed = tf.reduce_mean(passes.values[0])
        return Step(tape.gradient(relaxed, weights), scalars={"relaxed": relaxed})

    return Method(step, scalars=("relaxed",))


def variable_names(networks: Networks) -> list[str]:
    """A name for each variable in the authors' order: prior, q_0_W, q_0_b, ...; nonlinear networks number W and b."""
    names = []
    for name, group in networks.shapes().items():
        if len(group) == 1:
            names.append(name)
        for j in range(len(group) // 2):
            number = j + 1 if len(group) > 2 else ""
            names += [f"{name}_W{number}", f"{name}_b{number}"]
    return names


def weights_of(variables: Mapping[str, list]) -> Weights:
    """Present values of variables."""
    return {name: [tf.convert_to_tensor(v) for v in group] for name, group in variables.items()}


def method_of(
    name: str, config: SBNConfig, networks: Networks, estimation: EstimationConfig = DEFAULT_ESTIMATION
) -> Method:
    """The method of a name with a config's settings, and with those of the training of registered estimators.

    In the tracking mode the config's temperature is REBAR's, and the start of dynamic REBAR's.
    """
    tracked = config.estimator == "track"
    if config.general or (tracked and name not in FUSED_WHEN_TRACKED):
        estimator = build_estimator(name, config.estimator_options, "bernoulli")
        return registered(networks, estimator, estimation, on_common_path=tracked)
    if name in ("rebar", "dynamic_rebar"):
        settings = FusedRebar(name == "dynamic_rebar", config.eta_scope, config.multilayer_cv, config.relaxation)
        return rebar(networks, settings, config.temperature)
    if name == "relax":
        settings = FusedRelax(config.surrogate, config.net_layers or 0, config.net_decay or 0.0)
        return relax(networks, settings, config.temperature, config.warmup_steps)
    if name == "concrete":
        return concrete(networks, config.relaxation, config.temperature)
    return {
        "reinforce": reinforce,
        "nvil": nvil,
        "simple_muprop": simple_muprop,
        "muprop": muprop,
    }[name](networks)
