"""This suite's engines of `estimators_step.py`: half-and-half MNIST, its own estimators beside the general path."""

from collections.abc import Callable
from functools import partial

import _problem as p
import tensorflow as tf
from _suite_loop import training

from igr_suite.families.half_mnist.config import HalfMNISTModelConfig, TrainHalfMNIST
from igr_suite.families.half_mnist.model import HalfMNIST


def build(threads: int, samples: int, **settings) -> Callable[[int], float]:
    """Returns a function that trains a number of steps (a multiple of CHUNK) and returns the last chunk's mean loss;
    `settings` are those of the model."""
    del samples
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    model = HalfMNIST(TrainHalfMNIST(model=HalfMNISTModelConfig(**settings)), steps_per_epoch=500)
    model.jit_steps = True
    return training(p, model, p.load_images() * 255, "loss")


build_reinforce = partial(build, estimator="reinforce", baseline="cmr")
build_general_nvil = partial(build, estimator="nvil")
build_straight_through = partial(build, estimator="straight_through")
build_general_straight_through = partial(build, estimator="straight_through", estimator_options=("temperature=1.0",))
