"""Means and variances of gradient estimators at frozen weights over many draws, of one batch and of random batches."""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from igr_suite.families.iwae.config import TrainDReG
from igr_suite.families.iwae.model import DReGVAE
from igr_suite.measuring.gradients import Moments
from igr_suite.objectives import names, registry
from igr_suite.objectives.base import Objective, effective_sample_size
from igr_suite.randomness import at_step, run_seed

LEAST_VARIANCE = 1e-15  # entries of lower variance are left out of the mean signal-to-noise ratio
GENERATIVE = "generative"


def flat(gradients: Sequence[tf.Tensor]) -> tf.Tensor:
    """All entries of a gradient as one float64 vector [P]."""
    return tf.concat([tf.reshape(tf.cast(g, tf.float64), (-1,)) for g in gradients], 0)


def with_references(
    objectives: Mapping[str, Objective],
) -> tuple[dict[str, Objective], dict[str, list[tuple[str, float]]]]:
    """Objectives together with the objectives that they are compared with.

    Returns:
      All of them by name; for each of the given ones [(name of a reference, weight), ...].
    """
    everything, references = dict(objectives), {}
    for name, objective in objectives.items():
        references[name] = []
        for other, options, weight in names.references(name, objective.options):
            reference = registry.build(other, **options)
            new = other if other not in everything else f"{other} for {name}"
            known = next((key for key, other_objective in everything.items() if other_objective == reference), new)
            everything.setdefault(known, reference)
            references[name].append((known, weight))
    return everything, references


class GradientStatistics:
    """Measures the trained objective, those of `var_calc`, and the generative gradient, all on the same draws.

    A call returns, for each of them (<name> is the objective's name or "generative") and for the <kind>s "fixed" (one
    binary batch, so that only the samples vary) and "batches" (random images, fresh binarisation),

        exact_<kind>_variance_<name>   mean over entries of the variance over draws (R - 1 in the denominator)
        exact_<kind>_mean_<name>       mean over entries of |mean|
        exact_<kind>_snr_<name>        mean of |mean| / standard deviation over the entries whose variance exceeds 1e-15
        exact_<kind>_dsnr_<name>       mean over draws of |g_par| / |g_orth|, parallel and orthogonal to the mean
                                       gradient
        exact_<kind>_cosine_<name>     between the mean gradient and that of its reference (`names.references`) on the
                                       same draws
        exact_<kind>_ess               mean effective number of samples

    and "exact_noise_floor", sqrt(2 / (pi R)), the signal-to-noise ratio of R draws of pure noise.

    Args:
      model: the VAE; its weights at the time of a call are measured.
      images: uint8 [N, pixels], the training set.
      config: of the run: batch size, repeats, seed.
    Source: docs/papers/dreg.md, section 3.5.
    """

    def __init__(self, model: DReGVAE, images: np.ndarray, config: TrainDReG):
        self.model, self.images, self.batch_size = model, tf.constant(images), config.schedule.batch_size
        self.repeats, self.seed = config.statistics.repeats, run_seed(config.seed, "exact statistics")
        self.measured, self.references = with_references(model.objectives)
        self._measure = tf.function(self._both_passes, autograph=False)

    def __call__(self) -> dict[str, float]:
        """See the class."""
        numbers = {"exact_noise_floor": float(np.sqrt(2.0 / (np.pi * self.repeats)))}
        for kind, fixed in (("fixed", True), ("batches", False)):
            values = self._measure(fixed)
            numbers |= {f"exact_{kind}_{name}": float(value) for name, value in values.items()}
        return numbers

    def _gradients(self, draw: tf.Tensor, fixed: bool) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """Gradients of everything measured as flat vectors, and the effective number of samples, of one draw."""
        seeds = at_step(self.seed, tf.constant(-1) if fixed else 2 * draw), at_step(self.seed, 2 * draw + 1)
        draws = self.model.random_draws(self.images, self.batch_size, *seeds)
        coefficients = {name: objective.coefficients(draws.log_weights) for name, objective in self.measured.items()}
        gradients = {name: flat(self.model.inference_gradients(draws, c)) for name, c in coefficients.items()}
        generative = coefficients[self.model.config.estimator].generative
        gradients[GENERATIVE] = flat(self.model.generative_gradients(draws, generative))
        return gradients, tf.reduce_mean(effective_sample_size(draws.log_weights))

    def _both_passes(self, fixed: bool) -> dict[str, tf.Tensor]:
        """Moments first; then the same draws again, split along the mean gradients, which are known by then."""
        like = {name: tf.zeros(self._size(name), tf.float64) for name in (*self.measured, GENERATIVE)}

        def collect(i, moments, effective):
            gradients, ess = self._gradients(i, fixed)
            return i + 1, {name: moments[name].add(gradients[name]) for name in moments}, effective + ess

        start = {name: Moments.start(zeros) for name, zeros in like.items()}
        loop = (tf.constant(0), start, tf.zeros((), self.model.float_type))
        _, moments, effective = tf.while_loop(lambda i, *_: i < self.repeats, collect, loop, parallel_iterations=1)
        shown = (*self.model.objectives, GENERATIVE)
        units = {name: tf.math.l2_normalize(moments[name].mean, epsilon=0.0) for name in shown}

        def split(i, ratios):
            gradients, _ = self._gradients(i, fixed)
            return i + 1, {
                name: ratio + _parallel_over_orthogonal(gradients[name], units[name]) for name, ratio in ratios.items()
            }

        zeros = {name: tf.zeros((), tf.float64) for name in shown}
        ratios = tf.while_loop(lambda i, _: i < self.repeats, split, (tf.constant(0), zeros), parallel_iterations=1)[1]
        values = {"ess": effective / self.repeats}
        for name in shown:
            variance, mean = moments[name].deviation / (moments[name].count - 1.0), moments[name].mean
            noisy = variance > LEAST_VARIANCE
            snr = tf.where(
                noisy, tf.abs(mean) / tf.sqrt(tf.where(noisy, variance, tf.ones_like(variance))), tf.zeros_like(mean)
            )
            values[f"variance_{name}"] = tf.reduce_mean(variance)
            values[f"mean_{name}"] = tf.reduce_mean(tf.abs(mean))
            values[f"snr_{name}"] = tf.math.divide_no_nan(tf.reduce_sum(snr), tf.reduce_sum(tf.cast(noisy, mean.dtype)))
            values[f"dsnr_{name}"] = ratios[name] / self.repeats
            if name != GENERATIVE:
                reference = tf.add_n([weight * moments[other].mean for other, weight in self.references[name]])
                values[f"cosine_{name}"] = tf.reduce_sum(units[name] * tf.math.l2_normalize(reference, epsilon=0.0))
        return values

    def _size(self, name: str) -> int:
        return sum(
            v.shape.num_elements() for v in (self.model.generative if name == GENERATIVE else self.model.encoder)
        )


def _parallel_over_orthogonal(gradient: tf.Tensor, unit: tf.Tensor) -> tf.Tensor:
    parallel = tf.reduce_sum(gradient * unit)
    return tf.abs(parallel) / tf.norm(gradient - parallel * unit)
