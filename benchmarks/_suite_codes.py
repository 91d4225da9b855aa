"""This suite's engines of `estimators_step.py`: VAEs with hard codes of 20 variables of 10 categories, the class of
RELAX as published beside the general path."""

from collections.abc import Callable
from functools import partial

import _problem as p
import tensorflow as tf
from _suite_loop import training

from igr_suite.data import load
from igr_suite.families.hard_vae import train, train_codes
from igr_suite.families.hard_vae.codes_config import HardVAEConfig, TrainHardVAE
from igr_suite.families.hard_vae.config import RelaxModelConfig, TrainRelax


def trained(threads: int, module, config) -> Callable[[int], float]:
    """Returns a function that trains a number of steps (a multiple of CHUNK) and returns the last chunk's mean
    bound."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    model = module.build_model(config, load("mnist_5k"))
    return training(p, model, p.load_images() * 255, "elbo")


def build(threads: int, samples: int, **settings) -> Callable[[int], float]:
    """An engine of the general path; `settings` are those of the model."""
    del samples
    return trained(threads, train_codes, TrainHardVAE(model=HardVAEConfig(**settings)))


def build_relax(threads: int, samples: int) -> Callable[[int], float]:
    """The class of the IGR paper's RELAX, categorical codes."""
    del samples
    return trained(threads, train, TrainRelax(model=RelaxModelConfig(name="Relax_GS_Dis")))


build_general_relax = partial(
    build, estimator="relax", estimator_options=("temperature=5", "relaxation=concrete"), variance_of="weights"
)
