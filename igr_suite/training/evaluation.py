"""Measurements of a trained model on a split: ELBOs averaged over images, and importance-weighted log-likelihoods."""

import functools
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from igr_suite.randomness import at_step, run_seed

IMAGES_A_BATCH = 500
DECODED_ROWS = 10_000  # importance samples x images decoded at once; more need memory, fewer are slower
LARGEST_CHUNK = 1_000  # samples of an image at once; computations that they share are done once in a chunk
# Images at once, even with few samples: the distribution of their codes takes 0.6 MB an image (IGR-I, V=30, K=10).
LARGEST_BATCH = 1_000


class Evaluator:
    """Compiled measurements of one model on one split; equal seeds give equal numbers.

    Args:
      model: has `eval_step(batch, seed) -> dict of [B]` and `log_weights(batch, samples, seed, estimator) -> [S, B]`.
      images: uint8 [N, D].
      site: of the seed, also the prefix of the results' names, e.g. "test".
      seed: the run's seed.
      **options: of `eval_step`.
    """

    def __init__(self, model: keras.Model, images: np.ndarray, site: str, seed: int, **options: bool):
        self.model, self.images, self.site, self.seed = model, images, site, seed
        self._eval_step = tf.function(
            functools.partial(model.eval_step, **options), reduce_retracing=True, autograph=False
        )

    def elbos(self) -> dict[str, float]:
        """Means over the split, in nats per image, of the values that the model's eval_step returns."""
        sums: dict[str, float] = {}
        for batch, seed in self._batches(IMAGES_A_BATCH, "elbo"):
            for name, values in self._eval_step(batch, seed).items():
                sums[name] = sums.get(name, 0.0) + float(np.sum(values.numpy(), dtype=np.float64))
        return {f"{self.site}_{name}": value / len(self.images) for name, value in sums.items()}

    def log_likelihoods(self, samples: int, estimator: str) -> dict[str, float]:
        """Importance-weighted log-likelihoods with 1, 10, ... and `samples` samples for each image.

            log (1/S) sum_s w_s,   averaged over images; S-sample values use the first S of the same samples

        Args:
          samples: largest S.
          estimator: an estimator that the model's `log_weights` takes.
        Returns:
          {"<site>_iw_<estimator>_<S>": mean, "..._se": its standard error over images}, nats per image.
        """
        chunk = max(1, min(samples, LARGEST_CHUNK))
        weights = self._compiled_weights(chunk, estimator)
        columns = []
        decoded = chunk * getattr(self.model, "decoded_a_sample", 1)  # a mixture decodes all of its components
        for batch, seed in self._batches(min(LARGEST_BATCH, max(1, DECODED_ROWS // decoded)), estimator):
            draws = [weights(batch, at_step(seed, tf.constant(i))).numpy() for i in range(-(-samples // chunk))]
            columns.append(np.concatenate(draws)[:samples])
        log_weights = np.concatenate(columns, axis=1).astype(np.float64)
        result = {}
        for count in sample_counts(samples):
            values = log_mean_exp(log_weights[:count])
            result[f"{self.site}_iw_{estimator}_{count}"] = float(values.mean())
            result[f"{self.site}_iw_{estimator}_{count}_se"] = (
                float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0
            )
        return result

    @functools.cache  # noqa: B019 an evaluator lives as long as its run
    def _compiled_weights(self, chunk: int, estimator: str):
        """The model's log-weights as a function that is traced once for all evaluations of a run."""
        return tf.function(
            lambda batch, seed: self.model.log_weights(batch, chunk, seed, estimator),
            reduce_retracing=True,
            autograph=False,
        )

    def _batches(self, size: int, what: str):
        seed = run_seed(self.seed, f"{self.site}/{what}")
        for number, begin in enumerate(range(0, len(self.images), size)):
            yield tf.constant(self.images[begin : begin + size]), at_step(seed, tf.constant(number * 10_007))


def sample_counts(samples: int) -> list[int]:
    """1, 10, 100, ... up to and including `samples`."""
    counts = [10**i for i in range(len(str(samples))) if 10**i < samples]
    return [*counts, samples]


def log_mean_exp(log_weights: np.ndarray) -> np.ndarray:
    """log 1/S sum_s exp lw_s, [S, N] -> [N]."""
    highest = log_weights.max(axis=0)
    return highest + np.log(np.mean(np.exp(log_weights - highest), axis=0))


def evaluation_function(
    evaluators: dict[str, Evaluator], last_step: int | None = None, at_the_end: dict[str, Evaluator] | None = None
) -> Callable[[int], dict[str, float]]:
    """Returns the loop's `evaluate`: the ELBOs of all splits in one row.

    The noise is the same at every evaluation, so that differences between epochs are differences of the model.

    Args:
      evaluators: by split.
      last_step: the run's number of steps.
      at_the_end: evaluators that measure more and replace those of the same split at the last step.
    """

    def evaluate(step: int) -> dict[str, float]:
        now = evaluators | (at_the_end or {}) if step == last_step else evaluators
        return {name: value for evaluator in now.values() for name, value in evaluator.elbos().items()}

    return evaluate
