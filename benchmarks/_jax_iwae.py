"""Minimal JAX engine of `iwae_step.py`: the IWAE bound and its gradient by jax.value_and_grad, a lax.scan over the
steps."""

from collections.abc import Callable

import _iwae_problem as p
import jax
import jax.numpy as jnp
from _jax_loop import adam, training, zeros


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
        updated = adam(p, weights, gradients, first, second, count, p.LEARNING_RATE)
        return (*updated, count, key), -loss

    weights = jax.tree.map(jnp.asarray, p.initial_weights())
    return training(p, step, (weights, zeros(weights), zeros(weights), jnp.float32(0), jax.random.key(0)))
