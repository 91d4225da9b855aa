"""Fits a relaxation to a discrete target: ten iterations in one compiled call, all samples of an iteration at once."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.randomness import at_step, run_seed
from igr_suite.relaxations import Draw
from igr_suite.studies.fits import distributions
from igr_suite.studies.fits.config import FitDiscrete
from igr_suite.studies.fits.losses import LOSSES
from igr_suite.training.adam import FusedAdam

LOOK_EVERY = 10  # iterations between metrics rows and checks of the stopping rule; docs/papers/igr.md, section 2.1
JIT = False  # measured (docs/performance.md): XLA compiles for seconds and is up to three times slower


@dataclass(frozen=True)
class Fit:
    """The outcome of a fit.

    Attributes:
      initial, fitted: parameters under the names of `distributions.initial_values`, float32 arrays.
      iterations: number of iterations that were done.
      first_loss: of the first iteration.
      loss: mean over the last ten iterations.
      reason: why it ended, "iterations" or "tolerance".
    """

    initial: dict[str, np.ndarray]
    fitted: dict[str, np.ndarray]
    iterations: int
    first_loss: float
    loss: float
    reason: str


def compared_entries(config: FitDiscrete, draw: Draw) -> tf.Tensor:
    """Mask of the categories that enter the loss, bool [K]: all, or for a truncated stick the first n_required + 1."""
    position = tf.range(config.categories)
    if config.model != "IGR_SB":
        return tf.ones_like(position, tf.bool)
    return position <= tf.cast(draw.info["n_required"], tf.int32)


def sampled_loss(
    config: FitDiscrete, values, log_target: tf.Tensor, seed: tf.Tensor
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Loss between the target and the mean of S relaxed samples, drawn together.

    Args:
      config: of the fit.
      values: the distribution's parameters.
      log_target: [K].
      seed: stateless seed, int32 [2].
    Returns:
      (loss, the scalars that the distribution monitors).
    """
    draw = distributions.build(config, values).draw(config.samples, seed)
    loss = LOSSES[config.loss](tf.reduce_mean(draw.sample, axis=0), log_target, compared_entries(config, draw))
    return loss, dict(draw.info)


def compiled_iterations(config: FitDiscrete, variables: dict) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Ten iterations of Adam as one compiled call, from the number of the first iteration to {"loss": [10], monitored
    scalars: [10]}."""
    optimiser = FusedAdam(config.learning_rate)
    trained = list(variables.values())
    optimiser.build(trained)
    log_target, seed = tf.constant(config.log_target(), tf.float32), run_seed(config.seed, "fit")
    names = ["loss", *(["n_required", "never_exceeds"] if config.model == "IGR_SB" else [])]

    @tf.function(input_signature=[tf.TensorSpec((), tf.int32)], autograph=False, jit_compile=JIT)
    def run(first):
        def body(i, series):
            with tf.GradientTape() as tape:
                loss, info = sampled_loss(config, variables, log_target, at_step(seed, first + i))
            optimiser.apply(tape.gradient(loss, [v.value for v in trained]), trained)
            row = {"loss": loss, **info}
            return i + 1, {name: tf.tensor_scatter_nd_update(series[name], [[i]], [row[name]]) for name in names}

        start = {name: tf.zeros([LOOK_EVERY]) for name in names}
        return tf.while_loop(lambda i, _: i < LOOK_EVERY, body, (tf.constant(0), start), parallel_iterations=1)[1]

    return run


def should_stop(losses: np.ndarray, tolerance: float) -> bool:
    """Whether |mean of the last ten losses| is at most the tolerance."""
    return bool(abs(float(np.mean(losses[-LOOK_EVERY:]))) <= tolerance)


def fit(config: FitDiscrete, on_row: Callable[[int, dict[str, float]], None] = lambda step, row: None) -> Fit:
    """Fits the distribution of a config; equal configs give equal fits.

    Args:
      config: of the fit.
      on_row: called every ten iterations with (iterations done, {"loss": the mean of the ten, "last_loss", and the
        scalars that the distribution monitors}).
    Raises:
      UserError: the loss is no longer finite.
    """
    initial = distributions.initial_values(config)
    variables = distributions.variables(initial)
    run = compiled_iterations(config, variables)
    first_loss, loss, reason = np.nan, np.nan, "iterations"
    for step in range(0, config.iterations, LOOK_EVERY):
        series = {name: value.numpy() for name, value in run(tf.constant(step)).items()}
        losses = series.pop("loss")
        if not np.isfinite(losses).all():
            raise UserError(
                f"the fit of {config.model} to {config.target} diverged near iteration {step + LOOK_EVERY}: the loss "
                f"is {losses[~np.isfinite(losses)][0]}; try a smaller learning_rate or a higher temperature"
            )
        first_loss, loss = (float(losses[0]) if step == 0 else first_loss), float(losses.mean())
        on_row(
            step + LOOK_EVERY, {"loss": losses.mean(), "last_loss": losses[-1], **{k: v[-1] for k, v in series.items()}}
        )
        if should_stop(losses, config.tolerance):
            reason = "tolerance"
            break
    fitted = {name: variable.numpy() for name, variable in variables.items()}
    return Fit({k: v.numpy() for k, v in initial.items()}, fitted, step + LOOK_EVERY, first_loss, loss, reason)
