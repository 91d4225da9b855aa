"""This suite's engines of `iwae_step.py`: the model and compiled loop that `igr run` uses, by objective."""

from collections.abc import Callable
from functools import partial

import _iwae_problem as p
import tensorflow as tf
from _suite_loop import training

from igr_suite.families.iwae.config import DReGConfig, DReGOptimiserConfig
from igr_suite.families.iwae.model import DReGVAE


def build(
    threads: int, samples: int, estimator: str = "iwae", precision: str = "float32", averages: bool = False
) -> Callable[[int], float]:
    """Returns a function that trains a number of steps (a multiple of CHUNK) and returns the last chunk's mean
    objective."""
    tf.config.threading.set_intra_op_parallelism_threads(1)  # as `igr run` has it: threads.one_operation_a_thread
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    config = DReGConfig(estimator=estimator, samples=samples, latents=p.LATENTS, hidden=p.HIDDEN)
    model = DReGVAE(config, DReGOptimiserConfig(), p.mean_image(), precision=precision, averages=averages)
    for name, arrays in p.initial_weights().items():
        for variable, array in zip(model.chains[name], arrays, strict=True):
            variable.assign(array)
    return training(p, model, p.grey_images(), "objective")


build_dreg = partial(build, estimator="dreg")
build_jk_dreg = partial(build, estimator="jk-dreg")
build_bfloat16 = partial(build, estimator="dreg", precision="bfloat16")
build_averages = partial(build, estimator="dreg", averages=True)
