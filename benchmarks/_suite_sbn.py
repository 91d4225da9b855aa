"""This suite's engines of `sbn_step.py`: the model and compiled loop that `igr run` uses, by estimator."""

from collections.abc import Callable
from functools import partial

import _sbn_problem as p
import tensorflow as tf
from _suite_loop import training

from igr_suite.families.sbn.config import SBNConfig, SBNOptimiserConfig
from igr_suite.families.sbn.model import SBN


def build(
    threads: int, samples: int, estimator: str = "dynamic_rebar", rows: int | None = p.BATCH, **settings
) -> Callable[[int], float]:
    """Returns a function that trains a number of steps (a multiple of CHUNK) and returns the last chunk's mean
    bound; `settings` are further ones of the model."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    model = SBN(
        SBNConfig(estimator=estimator, samples=samples, **settings), SBNOptimiserConfig(), p.mean_image(), rows=rows
    )
    if not settings:
        for name, group in p.initial_weights().items():
            for variable, array in zip(model.weights_by_network[name], group, strict=True):
                variable.assign(array)
    return training(p, model, p.load_images() * 255, "elbo")


build_nvil = partial(build, estimator="nvil")
build_track = partial(build, estimator="track")
build_track_direct = partial(build, estimator="track", rows=None)
NONLINEAR = {"layers": 1, "nonlinear": True}
build_nvil_nonlinear = partial(build, estimator="nvil", **NONLINEAR)
build_rloo_nonlinear = partial(build, estimator="rloo", **NONLINEAR)
build_disarm_nonlinear = partial(build, estimator="disarm", **NONLINEAR)
build_rebar_by_unit = partial(build, estimator="rebar", eta_scope="unit", layers=2)
build_general_rebar = partial(build, estimator="rebar", estimator_options=("eta_scope=unit",), layers=2)
build_general_dynamic_rebar = partial(build, estimator="dynamic_rebar", estimator_options=("eta_scope=unit",), layers=2)
