"""This suite's engine of `vae_step.py`: the model, optimiser and compiled loop that `igr run` uses, under the preset
g3."""

from collections.abc import Callable

import _problem as p
import tensorflow as tf

from igr_suite.families.vae.model import DiscreteVAE
from igr_suite.families.vae.presets import g3
from igr_suite.randomness import run_seed
from igr_suite.training.loop import LONGEST_CALL, compiled_steps


def build(threads: int, samples: int) -> Callable[[int], float]:
    """Returns a function that trains a number of steps (a multiple of CHUNK) and returns the last chunk's mean loss."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    config = g3("IGR_I_Dis", data="mnist_5k")
    model = DiscreteVAE(
        config.model,
        image_shape=(28, 28, 1),
        likelihood="bernoulli",
        binarisation="static",
        optimiser=config.optimiser,
        samples=samples,
    )
    weights = [array for layer in p.initial_weights() for array in layer]
    for variable, array in zip(model.trained, weights, strict=True):
        variable.assign(array)
    images = tf.constant(p.load_images() * 255)  # the suite takes grey levels and binarises on the device
    run = compiled_steps(model, images, p.BATCH)
    indices, seed = p.batch_indices(), run_seed(0, "train")

    def train(steps: int) -> float:
        for first in range(0, steps, p.CHUNK):
            orders = tf.pad(next(indices), ((0, LONGEST_CALL - p.CHUNK), (0, 0)))
            sums = run(orders, p.CHUNK, first, seed)
        return -float(sums["elbo"]) / p.CHUNK

    return train
