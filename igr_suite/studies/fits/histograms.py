"""Histograms of a distribution's argmax: counts over many draws, their moments, and their distance from the target."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from igr_suite.randomness import at_step, run_seed
from igr_suite.studies.fits import distributions
from igr_suite.studies.fits.config import FitDiscrete
from igr_suite.studies.fits.targets import total_variation

DRAWN_TOGETHER = 10_000  # 8 MB for an array of 200 categories; more draws are made in several calls


def argmax_counter(config: FitDiscrete, samples: int) -> Callable[[dict, str], np.ndarray]:
    """Returns a function that maps (the distribution's parameters, site of the seed) to counts of argmax psi over the
    samples, int64 [K].

    Args:
      config: of the fit; its seed and the site's name determine the draws.
      samples: their number, drawn DRAWN_TOGETHER at a time.
    """

    @tf.function(autograph=False)
    def count(values, seed, among):
        winners = tf.argmax(
            distributions.build(config, values).draw(min(DRAWN_TOGETHER, samples), seed).sample, axis=-1
        )
        return tf.math.bincount(
            tf.cast(winners[:among], tf.int32), minlength=config.categories, maxlength=config.categories
        )

    def counts(values: dict, site: str) -> np.ndarray:
        values, seed = (
            {name: tf.convert_to_tensor(value) for name, value in values.items()},
            run_seed(config.seed, site),
        )
        total = np.zeros(config.categories, np.int64)
        for call, done in enumerate(range(0, samples, DRAWN_TOGETHER)):
            total += count(
                values, at_step(seed, tf.constant(call)), tf.constant(min(DRAWN_TOGETHER, samples - done))
            ).numpy()
        return total

    return counts


def moments(counts: np.ndarray) -> dict[str, float]:
    """Mean, var, std, min and max of the values 0, 1, ... with these counts [K]."""
    values, share = np.arange(len(counts)), counts / counts.sum()
    mean = float(share @ values)
    var = float(share @ (values - mean) ** 2)
    counted = np.flatnonzero(counts)
    return {"mean": mean, "var": var, "std": var**0.5, "min": int(counted[0]), "max": int(counted[-1])}


def description(counts: np.ndarray, log_target: np.ndarray | None = None) -> dict:
    """Counts and their moments, with the total variation from the target if its log-probabilities are given."""
    entries = {**moments(counts), "counts": counts.tolist()}
    if log_target is not None:
        entries["total_variation"] = total_variation(counts / counts.sum(), np.exp(log_target))
    return entries
