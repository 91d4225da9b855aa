"""The matrix products of the step alone, chained as in the step, through TensorFlow: the speed no formulation can
pass."""

from collections.abc import Callable

import _problem as p
import numpy as np
import tensorflow as tf


def build(threads: int, samples: int, xla: bool = False) -> Callable[[int], float]:
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    weights = [tf.Variable(kernel) for kernel, _ in p.initial_weights()]
    batches = tf.constant(np.random.default_rng(0).normal(size=(20, p.BATCH, 784)).astype(np.float32))

    def forward_and_back(x):
        inputs = [x]
        for layer, kernel in enumerate(weights):
            y = tf.matmul(inputs[-1], kernel)
            if layer == 2:  # stands for the latent: the right shape, no work
                y = tf.tile(y[:, : p.LATENT], (samples, 1))
            inputs.append(y)
        back, gradients = inputs.pop(), []
        for layer in reversed(range(len(weights))):
            gradients.append(tf.matmul(inputs[layer], back, transpose_a=True))
            if layer:
                back = tf.matmul(back, weights[layer], transpose_b=True)
            if layer == 3:
                back = tf.pad(back[: p.BATCH], ((0, 0), (0, p.PARAMETERS - p.LATENT)))
        return gradients[::-1]

    @tf.function(jit_compile=xla, autograph=False)
    def run_chunk():
        def body(i, *_):
            return (i + 1, *forward_and_back(batches[i % 20]))

        start = [tf.zeros(kernel.shape) for kernel in weights]
        # The gradients are the loop's state, so that no compiler can drop a product as unused.
        return tf.while_loop(lambda i, *_: i < p.CHUNK, body, [0, *start], parallel_iterations=1)[1:]

    def train(steps: int) -> float:
        for _ in range(steps // p.CHUNK):
            gradients = run_chunk()
        return float(gradients[0][0, 0])

    return train


def build_xla(threads: int, samples: int) -> Callable[[int], float]:
    return build(threads, samples, xla=True)
