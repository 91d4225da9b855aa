"""This suite's engines of `dni_step.py`: the model and compiled loop that `igr run` uses, including the measurements at
every interface."""

from collections.abc import Callable
from functools import partial

import _dni_problem as p
import numpy as np
import tensorflow as tf
from _suite_loop import training

from igr_suite.families.dni.model import DNIClassifier
from igr_suite.families.dni.presets import named
from igr_suite.lab.runs.config import replace_parts


def build(threads: int, samples: int, kind: str = "cdni") -> Callable[[int], float]:
    """Returns a function that trains a number of steps (a multiple of CHUNK) and returns the last chunk's mean loss."""
    del samples
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    config = named("B-dni" if kind == "dni" else "B-cdni", data="mnist_5k", seed=0, epochs=1)
    if kind == "bp":
        config = replace_parts(config, model={"method": "bp", "sg_hidden": None}, decoupling={"labels": False})
    model = DNIClassifier(config, (32, 32, 1), {"train": p.scale()})
    dense = [layer for part in model.net.parts for layer in part.layers if hasattr(layer, "kernel")]
    groups = [(dense, p.network_weights())]
    for i, network in enumerate(model.net.synthesisers):
        groups.append(([layer for layer in network.layers if hasattr(layer, "kernel")], p.synthesiser_weights(kind, i)))
    for layers, weights in groups:
        for layer, (kernel, bias) in zip(layers, weights, strict=True):
            layer.kernel.assign(kernel)
            layer.bias.assign(bias)
    rows = np.concatenate([p.padded_images(), p.labels()[:, np.newaxis].astype(np.uint8)], axis=1)
    return training(p, model, rows, "loss")


build_bp = partial(build, kind="bp")
build_dni = partial(build, kind="dni")
