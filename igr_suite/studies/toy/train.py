"""The executor of `ToyRun`: all seeds side by side, training as one compiled loop between rows, variance from fresh
draws at each row."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.estimators import Estimate, Estimator, Facts, get
from igr_suite.estimators.enumeration import expectation
from igr_suite.lab.runs.interrupts import Interrupts
from igr_suite.lab.runs.progress import Progress
from igr_suite.lab.runs.store import RunFolder
from igr_suite.randomness import at_step, run_seed
from igr_suite.studies.toy.config import EXACT, ToyRun

DTYPE = tf.float64
EMA = 0.99  # the authors' smoothing of curves on this problem
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8  # Adam
DIGITS = 6  # of a row's numbers

State = dict[str, dict[str, tf.Tensor]]


def objective_of(target: float) -> Callable[[tf.Tensor], tf.Tensor]:
    """f(b) = (b - target)^2, [..., 1] -> [...]."""
    return lambda b: tf.reduce_sum(tf.square(b - target), -1)


def expected_loss(p, target: float):
    """E f = t^2 + p (1 - 2 t)."""
    return target**2 + p * (1.0 - 2.0 * target)


@dataclass(frozen=True)
class Exact(Estimator):
    """The enumerated gradient as an estimator."""

    facts: ClassVar[Facts] = Facts(name=EXACT, source="", support=("bernoulli",), unbiased=True, hard=2)

    def _estimate(self, objective, logits, noise, parameters):
        value, gradient = expectation(objective, logits)
        return Estimate(value, tf.sigmoid(logits), gradient)


def estimator_of(config: ToyRun) -> Estimator:
    """The estimator with the config's settings."""
    if config.estimator == EXACT:
        return Exact()
    settings = {"temperature": config.temperature, "control": config.surrogate}
    return get(config.estimator, **{name: value for name, value in settings.items() if value is not None})


class Toy:
    """Pure functions of a state in which every tensor has the seeds as its first axis.

    State: "weights" {"logits": [S, 1, 1], own parameters: [S, ...]}, "first" and "second" moments of the trained ones
    (Adam), and "variance" {"ema": [S]}.
    """

    def __init__(self, config: ToyRun):
        self.config, self.estimator, self.objective = config, estimator_of(config), objective_of(config.target)
        self.noise_seed, self.fresh_seed = run_seed(config.seed, "toy"), run_seed(config.seed, "toy fresh")

    def initial(self) -> State:
        """Probability 1/2 and the estimator's initial parameters, for every seed."""
        weights = {"logits": tf.zeros([1, 1], DTYPE), **self.estimator.parameters((1, 1), DTYPE)}
        weights = {
            name: tf.tile(value[tf.newaxis], [self.config.seeds] + [1] * value.shape.rank)
            for name, value in weights.items()
        }
        zeros = {name: tf.zeros_like(value) for name, value in weights.items() if self._trains(name)}
        return {
            "weights": weights,
            "first": zeros,
            "second": dict(zeros),
            "variance": {"ema": tf.zeros([self.config.seeds], DTYPE)},
        }

    def steps(self, state: State, first: tf.Tensor, count: tf.Tensor) -> State:
        """The state after `count` steps that begin with step `first`."""

        def body(i: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
            noise = self._noise(at_step(self.noise_seed, first + i), 1)
            own, gradients = tf.vectorized_map(self._gradients, (state["weights"], noise))
            return i + 1, self._updated(state, own, gradients, first + i + 1)

        return tf.while_loop(lambda i, _: i < count, body, (tf.constant(0), state), parallel_iterations=1)[1]

    def fresh_variance(self, state: State, step: tf.Tensor) -> tf.Tensor:
        """Sample variance of `fresh_samples` gradients at fixed parameters [S]."""
        noise = self._noise(at_step(self.fresh_seed, step), self.config.fresh_samples)

        def one_seed(arguments) -> tf.Tensor:
            weights, noise = arguments
            logits = tf.tile(weights["logits"], [self.config.fresh_samples, 1])
            gradient = self.estimator.estimate(self.objective, logits, noise, _own(weights)).gradient
            return tf.reduce_sum(tf.square(gradient - tf.reduce_mean(gradient))) / (self.config.fresh_samples - 1)

        return tf.vectorized_map(one_seed, (state["weights"], noise))

    def true_gradient(self, logits: tf.Tensor) -> tf.Tensor:
        """(1 - 2 t) p (1 - p)."""
        return (1.0 - 2.0 * self.config.target) * tf.sigmoid(logits) * tf.sigmoid(-logits)

    def _trains(self, name: str) -> bool:
        return name == "logits" or name.split(".")[0] in self.config.trained

    def _noise(self, seed: tf.Tensor, draws: int) -> dict[str, tf.Tensor]:
        """Noise of `draws` examples for each seed, the seeds first: [S, ..., draws, 1]."""
        noise = self.estimator.noise((self.config.seeds * draws, 1), seed, DTYPE)
        split = {name: tf.reshape(u, [*u.shape[:-2], self.config.seeds, draws, 1]) for name, u in noise.items()}
        return {
            name: tf.transpose(u, [u.shape.rank - 3, *range(u.shape.rank - 3), u.shape.rank - 2, u.shape.rank - 1])
            for name, u in split.items()
        }

    def _gradients(self, arguments) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """One seed's logit gradient [1, 1], and the gradients of the loss that trains its own parameters."""
        weights, noise = arguments
        own = _own(weights)
        trained = {name: value for name, value in own.items() if self._trains(name)}
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(list(trained.values()))
            estimate = self.estimator.estimate(self.objective, weights["logits"], noise, own)
            gradient = estimate.gradient
            loss = tf.reduce_mean(tf.square(gradient)) if estimate.loss is None else estimate.loss
        by_own = tape.gradient(loss, trained) if trained else {}
        for name, slope in by_own.items():
            if slope is None:
                raise UserError(
                    f"trained names '{name}', which the loss of {self.config.estimator} does not depend on; leave it "
                    f"out"
                )
        return gradient, by_own

    def _updated(self, state: State, gradient: tf.Tensor, own: dict[str, tf.Tensor], number: tf.Tensor) -> State:
        weights, first, second = (dict(state[part]) for part in ("weights", "first", "second"))
        excess = tf.square(gradient) - tf.square(self.true_gradient(weights["logits"]))
        ema = EMA * state["variance"]["ema"] + (1.0 - EMA) * excess[:, 0, 0]
        for name, g in {"logits": gradient, **own}.items():
            if self.config.optimiser == "sgd":
                weights[name] -= self.config.learning_rate * g
                continue
            n = tf.cast(number, DTYPE)
            first[name] = BETA_1 * first[name] + (1.0 - BETA_1) * g
            second[name] = BETA_2 * second[name] + (1.0 - BETA_2) * tf.square(g)
            scale = tf.sqrt(1.0 - BETA_2**n) / (1.0 - BETA_1**n)
            weights[name] -= self.config.learning_rate * scale * first[name] / (tf.sqrt(second[name]) + EPSILON)
        return {"weights": weights, "first": first, "second": second, "variance": {"ema": ema}}


def _own(weights: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {name: value for name, value in weights.items() if name != "logits"}


def row_of(toy: Toy, state: State, step: int, variance: tf.Tensor) -> dict[str, list[float]]:
    """The metrics row, with lists over seeds: p, its expected loss, the variance from fresh draws, the authors' moving
    average and temperatures."""
    p = tf.sigmoid(state["weights"]["logits"][:, 0, 0]).numpy()
    row = {"p": p, "loss": expected_loss(p, toy.config.target), "variance": variance.numpy()}
    if step:
        row["ema_variance"] = state["variance"]["ema"].numpy() / (1.0 - EMA**step)
    if "log_temperature" in state["weights"]:
        row["temperatures"] = np.exp(state["weights"]["log_temperature"].numpy())
    return {name: [float(f"{value:.{DIGITS}g}") for value in values] for name, values in row.items()}


def execute(config: ToyRun, folder: RunFolder) -> None:
    """Trains and measures; a run takes seconds, so an interrupted one starts again."""
    toy = Toy(config)
    steps = tf.function(toy.steps, jit_compile=True, autograph=False)
    fresh = tf.function(toy.fresh_variance, jit_compile=True, autograph=False)
    state, row = toy.initial(), {}
    folder.metrics.cut_after(-1)
    with Interrupts() as interrupts, Progress(folder) as progress:
        for step in range(0, config.steps + 1, config.row_every):
            if step:
                state = steps(state, tf.constant(step - config.row_every), tf.constant(config.row_every))
            row = row_of(toy, state, step, fresh(state, tf.constant(step)))
            folder.metrics.append(step, **row)
            progress.update(step, config.steps, loss=float(np.median(row["loss"])))
            if interrupts.requested:
                interrupts.stop()
    folder.write_summary({"steps": config.steps, "final": row})
