"""The matrix products of a step alone, chained as in the step, through TensorFlow: no formulation of the step can be
faster."""

from collections.abc import Callable
from functools import partial

import _iwae_problem
import _problem
import numpy as np
import tensorflow as tf


def build(threads: int, samples: int, xla: bool = False) -> Callable[[int], float]:
    """Returns the products of `vae_step.py`."""
    p = _problem
    kernels = [kernel for kernel, _ in p.initial_weights()]

    def to_parameters(back):
        return tf.pad(back, ((0, 0), (0, p.PARAMETERS - p.LATENT)))

    return products(kernels, p.BATCH, p.LATENT, to_parameters, samples, (threads, threads), xla)


def build_iwae(threads: int, samples: int) -> Callable[[int], float]:
    """Returns the products of `iwae_step.py`."""
    p = _iwae_problem
    kernels = [kernel for chain in p.initial_weights().values() for kernel in chain[::2]]
    return products(kernels, p.BATCH, p.LATENTS, lambda back: tf.tile(back, (1, 2)), samples, (threads, 1))


def products(
    kernels: list[np.ndarray],
    batch: int,
    latents: int,
    to_parameters: Callable[[tf.Tensor], tf.Tensor],
    samples: int,
    threads: tuple[int, int],
    xla: bool = False,
) -> Callable[[int], float]:
    """Returns a function that computes the products of a number of steps.

    Args:
      kernels: three of the encoder, three of the decoder.
      latents: size of the latent variable, which stands between them.
      to_parameters: maps [batch, latents], of the latent variable, to the encoder's output size on the way back.
      threads: within an operation, between operations.
    """
    tf.config.threading.set_intra_op_parallelism_threads(threads[0])
    tf.config.threading.set_inter_op_parallelism_threads(threads[1])
    weights = [tf.Variable(kernel) for kernel in kernels]
    batches = tf.constant(np.random.default_rng(0).normal(size=(20, batch, len(kernels[0]))).astype(np.float32))

    def forward_and_back(x):
        inputs = [x]
        for layer, kernel in enumerate(weights):
            y = tf.matmul(inputs[-1], kernel)
            # in place of the latent variable: its shape, without its work
            inputs.append(tf.tile(y[:, :latents], (samples, 1)) if layer == 2 else y)
        back, gradients = inputs.pop(), []
        for layer in reversed(range(len(weights))):
            gradients.append(tf.matmul(inputs[layer], back, transpose_a=True))
            if layer:
                back = tf.matmul(back, weights[layer], transpose_b=True)
            if layer == 3:
                back = to_parameters(back[:batch])
        return gradients[::-1]

    @tf.function(jit_compile=xla, autograph=False)
    def run_chunk():
        def body(i, *_):
            return (i + 1, *forward_and_back(batches[i % 20]))

        start = [tf.zeros(kernel.shape) for kernel in weights]
        # The gradients are the loop's state, so that no compiler can drop a product as unused.
        return tf.while_loop(lambda i, *_: i < _problem.CHUNK, body, [0, *start], parallel_iterations=1)[1:]

    def train(steps: int) -> float:
        for _ in range(steps // _problem.CHUNK):
            gradients = run_chunk()
        return float(gradients[0][0, 0])

    return train


build_xla = partial(build, xla=True)
