"""This suite's engines of `sbn_step.py`: the model and compiled loop that `igr run` uses, by estimator."""

from collections.abc import Callable
from functools import partial

import _sbn_problem as p
import tensorflow as tf
from _suite_loop import training

from igr_suite.families.sbn.config import SBNConfig, SBNOptimiserConfig
from igr_suite.families.sbn.model import SBN


def build(
    threads: int, samples: int, estimator: str = "dynamic_rebar", rows: int | None = p.BATCH
) -> Callable[[int], float]:
    """Returns a function that trains a number of steps (a multiple of CHUNK) and returns the last chunk's mean
    bound."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    config = SBNConfig(estimator=estimator, samples=samples, multilayer_cv=None if estimator == "nvil" else "corrected")
    model = SBN(config, SBNOptimiserConfig(), p.mean_image(), rows=rows)
    for name, group in p.initial_weights().items():
        for variable, array in zip(model.weights_by_network[name], group, strict=True):
            variable.assign(array)
    return training(p, model, p.load_images() * 255, "elbo")


build_nvil = partial(build, estimator="nvil")
build_track = partial(build, estimator="track")
build_track_direct = partial(build, estimator="track", rows=None)
