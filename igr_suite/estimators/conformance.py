"""Checks whether an estimator's mean is the gradient that its facts claim, by comparing draws with enumeration at
stated error rates."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from scipy.stats import chi2

from igr_suite.errors import UserError
from igr_suite.estimators.base import Estimator, Objective, Parameters
from igr_suite.estimators.enumeration import expectation, multi_sample_bound, posterior, thermodynamic
from igr_suite.randomness import at_step

LARGEST_Z = 5.0  # false alarm 5.7e-7 a coordinate
LARGEST_QUANTILE = 1 - 1e-6  # of the chi-square distribution of all coordinates together
SMALLEST_BIAS_Z = 8.0  # a biased estimator has to exceed it
DETECTED = LARGEST_Z + 2.33  # a bias of so many standard errors is detected with probability 0.99
CHUNK = 100_000  # draws at once
# Relative sizes of standard deviations, of variances among the others and of differences below it count as zero.
EXACT = 1e-10


class Problem(NamedTuple):
    """An objective small enough to enumerate, and logits of one example [D] or [V, C]."""

    objective: Objective
    logits: np.ndarray


def enumerable_problem(support: str) -> Problem:
    """A neither quadratic nor centred objective of 3 Bernoulli variables, or of 2 variables with 3 categories.

        f(b) = 2 tanh(b W) . v + 3/2 + (sum_i s_i b_i - 1.2)^2,
        s = 1 (categorical: 1, 0, -1/2 of each variable's categories)

    Source: docs/papers/rebar.md, section 8.
    """
    logits = np.array([0.7, -1.1, 0.2]) if support == "bernoulli" else np.array([[0.7, -1.1, 0.2], [-0.4, 0.3, 0.9]])
    counted = tf.constant(np.ones(3) if support == "bernoulli" else np.tile([1.0, 0.0, -0.5], 2))
    rng = np.random.default_rng(3)
    first, second = (tf.constant(rng.normal(size=size)) for size in ((logits.size, 4), (4, 1)))

    def objective(samples: tf.Tensor) -> tf.Tensor:
        leading = tf.shape(samples)[: samples.shape.rank - logits.ndim]
        flat = tf.cast(tf.reshape(samples, tf.concat([leading, [logits.size]], 0)), tf.float64)
        value = 2.0 * tf.tensordot(tf.tanh(tf.tensordot(flat, first, 1)), second, 1)[..., 0]
        value += 1.5 + tf.square(tf.reduce_sum(flat * counted, -1) - 1.2)
        return tf.cast(value, samples.dtype)

    return Problem(objective, logits)


@dataclass(frozen=True)
class Examination:
    """Draws of an estimator compared with the exact gradient; coordinates are flat.

    Attributes:
      draws: their number.
      mean, deviation: of the gradient; the deviation is the standard deviation of one draw [P].
      exact: the enumerated gradient [P].
      z: (mean - exact) / standard error [P]; 0 where there is neither variance nor difference, infinite for a
        difference without variance.
      distance: squared distance of all coordinates together in standard errors (Hotelling), over the directions with
        variance.
      largest_distance: its chi-square limit.
      value_z: z of the value's mean against the enumerated target.
    """

    draws: int
    mean: np.ndarray
    deviation: np.ndarray
    exact: np.ndarray
    z: np.ndarray
    distance: float
    largest_distance: float
    value_z: float

    @property
    def detectable(self) -> float:
        """A bias of one coordinate that is detected with probability 0.99 or more."""
        return float(DETECTED * np.max(self.deviation) / np.sqrt(self.draws))

    @property
    def unbiased(self) -> bool:
        """Whether no difference from the exact gradient shows."""
        return bool(np.max(np.abs(self.z)) < LARGEST_Z and self.distance < self.largest_distance)

    @property
    def biased(self) -> bool:
        """Whether a difference from the exact gradient is beyond doubt."""
        return bool(np.max(np.abs(self.z)) > SMALLEST_BIAS_Z)


def measure(
    estimator: Estimator,
    problem: Problem,
    draws: int = CHUNK,
    seed: int = 0,
    parameters: Parameters | None = None,
) -> Examination:
    """Draws gradients in float64 and compares their mean with enumeration.

    Args:
      estimator: any.
      problem: its objective is differentiated.
      draws: N; taken in chunks along the batch axis.
      seed: of the noise.
      parameters: the estimator's own; None perturbs the initial ones (`perturbed`), at which an unbiased estimator must
        be unbiased too.
    Raises:
      UserError: fewer than two draws.
    """
    if draws < 2:
        raise UserError(f"an examination needs at least 2 draws, got {draws}")
    exact_value, exact = _exact(estimator, problem)
    size = problem.logits.size
    parameters = perturbed(estimator, (1, *problem.logits.shape)) if parameters is None else parameters
    total, products = np.zeros(size + 1), np.zeros((size + 1, size + 1))
    target = np.append(exact, exact_value)
    for number, start in enumerate(range(0, draws, CHUNK)):
        shape = (min(CHUNK, draws - start), *problem.logits.shape)
        noise = estimator.noise(shape, at_step(tf.constant([seed, 17]), tf.constant(number)), tf.float64)
        logits = tf.broadcast_to(tf.constant(problem.logits, tf.float64), shape)
        estimate = estimator.estimate(problem.objective, logits, noise, parameters)
        rows = (
            np.concatenate([estimate.gradient.numpy().reshape(-1, size), estimate.value.numpy()[:, np.newaxis]], 1)
            - target
        )
        total, products = total + rows.sum(0), products + rows.T @ rows
    return _compare(total / draws, products / draws, draws, exact)


def check(estimator: Estimator, problem: Problem | None = None, draws: int = CHUNK, seed: int = 0) -> Examination:
    """Asserts what `estimator.facts` claims, for every kind of variable in its support unless a problem is given.

    That is: whether it is biased, the mean of its value, and that its own loss trains only its own parameters.

    Returns:
      The last examination.
    Raises:
      AssertionError: the facts are wrong; the message says by how much.
    """
    problems = [problem] if problem else [enumerable_problem(support) for support in estimator.facts.support]
    for tested in problems:
        result = measure(estimator, tested, draws, seed)
        name, z = estimator.facts.name, np.array2string(result.z, precision=1)
        assert abs(result.value_z) < LARGEST_Z, (
            f"{name}: the mean of its value is {result.value_z:.1f} standard errors from the target"
        )
        if estimator.unbiased:
            excess = f"distance {result.distance:.1f}, at most {result.largest_distance:.1f}"
            assert result.unbiased, (
                f"{name} is registered as unbiased; its mean is off by z = {z} standard errors ({excess})"
            )
        else:
            assert result.biased, f"{name} is registered as biased but no bias shows: z = {z}"
        trained = trained_by_own_loss(estimator, tested)
        way_out = "stop the gradient of all but its own parameters"
        assert not trained, f"{name}: its own loss trains {' and '.join(trained)}; {way_out}"
    return result


def trained_by_own_loss(estimator: Estimator, problem: Problem) -> list[str]:
    """Names what an estimator's own loss trains beyond its own parameters; empty if it can be added to a model's
    loss."""
    logits = tf.constant(np.stack([problem.logits] * 2), tf.float64)
    noise = estimator.noise(logits.shape, at_step(tf.constant([0, 17]), tf.constant(0)), tf.float64)
    parameters = {name: tf.convert_to_tensor(value) for name, value in perturbed(estimator, logits.shape).items()}
    scale = tf.constant(1.3, tf.float64)  # stands for the parameters of the objective
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([logits, scale])
        loss = estimator.estimate(lambda samples: scale * problem.objective(samples), logits, noise, parameters).loss
    if loss is None:
        return []
    slopes = zip(("the logits", "the objective's parameters"), tape.gradient(loss, [logits, scale]))
    return [what for what, slope in slopes if slope is not None and np.any(slope != 0.0)]


def perturbed(estimator: Estimator, shape, scale: float = 0.3, seed: int = 11) -> Mapping[str, tf.Tensor]:
    """The estimator's initial parameters plus normal noise, so that no scale is 0 or 1 only because it starts there."""
    rng = np.random.default_rng(seed)
    initial = estimator.parameters(shape, tf.float64)
    return {name: value + scale * rng.normal(size=value.shape) for name, value in initial.items()}


def _exact(estimator: Estimator, problem: Problem) -> tuple[float, np.ndarray]:
    logits = tf.constant(problem.logits, tf.float64)[tf.newaxis]
    if estimator.facts.target == "expectation":
        value, gradient = expectation(problem.objective, logits)
        return float(value[0]), gradient.numpy().ravel()
    samples: int = estimator.samples  # type: ignore[attr-defined]  # every estimator of another target has it
    if estimator.facts.target == "multi_sample_bound":
        value, gradient = multi_sample_bound(problem.objective, logits, samples)
    elif estimator.facts.target == "posterior":
        value, gradient = posterior(problem.objective, logits, samples)
    else:
        nodes = estimator.nodes  # type: ignore[attr-defined]  # of TVO
        value, gradient = thermodynamic(problem.objective, logits, samples, nodes)
    return float(value[0]), gradient.numpy().ravel()


def _compare(difference: np.ndarray, products: np.ndarray, draws: int, exact: np.ndarray) -> Examination:
    """The examination from the mean [P + 1] and the second moments of (gradient, value) - (exact ones)."""
    covariance = products - np.outer(difference, difference)
    size = max(np.max(np.abs(exact)), 1.0)
    deviation = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    constant = deviation < EXACT * size
    same = np.abs(difference) < EXACT * size
    errors = np.where(constant, 1.0, deviation / np.sqrt(draws))
    z = np.where(constant, np.where(same, 0.0, np.inf), difference / errors)
    variances, directions = np.linalg.eigh(covariance[:-1, :-1])
    varies = variances > EXACT * max(variances[-1], EXACT * size**2)
    components = directions.T @ difference[:-1]
    if np.any(np.abs(components[~varies]) > EXACT * size):
        distance = np.inf  # a direction in which every draw is wrong by the same amount
    else:
        distance = float(draws * np.sum(components[varies] ** 2 / variances[varies]))
    limit = float(chi2.ppf(LARGEST_QUANTILE, max(int(varies.sum()), 1)))
    return Examination(draws, exact + difference[:-1], deviation[:-1], exact, z[:-1], distance, limit, float(z[-1]))
