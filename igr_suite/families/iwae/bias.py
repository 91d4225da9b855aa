"""Whether an estimator's mean inference gradient is that of its reference, judged from paired draws at frozen weights.

The differences are projected on random unit vectors, and on their mean direction over a first fifth of the draws. A
bias projects fully on the second, but only by the cosine of its angle on a random vector. The draws that chose the
direction are not judged.
"""

from collections.abc import Callable, Sequence
from math import erfc, sqrt
from statistics import NormalDist

import numpy as np
import tensorflow as tf

from igr_suite.families.iwae.model import DReGVAE
from igr_suite.families.iwae.statistics import flat
from igr_suite.measuring.gradients import Moments
from igr_suite.objectives.base import Objective
from igr_suite.randomness import at_step, run_seed

PROJECTIONS = 32
LEVEL = 1e-4  # a bias is reported where an unbiased estimator gives so large a t with a lower probability
DRAWS_A_CALL = 100
PILOT = 5  # one draw in five is for the choice of the direction


class PairedDifferences:
    """Differences d = g_estimator - g_reference of the encoder's gradient, both of the same images, binarisation and
    samples.

    Args:
      model: the VAE; its weights are not changed.
      images: uint8 [N, pixels], from which each draw takes `batch_size` at random.
      estimator: the objective that is judged.
      reference: [(objective, weight), ...]; the reference is their weighted sum.
      batch_size: B.
      seed: of the draws and of the projections.
    """

    def __init__(
        self,
        model: DReGVAE,
        images: np.ndarray,
        estimator: Objective,
        reference: Sequence[tuple[Objective, float]],
        batch_size: int,
        seed: int,
    ):
        self.model, self.images, self.batch_size = model, tf.constant(images), batch_size
        self.estimator, self.reference, self.seed = estimator, reference, run_seed(seed, "bias check")
        self.entries = sum(v.shape.num_elements() for v in model.encoder)
        directions = tf.random.stateless_normal((self.entries, PROJECTIONS), run_seed(seed, "projections"))
        self.directions = tf.Variable(tf.pad(tf.math.l2_normalize(directions, axis=0), ((0, 0), (0, 1))))
        self._collect = tf.function(
            self._many,
            autograph=False,
            input_signature=[*[tf.TensorSpec((), tf.int32)] * 2, *_moment_specs(self.entries)],
        )

    def draw(self, number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The difference and the reference of one draw, float64 [P] both."""
        seeds = at_step(self.seed, 2 * number), at_step(self.seed, 2 * number + 1)
        draws = self.model.random_draws(self.images, self.batch_size, *seeds)

        def gradient(objective: Objective) -> tf.Tensor:
            return flat(self.model.inference_gradients(draws, objective.coefficients(draws.log_weights)))

        reference = tf.add_n([weight * gradient(objective) for objective, weight in self.reference])
        return gradient(self.estimator) - reference, reference

    def _many(
        self,
        first: tf.Tensor,
        count: tf.Tensor,
        done: tf.Tensor,
        mean: tf.Tensor,
        deviation: tf.Tensor,
        reference: tf.Tensor,
    ):
        projected = tf.TensorArray(tf.float64, size=count)

        def body(i, moments, reference, projected):
            difference, reference_gradient = self.draw(first + i)
            # in float32, in which a draw reads 28 MB of directions; float64 would double that
            projections = tf.matmul(tf.cast(difference, tf.float32)[tf.newaxis], self.directions)[0]
            row = tf.concat([[tf.reduce_mean(difference)], tf.cast(projections, tf.float64)], 0)
            return i + 1, moments.add(difference), reference + reference_gradient, projected.write(i, row)

        start = (tf.constant(0), Moments(done, mean, deviation), reference, projected)
        _, moments, reference, projected = tf.while_loop(lambda i, *_: i < count, body, start, parallel_iterations=1)
        return *moments, reference, tf.reshape(projected.stack(), (-1, PROJECTIONS + 2))

    def measure(self, samples: int, progress: Callable[[int], None] = lambda done: None) -> dict[str, object]:
        """Takes the draws and judges them; returns the number of pilot draws and `verdict`.

        Args:
          samples: number of draws in all, at least 10; the first fifth chooses a direction.
          progress: called with the number of draws so far.
        """
        pilot = samples // PILOT
        _, mean, _, _ = self._take(0, pilot, progress)
        column = mean / max(np.linalg.norm(mean), np.finfo(np.float64).tiny)
        self.directions.assign(np.concatenate([self.directions.numpy()[:, :-1], column[:, np.newaxis]], 1))
        rows, mean, variance, reference = self._take(pilot, samples, progress)
        return {"pilot_draws": pilot, **verdict(rows, mean, variance, reference)}

    def _take(
        self, first: int, end: int, progress: Callable[[int], None]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Of the draws from `first` to `end`: their projections, the mean and variance of their differences, the mean
        of the reference."""
        state = [tf.zeros((), tf.float64), *(tf.zeros(self.entries, tf.float64) for _ in range(3))]
        rows = []
        for number in range(first, end, DRAWS_A_CALL):
            stop = min(number + DRAWS_A_CALL, end)
            *state, projected = self._collect(number, stop - number, *state)
            rows.append(projected.numpy())
            progress(stop)
        count, mean, deviation, reference = (value.numpy() for value in state)
        return np.concatenate(rows), mean, deviation / (count - 1.0), reference / count


def _moment_specs(entries: int) -> list[tf.TensorSpec]:
    return [tf.TensorSpec((), tf.float64), *[tf.TensorSpec((entries,), tf.float64)] * 3]


def verdict(rows: np.ndarray, mean: np.ndarray, variance: np.ndarray, reference: np.ndarray) -> dict[str, object]:
    """Judges the mean of N paired differences.

        t = mean / (sd / sqrt N),   p = min(1, R P(|N(0,1)| >= max_r |t_r|)),   bias^2 = |mean|^2 - sum_p var_p / N

    Args:
      rows: of every draw the mean entry of the difference and its projections on R unit vectors, the chosen one last
        [N, 1 + R].
      mean, variance: of the entries of the difference [P].
      reference: mean gradient of the reference [P].
    Returns:
      "draws": N.
      "scalar_t": t of the mean entry (the authors' test, in which opposite biases cancel).
      "max_t", "chosen_t": the largest |t| over projections, and t of the last one.
      "p_value", "biased": p, with Bonferroni's factor R, and whether it is below 1e-4.
      "squared_bias", "squared_bias_noise": bias^2, and the noise that was subtracted.
      "relative_bias": its root over the reference's norm, 0 where it is negative.
      "detectable_bias", "detectable_random_bias": the size, over the reference's norm, that a bias needs to be detected
        with probability 0.9: along the chosen direction, and along one that only random projections see.
    """
    draws, projections = len(rows), rows.shape[1] - 1
    errors = rows.std(axis=0, ddof=1) / sqrt(draws)
    t = np.divide(rows.mean(axis=0), errors, out=np.zeros_like(errors), where=errors > 0)
    largest = float(np.abs(t[1:]).max())
    p_value = min(1.0, projections * erfc(largest / sqrt(2.0)))
    norm = float(np.linalg.norm(reference)) or np.inf
    noise = float(variance.sum() / draws)
    squared = float(mean @ mean) - noise
    critical = NormalDist().inv_cdf(1.0 - LEVEL / (2.0 * projections)) + NormalDist().inv_cdf(0.9)
    return {
        "draws": draws,
        "scalar_t": float(t[0]),
        "max_t": largest,
        "chosen_t": float(t[-1]),
        "p_value": p_value,
        "biased": p_value < LEVEL,
        "squared_bias": squared,
        "squared_bias_noise": noise,
        "relative_bias": sqrt(max(squared, 0.0)) / norm,
        "detectable_bias": critical * float(errors[-1]) / norm,
        "detectable_random_bias": critical * float(np.mean(errors[1:-1])) * sqrt(len(mean)) / norm,
    }
