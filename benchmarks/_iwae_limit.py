"""The matrix products of the step alone, chained as in the step, through TensorFlow: the speed no formulation can
pass."""

from collections.abc import Callable

import _iwae_problem as p
import numpy as np
import tensorflow as tf


def build(threads: int, samples: int) -> Callable[[int], float]:
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    weights = [tf.Variable(kernel) for chain in p.initial_weights().values() for kernel in chain[::2]]
    batches = tf.constant(np.random.default_rng(0).normal(size=(20, p.BATCH, p.PIXELS)).astype(np.float32))

    def products(x):
        inputs = [x]
        for layer, kernel in enumerate(weights):
            y = tf.matmul(inputs[-1], kernel)
            # in place of the latent: its shape, no work
            inputs.append(tf.tile(y[:, : p.LATENTS], (samples, 1)) if layer == 2 else y)
        back, gradients = inputs.pop(), []
        for layer in reversed(range(len(weights))):
            gradients.append(tf.matmul(inputs[layer], back, transpose_a=True))
            if layer:
                back = tf.matmul(back, weights[layer], transpose_b=True)
            if layer == 3:
                back = tf.tile(back[: p.BATCH], (1, 2))
        return gradients[::-1]

    @tf.function(autograph=False)
    def run_chunk():
        def body(i, *_):
            return (i + 1, *products(batches[i % 20]))

        start = [tf.zeros(kernel.shape) for kernel in weights]
        # The gradients are the loop's state, so that no compiler can drop a product as unused.
        return tf.while_loop(lambda i, *_: i < p.CHUNK, body, [0, *start], parallel_iterations=1)[1:]

    def train(steps: int) -> float:
        for _ in range(steps // p.CHUNK):
            gradients = run_chunk()
        return float(gradients[0][0, 0])

    return train
