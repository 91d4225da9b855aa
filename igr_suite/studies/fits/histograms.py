"""What a distribution's argmax looks like: counts over many draws, and their moments and distance from the target."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from igr_suite.randomness import at_step, run_seed
from igr_suite.studies.fits import distributions
from igr_suite.studies.fits.config import FitDiscrete
from igr_suite.studies.fits.targets import total_variation

DRAWN_TOGETHER = 10_000  # 8 MB an array of 200 categories; more draws are taken in several calls


def argmax_counter(config: FitDiscrete, samples: int) -> Callable[[dict, str], np.ndarray]:
    """Returns a function (distribution's parameters, site of the seed) -> counts of argmax psi over the samples, int64
    [K].

    Args:
      config: of the fit; its seed and the site's name decide the draws.
      samples: how many, drawn DRAWN_TOGETHER at a time.
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
    """Mean, var, std, min and max of the values 0, 1, ... that were counted [K]."""
    values, share = np.arange(len(counts)), counts / counts.sum()
    mean = float(share @ values)
    var = float(share @ (values - mean) ** 2)
    seen = np.flatnonzero(counts)
    return {"mean": mean, "var": var, "std": var**0.5, "min": int(seen[0]), "max": int(seen[-1])}


def description(counts: np.ndarray, log_target: np.ndarray | None = None) -> dict:
    """Counts and their moments, with the total variation from the target where its log-probabilities are given."""
    found = {**moments(counts), "counts": counts.tolist()}
    if log_target is not None:
        found["total_variation"] = total_variation(counts / counts.sum(), np.exp(log_target))
    return found
