"""This suite's engine of `vae_step.py`.

Only `build` is called from outside. Until the suite's model and loop are in place it is self-contained; to swap them in, replace
`_Step` by the model and `_compile_chunk` by the suite's compiled loop, and keep `build`.
"""

from collections.abc import Callable

import _problem as p
import numpy as np
import tensorflow as tf


def build(threads: int, samples: int) -> Callable[[int], float]:
    """Returns a function that trains a number of steps (a multiple of CHUNK) and returns the last chunk's mean loss."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    step = _Step(samples)
    run_chunk = _compile_chunk(step, p.load_images())
    indices = p.batch_indices()

    def train(steps: int) -> float:
        loss = None
        for _ in range(steps // p.CHUNK):
            loss = run_chunk(tf.constant(next(indices)), tf.constant([7, 0]))
        return float(loss)

    train.weights = step.weights
    return train


@tf.custom_gradient
def bernoulli_log_prob(logits: tf.Tensor, images: tf.Tensor):
    """log p(images | logits) summed over pixels; its gradient x - sigmoid(l) shares exp(-|l|) with the value."""
    decay = tf.exp(-tf.abs(logits))
    value = tf.reduce_sum(logits * images - tf.nn.relu(logits) - tf.math.log(1.0 + decay), -1)
    slope = images - tf.where(logits >= 0, 1.0, decay) / (1.0 + decay)
    return value, lambda upstream: (upstream[..., tf.newaxis] * slope, None)


@tf.custom_gradient
def sample_igr(mu: tf.Tensor, log_sigma: tf.Tensor, noise: tf.Tensor):
    """softmax++ sample [..., V, K] and its sampled KL [...], with the backward pass in closed form.

    kappa = mu + exp(log_sigma) noise, psi = softmax([kappa / tau, 0]), KL = log N(kappa; mu, sigma) - log N(kappa; prior, 1)
    """
    scaled = tf.exp(log_sigma) * noise
    kappa = mu + scaled
    psi = tf.nn.softmax(tf.concat([kappa / p.TEMPERATURE, tf.zeros_like(kappa[..., :1])], -1))
    kl = tf.reduce_sum(0.5 * tf.square(kappa - p.PRIOR_MEAN) - 0.5 * tf.square(noise) - log_sigma, (-2, -1))

    def backward(d_psi, d_kl):
        d_kl = d_kl[..., tf.newaxis, tf.newaxis]
        centred = d_psi[..., :-1] - tf.reduce_sum(d_psi * psi, -1, keepdims=True)
        d_kappa = psi[..., :-1] * centred / p.TEMPERATURE + d_kl * (kappa - p.PRIOR_MEAN)
        d_log_sigma = d_kappa * scaled - d_kl
        extra = list(range(kappa.shape.rank - mu.shape.rank))  # leading sample axes that mu does not have
        return tf.reduce_sum(d_kappa, extra), tf.reduce_sum(d_log_sigma, extra), None

    return (psi, kl), backward


def standard_normal(shape: list[int], seed: tf.Tensor) -> tf.Tensor:
    """Normals by the inverse cdf from Philox bits: under XLA the default algorithm of `stateless_normal` is some 30 times slower."""
    bits = tf.random.stateless_uniform(shape, seed, minval=None, maxval=None, dtype=tf.uint32, alg="philox")
    # 23 bits, not 24: the middle of the last of 2^24 cells rounds to 1 in float32, and erfinv(1) is infinite.
    uniform = tf.cast(tf.bitwise.right_shift(bits, tf.constant(9, tf.uint32)), tf.float32) * np.float32(2**-23) + np.float32(2**-24)
    return np.float32(np.sqrt(2)) * tf.math.erfinv(2.0 * uniform - 1.0)


class _Step:
    """Parameters, loss and Adam of the IGR-I VAE."""

    def __init__(self, samples: int):
        self.samples = samples
        self.weights = [tf.Variable(value) for layer in p.initial_weights() for value in layer]
        self.first_moments = [tf.Variable(tf.zeros_like(w)) for w in self.weights]
        self.second_moments = [tf.Variable(tf.zeros_like(w)) for w in self.weights]
        self.iterations = tf.Variable(0, dtype=tf.int32)

    def _dense(self, x: tf.Tensor, layer: int) -> tf.Tensor:
        return tf.nn.bias_add(tf.matmul(x, self.weights[2 * layer]), self.weights[2 * layer + 1])

    def loss(self, images: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        """Mean negative ELBO of uint8 images [B, 784] with noise [B, V, K-1] or [S, B, V, K-1]."""
        images = tf.cast(images, tf.float32)
        hidden = tf.nn.relu(self._dense(tf.nn.relu(self._dense(images, 0)), 1))
        parameters = tf.reshape(self._dense(hidden, 2), (p.BATCH, 2, p.VARIABLES, p.CATEGORIES - 1))
        psi, kl = sample_igr(parameters[:, 0], parameters[:, 1], noise)
        hidden = tf.nn.relu(self._dense(tf.reshape(psi, (-1, p.LATENT)), 3))
        logits = self._dense(tf.nn.relu(self._dense(hidden, 4)), 5)
        log_prob = bernoulli_log_prob(tf.reshape(logits, (*kl.shape, -1)), images)
        return tf.reduce_mean(kl - log_prob)

    def train(self, images: tf.Tensor, seed: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        shape = [self.samples] * (self.samples > 1) + [p.BATCH, p.VARIABLES, p.CATEGORIES - 1]
        noise = standard_normal(shape, seed)
        with tf.GradientTape() as tape:
            loss = self.loss(images, noise)
        time = tf.cast(step + 1, tf.float32)
        powers = {"beta1_power": tf.pow(p.BETA_1, time), "beta2_power": tf.pow(p.BETA_2, time)}
        rates = {"lr": p.LEARNING_RATE, "beta1": p.BETA_1, "beta2": p.BETA_2, "epsilon": p.EPSILON}
        gradients = tape.gradient(loss, self.weights)
        for w, m, v, gradient in zip(self.weights, self.first_moments, self.second_moments, gradients, strict=True):
            tf.raw_ops.ResourceApplyAdam(var=w.handle, m=m.handle, v=v.handle, grad=gradient, **powers, **rates)
        return loss


def _compile_chunk(step: _Step, images: np.ndarray):
    """CHUNK steps as one XLA program: faster than graph mode at two threads, equal at one (docs/performance.md)."""
    images = tf.constant(images)

    @tf.function(jit_compile=True, autograph=False)
    def run_chunk(indices, seed):
        start = step.iterations.read_value()

        def body(i, total):
            batch = tf.gather(images, indices[i])
            return i + 1, total + step.train(batch, tf.stack([seed[0], seed[1] + start + i]), start + i)

        _, total = tf.while_loop(lambda i, _: i < p.CHUNK, body, [0, 0.0], parallel_iterations=1)
        step.iterations.assign(start + p.CHUNK)
        return total / p.CHUNK

    return run_chunk
