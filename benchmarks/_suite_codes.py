"""This suite's engines of VAEs with hard codes: of `estimators_step.py` (20 variables of 10 categories, the class of RELAX
as published beside the general path) and `straight_through_step.py` (the VAE of ReinMax's benchmark, by estimator);
`every_estimator_step.py` takes `trained`."""

from collections.abc import Callable
from functools import partial

import _problem as p
import tensorflow as tf
from _suite_loop import training

from igr_suite.data import load
from igr_suite.families.hard_vae import train, train_codes
from igr_suite.families.hard_vae.codes_config import HardVAEConfig, TrainHardVAE
from igr_suite.families.hard_vae.config import RelaxModelConfig, TrainRelax
from igr_suite.training.config_parts import DataConfig

GREY = DataConfig(binarisation="none")


def trained(threads: int, module, config) -> Callable[[int], float]:
    """Returns a function that trains a number of steps (a multiple of CHUNK) and returns the last chunk's mean
    bound."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    model = module.build_model(config, load("mnist_5k"))
    return training(p, model, p.load_images() * 255, "elbo")


def build(threads: int, samples: int, data: DataConfig | None = None, **settings) -> Callable[[int], float]:
    """An engine of the general path; `settings` are those of the model."""
    del samples
    return trained(threads, train_codes, TrainHardVAE(model=HardVAEConfig(**settings), data=data or DataConfig()))


def build_relax(threads: int, samples: int) -> Callable[[int], float]:
    """The class of the IGR paper's RELAX, categorical codes."""
    del samples
    return trained(threads, train, TrainRelax(model=RelaxModelConfig(name="Relax_GS_Dis")))


build_general_relax = partial(
    build, estimator="relax", estimator_options=("temperature=5", "relaxation=concrete"), variance_of="weights"
)
# ReinMax's benchmark: four variables of eight categories, grey pixels, analytic KL
build_small = partial(build, data=GREY, variables=4, categories=8, kl="analytic")
build_st_gumbel_softmax = partial(build_small, estimator="st_gumbel_softmax")
build_straight_through = partial(build_small, estimator="straight_through")
build_reinmax = partial(build_small, estimator="reinmax")
build_gst = partial(build_small, estimator="gst")
build_gumbel_rao_10 = partial(build_small, estimator="gumbel_rao", estimator_options=("samples=10",))
build_gumbel_rao_100 = partial(build_small, estimator="gumbel_rao", estimator_options=("samples=100",))
build_reinmax_rao_100 = partial(build_small, estimator="reinmax_rao", estimator_options=("samples=100",))
