"""Bounds on log p(x) of a split for several numbers of samples, computed in chunks of samples to save memory."""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf

from igr_suite.families.iwae.model import DReGVAE
from igr_suite.randomness import at_step, run_seed

DECODED_ROWS = 6_400  # number of samples times images that are decoded at once
LONGEST_CHUNK = 100  # number of samples


@dataclass
class RunningLogSum:
    """log sum_k exp(lw_k) and log sum_k exp(2 lw_k) of every image, over chunks of log weights [S, B]."""

    samples: int = 0
    first: np.ndarray | None = field(default=None)
    second: np.ndarray | None = field(default=None)

    def add(self, log_weights: np.ndarray) -> None:
        """Adds a chunk."""
        chunk = np.asarray(log_weights, np.float64)
        sums = [np.logaddexp.reduce(multiple * chunk, axis=0) for multiple in (1.0, 2.0)]
        if self.samples:
            sums = [np.logaddexp(self.first, sums[0]), np.logaddexp(self.second, sums[1])]
        self.first, self.second = sums
        self.samples += len(chunk)

    @property
    def bound(self) -> np.ndarray:
        """Log of the mean weight [B]."""
        return self.first - np.log(self.samples)

    @property
    def effective_samples(self) -> np.ndarray:
        """Effective number of samples, (sum w)^2 / sum w^2 [B]."""
        return np.exp(2.0 * self.first - self.second)


class Bounds:
    """Measures a model on a split; equal seeds give equal binarisations and samples.

    Args:
      model: `<site>_objective` is the value of its objective.
      images: uint8 [N, D].
      site: name of the split, in seeds and metrics.
      seed: the run's.
    """

    def __init__(self, model: DReGVAE, images: np.ndarray, site: str, seed: int):
        self.model, self.images, self.site = model, images, site
        self.seed = run_seed(seed, f"{site.rstrip('0123456789')}/bounds")

    def __call__(self, counts: Sequence[int]) -> dict[str, float]:
        """Means over all images; an image's bound with k samples is that of its first k draws.

        Args:
          counts: increasing numbers of samples.
        Returns:
          {"<site>_iw_<k>": bound in nats per image, "<site>_iw_<k>_se": its standard error over images,
            "<site>_ess_<k>": effective number of samples}, and "<site>_objective", the model's own objective, where its
            number of samples is among the counts.
        """
        bounds, effective, objective = {k: [] for k in counts}, {k: [] for k in counts}, []
        own = self.model.config.samples
        for batch, seed in self._batches(min(max(counts), LONGEST_CHUNK)):
            running, kept = RunningLogSum(), []
            for chunk in self._chunks(batch, seed, counts):
                running.add(chunk)
                if own in counts and running.samples <= own:
                    kept.append(chunk)
                if running.samples in bounds:
                    bounds[running.samples].append(running.bound)
                    effective[running.samples].append(running.effective_samples)
            if own in counts:
                trained = self.model.objectives[self.model.config.estimator]
                objective.append(trained.value(tf.constant(np.concatenate(kept))).numpy())
        means = {}
        for k in counts:
            values = np.concatenate(bounds[k])
            error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
            means[f"{self.site}_iw_{k}"] = float(values.mean())
            means[f"{self.site}_iw_{k}_se"] = float(error)
            means[f"{self.site}_ess_{k}"] = float(np.concatenate(effective[k]).mean())
        if objective:
            means[f"{self.site}_objective"] = float(np.mean(np.concatenate(objective), dtype=np.float64))
        return means

    def _chunks(self, batch: tf.Tensor, seed: tf.Tensor, counts: Sequence[int]) -> Iterable[np.ndarray]:
        """Log weights in chunks [S, B]; a chunk ends at every count."""
        done = 0
        for count in counts:
            while done < count:
                size = min(LONGEST_CHUNK, count - done)
                yield self._log_weights(size)(batch, seed, at_step(seed, tf.constant(done + 1))).numpy()
                done += size

    @functools.cache  # noqa: B019 the cache lives as long as the run
    def _log_weights(self, samples: int):
        """A function that draws log weights, traced once for all evaluations of a run."""

        def draw(batch: tf.Tensor, binarisation: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
            x = self.model.observations(batch, binarisation)
            return self.model.log_weights(x, self.model.noise(samples, batch.shape[0], seed))

        return tf.function(draw, autograph=False)

    def _batches(self, chunk: int):
        size = max(1, DECODED_ROWS // chunk)
        for number, begin in enumerate(range(0, len(self.images), size)):
            yield tf.constant(self.images[begin : begin + size]), at_step(self.seed, tf.constant(number * 10_007))
