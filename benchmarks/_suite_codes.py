"""This suite's engines of `codes_step.py`: the VAE of categorical codes and the compiled loop that `igr run` uses, by
estimator."""

from collections.abc import Callable

import _problem as p
import tensorflow as tf
from _suite_loop import training

from igr_suite.discrete.config import build_estimator
from igr_suite.families.hard_vae.codes import HardVAE
from igr_suite.families.hard_vae.codes_config import HardVAEConfig, HardVAEOptimiserConfig


def build(threads: int, samples: int, estimator: str, *options: str) -> Callable[[int], float]:
    """Returns a function that trains a number of steps (a multiple of CHUNK) and returns the last chunk's mean bound;
    `samples` is not used, it is among the estimator's options, "name=value" each."""
    del samples
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    config = HardVAEConfig(estimator=estimator, estimator_options=options)
    model = HardVAE(
        config,
        build_estimator(estimator, options, config.support),
        image_shape=(28, 28, 1),
        likelihood="bernoulli",
        binarisation="static",
        optimiser=HardVAEOptimiserConfig(),
    )
    return training(p, model, p.load_images() * 255, "elbo")


def _of(estimator: str, *options: str) -> Callable[[int, int], Callable[[int], float]]:
    return lambda threads, samples: build(threads, samples, estimator, *options)


build_reinforce = _of("reinforce", "baseline=batch")
build_rloo_2 = _of("rloo", "samples=2")
build_rloo_4 = _of("rloo", "samples=4")
build_carms_2 = _of("carms", "samples=2")
build_carms_4 = _of("carms", "samples=4")
build_disarm_sb = _of("disarm_sb")
build_disarm_tree = _of("disarm_tree")
build_rebar = _of("rebar")
build_ars = _of("ars")
build_arsm = _of("arsm")
