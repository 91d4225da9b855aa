"""This suite's engines of `straight_through_step.py`: the VAE of ReinMax's benchmark and its compiled loop, by
estimator."""

from collections.abc import Callable
from functools import partial

import _problem as p
import tensorflow as tf
from _suite_loop import training

from igr_suite.discrete.config import build_estimator
from igr_suite.families.hard_vae.codes import HardVAE
from igr_suite.families.hard_vae.codes_config import HardVAEConfig, HardVAEOptimiserConfig


def build(threads: int, samples: int, estimator: str, options: tuple[str, ...] = ()) -> Callable[[int], float]:
    """Returns a function that trains a number of steps (a multiple of CHUNK) and returns the last chunk's mean ELBO;
    codes of four variables with eight categories, grey pixels, analytic KL."""
    del samples
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    config = HardVAEConfig(estimator=estimator, estimator_options=options, variables=4, categories=8, kl="analytic")
    model = HardVAE(
        config,
        build_estimator(estimator, options, config.support),
        image_shape=(28, 28, 1),
        likelihood="bernoulli",
        binarisation="none",
        optimiser=HardVAEOptimiserConfig(),
    )
    return training(p, model, p.load_images() * 255, "elbo")


build_st_gumbel_softmax = partial(build, estimator="st_gumbel_softmax")
build_straight_through = partial(build, estimator="straight_through")
build_reinmax = partial(build, estimator="reinmax")
build_gst = partial(build, estimator="gst")
build_gumbel_rao_10 = partial(build, estimator="gumbel_rao", options=("samples=10",))
build_gumbel_rao_100 = partial(build, estimator="gumbel_rao", options=("samples=100",))
build_reinmax_rao_100 = partial(build, estimator="reinmax_rao", options=("samples=100",))
