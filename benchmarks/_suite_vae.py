"""This suite's engine of `vae_step.py`: the model, optimiser and compiled loop that `igr run` uses, under the preset
g3."""

from collections.abc import Callable

import _problem as p
import tensorflow as tf
from _suite_loop import training

from igr_suite.families.vae.model import DiscreteVAE
from igr_suite.families.vae.presets import g3


def build(
    threads: int, samples: int, xla: bool | None = None, matmul_precision: str = "float32"
) -> Callable[[int], float]:
    """Returns a function that trains a number of steps (a multiple of CHUNK) and returns the last chunk's mean loss;
    `xla` overrides the model's own choice of the compiler."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    config = g3("IGR_I_Dis", data="mnist_5k")
    model = DiscreteVAE(
        config.model,
        image_shape=(28, 28, 1),
        likelihood="bernoulli",
        binarisation="static",
        optimiser=config.optimiser,
        samples=samples,
        matmul_precision=matmul_precision,
    )
    if xla is not None:
        model.jit_steps = xla
    weights = [array for layer in p.initial_weights() for array in layer]
    for variable, array in zip(model.trained, weights, strict=True):
        variable.assign(array)
    images = p.load_images() * 255  # the suite takes grey levels and binarises on the device
    return training(p, model, images, "elbo", sign=-1)


def build_graph(threads: int, samples: int) -> Callable[[int], float]:
    """`build` in graph mode, whose products are oneDNN's."""
    return build(threads, samples, xla=False)


def build_bfloat16(threads: int, samples: int) -> Callable[[int], float]:
    """`build` with products in bfloat16, in graph mode as the model chooses."""
    return build(threads, samples, matmul_precision="bfloat16")


def build_bfloat16_xla(threads: int, samples: int) -> Callable[[int], float]:
    """`build` with products in bfloat16, compiled by XLA."""
    return build(threads, samples, xla=True, matmul_precision="bfloat16")
