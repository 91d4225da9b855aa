"""This suite's engines of `sbn_step.py`: the model and compiled loop that `igr run` uses, by estimator."""

from collections.abc import Callable
from functools import partial

import _sbn_problem as p
import tensorflow as tf
from _suite_loop import training

from igr_suite.families.sbn.config import SBNConfig, SBNOptimiserConfig
from igr_suite.families.sbn.model import SBN


def network(threads: int, config: SBNConfig, rows: int | None = p.BATCH) -> SBN:
    """The model of a config on so many threads."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    return SBN(config, SBNOptimiserConfig(), p.mean_image(), rows=rows)


def build(
    threads: int, samples: int, estimator: str = "dynamic_rebar", rows: int | None = p.BATCH, **settings
) -> Callable[[int], float]:
    """Returns a function that trains a number of steps (a multiple of CHUNK) and returns the last chunk's mean
    bound; `settings` are further ones of the model."""
    model = network(threads, SBNConfig(estimator=estimator, samples=samples, **settings), rows)
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
REINFORCE = {"estimator": "reinforce", "estimator_options": ("baseline=batch",), "layers": 2}
build_reinforce = partial(build, **REINFORCE)
FOUR = {"layers": 2, "estimator_options": ("samples=4",)}
build_rloo_4 = partial(build, estimator="rloo", **FOUR)
build_vimco_4 = partial(build, estimator="vimco", **FOUR)
build_ovis_4 = partial(build, estimator="ovis", **FOUR)
build_ovis_mc_4 = partial(build, estimator="ovis_mc", layers=2, estimator_options=("samples=4", "auxiliary=4"))
build_rws_4 = partial(build, estimator="rws", **FOUR)
build_tvo_4 = partial(build, estimator="tvo", **FOUR)
FIFTY = {"layers": 2, "estimator_options": ("samples=50",)}
build_rloo_50 = partial(build, estimator="rloo", **FIFTY)
build_vimco_50 = partial(build, estimator="vimco", **FIFTY)
build_ovis_50 = partial(build, estimator="ovis", **FIFTY)
build_ovis_mc_50 = partial(build, estimator="ovis_mc", layers=2, estimator_options=("samples=50", "auxiliary=50"))
build_rws_50 = partial(build, estimator="rws", **FIFTY)
build_tvo_50 = partial(build, estimator="tvo", **FIFTY)
