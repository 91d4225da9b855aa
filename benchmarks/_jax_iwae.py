"""Minimal JAX engine of `iwae_step.py`: the IWAE bound and its gradient by jax.value_and_grad, a lax.scan over the
steps."""

from collections.abc import Callable

import _iwae_problem as p
import jax
import jax.numpy as jnp


def build(threads: int, samples: int) -> Callable[[int], float]:
    del threads  # JAX takes as many threads as the process has cores
    images, mean, offset = (
        jnp.asarray(p.grey_images()),
        jnp.asarray(p.mean_image(), jnp.float32),
        jnp.asarray(p.offset()),
    )

    def chain(weights, x):
        for layer in (0, 2):
            x = jnp.tanh(x @ weights[layer] + weights[layer + 1])
        return x @ weights[4] + weights[5]

    def loss_function(weights, x, key):
        loc, raw = jnp.split(chain(weights["encoder"], x - mean), 2, -1)
        scale = jax.nn.softplus(raw + p.SHIFT)
        noise = jax.random.normal(key, (samples, *loc.shape))
        z = loc + scale * noise
        logits = chain(weights["decoder"], z.reshape(-1, p.LATENTS)).reshape(samples, *x.shape) + offset
        log_likelihood = jnp.sum(x * logits - jax.nn.softplus(logits), -1)
        log_weights = log_likelihood + jnp.sum(0.5 * noise**2 - 0.5 * z**2 + jnp.log(scale), -1)
        return -jnp.mean(jax.nn.logsumexp(log_weights, 0) - jnp.log(samples))

    def step(state, index):
        weights, first, second, count, key = state
        count, (key, noise_key, pixel_key) = count + 1, jax.random.split(key, 3)
        grey = images[index].astype(jnp.float32) / 255
        x = (jax.random.uniform(pixel_key, grey.shape) < grey).astype(jnp.float32)
        loss, gradients = jax.value_and_grad(loss_function)(weights, x, noise_key)
        first = jax.tree.map(lambda m, g: p.BETA_1 * m + (1 - p.BETA_1) * g, first, gradients)
        second = jax.tree.map(lambda v, g: p.BETA_2 * v + (1 - p.BETA_2) * g * g, second, gradients)
        rate = p.LEARNING_RATE * jnp.sqrt(1 - p.BETA_2**count) / (1 - p.BETA_1**count)
        weights = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + p.EPSILON), weights, first, second)
        return (weights, first, second, count, key), loss

    run_chunk = jax.jit(lambda state, chunk: jax.lax.scan(step, state, chunk), donate_argnums=0)
    weights = jax.tree.map(jnp.asarray, p.initial_weights())
    state = (
        weights,
        jax.tree.map(jnp.zeros_like, weights),
        jax.tree.map(jnp.zeros_like, weights),
        jnp.float32(0),
        jax.random.key(0),
    )
    indices = p.batch_indices()

    def train(steps: int) -> float:
        nonlocal state
        for _ in range(steps // p.CHUNK):
            state, losses = run_chunk(state, jnp.asarray(next(indices)))
        return -float(losses.mean())

    return train
