"""The executor of `SimplexProximity`: draws samples, measures their distances to the nearest vertex, writes one row for
each temperature."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from igr_suite.lab.runs.progress import Progress
from igr_suite.lab.runs.store import RunFolder
from igr_suite.measuring.distances import describe_distances
from igr_suite.randomness import at_step, run_seed
from igr_suite.relaxations import distance_to_vertex, relaxation
from igr_suite.studies.simplex.config import TABLE_TEMPERATURES, SimplexProximity

BLOCK = 10_000  # samples of a call, which are in memory at once


def distance_function(config: SimplexProximity) -> Callable[[float], np.ndarray]:
    """Compiles the drawing of distances; one trace serves all temperatures and blocks.

    Block b has the seed of (run seed, "simplex_proximity", b) at every temperature: with common random numbers the
    statistics are smooth in the temperature. Rows of one run are therefore dependent; each has the right distribution
    by itself.

    Args:
      config: distribution, categories, samples and seed.
    Returns:
      A function that maps a temperature to distances, float32 [samples].
    """
    distribution = relaxation(config.relaxation)
    size = min(BLOCK, config.samples)
    blocks = -(-config.samples // size)
    seed = run_seed(config.seed, "simplex_proximity")

    @tf.function(jit_compile=True)
    def block_of_distances(temperature: tf.Tensor, block: tf.Tensor) -> tf.Tensor:
        draw = distribution.uniform_prior(config.categories, temperature).draw(size, at_step(seed, block))
        return distance_to_vertex(draw.sample)

    def distances(temperature: float) -> np.ndarray:
        drawn = [
            block_of_distances(tf.constant(temperature, tf.float32), tf.constant(block)).numpy()
            for block in range(blocks)
        ]
        return np.concatenate(drawn)[: config.samples]

    return distances


def execute(config: SimplexProximity, folder: RunFolder) -> None:
    """Writes the rows that are missing (step: the temperature's index), and a summary of those at the temperatures of
    the table."""
    distances = distance_function(config)
    done = folder.metrics.last_step()
    with Progress(folder) as progress:
        for index in range(0 if done is None else done + 1, len(config.temperatures)):
            temperature = config.temperatures[index]
            folder.metrics.append(step=index, temperature=temperature, **describe_distances(distances(temperature)))
            progress.update(index + 1, len(config.temperatures))
    rows = {row["temperature"]: row for row in folder.metrics.rows() if row["temperature"] in TABLE_TEMPERATURES}
    shown = ("p50", "p75", "below_0.2")
    folder.write_summary(
        {"distance": {f"{temperature:g}": {name: row[name] for name in shown} for temperature, row in rows.items()}}
    )
