"""The distribution that a fit trains: its initial values, its variables, and the distribution at their current
values."""

import math

import keras
import tensorflow as tf

from igr_suite.networks.plain_keras import require_plain_keras
from igr_suite.randomness import run_seed
from igr_suite.relaxations import PlanarFlow, Relaxation, initial_planar_flow, relaxation
from igr_suite.studies.fits.config import FitDiscrete

STICK_LOG_SCALE = 0.541325  # log(e - 1), docs/papers/igr.md, section 2.1; with scale = exp this is a scale of 1.718
STICK_JITTER = 0.01
STICKS = ("IGR_SB", "IGR_SB_Finite", "IGR_SB_Log")


def initial_values(config: FitDiscrete) -> dict[str, tf.Tensor]:
    """The values at which the fit starts.

        GS:                log alpha_k = log(1/K)
        IGR-I, IGR-Planar: loc = log_scale = 0; flow weights N(0, 0.05^2)
        IGR-SB ...:        loc_k = logit(1/(K-1)), log_scale_k ~ N(0.541325, 0.01^2)

    With start="uniform" loc and log_scale are those of the distribution's `uniform_prior`.

    Args:
      config: of the fit.
    Returns:
      {"logits": [K]} or {"loc": [K-1], "log_scale": [K-1]}, with {"w": [2, K-1], "u": [2, K-1], "b": [2]} for
      IGR-Planar.
    Source: Potapczynski et al. (2020), the authors' code (docs/papers/igr.md, section 2.1).
    """
    size = config.categories - 1
    if config.model == "GS":
        return {"logits": tf.fill([size + 1], -math.log(size + 1.0))}
    values = {"loc": tf.zeros([size]), "log_scale": tf.zeros([size])}
    flow = {}
    if config.model == "IGR_Planar":
        drawn = initial_planar_flow(config.categories, 1, run_seed(config.seed, "initial flow"))
        flow = {name: getattr(drawn, name)[:, 0] for name in PlanarFlow._fields}  # one variable: no axis of variables
    if config.start == "uniform":
        prior = build(config, values | flow).uniform_prior(
            config.categories, config.temperature, **_options(config, flow)
        )
        values = {"loc": prior.loc, "log_scale": prior.log_scale}
    elif config.model in STICKS:
        middle = -math.log(max(size - 1.0, 0.5))  # logit(1/(K-1)), which is infinite for K = 2
        jitter = tf.random.stateless_normal([size], run_seed(config.seed, "initial scale"), stddev=STICK_JITTER)
        values = {"loc": tf.fill([size], middle), "log_scale": STICK_LOG_SCALE + jitter}
    return values | flow


def build(config: FitDiscrete, values) -> Relaxation:
    """The distribution at given values.

    Args:
      config: of the fit.
      values: tensors, variables or arrays under the names of `initial_values`.
    """
    values = {name: tf.convert_to_tensor(value) for name, value in values.items()}
    parameters = {name: value for name, value in values.items() if name not in PlanarFlow._fields}
    return relaxation(config.model)(**parameters, temperature=config.temperature, **_options(config, values))


def variables(values: dict[str, tf.Tensor]) -> dict[str, keras.Variable]:
    """Trainable variables at given values."""
    require_plain_keras()
    return {name: keras.Variable(value, name=name) for name, value in values.items()}


def _options(config: FitDiscrete, values) -> dict:
    options = {
        key: getattr(config, key) for key in ("delta", "threshold", "quantile") if getattr(config, key) is not None
    }
    if config.model == "IGR_Planar":
        options["flow"] = PlanarFlow(**{name: values[name] for name in PlanarFlow._fields})
    return options
