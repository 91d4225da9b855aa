"""Minimal JAX engine of `vae_step.py`: jit of a lax.scan over the steps, state donated."""

from collections.abc import Callable

import _problem as p
import jax
import jax.numpy as jnp


def build(threads: int, samples: int) -> Callable[[int], float]:
    del threads  # JAX takes as many threads as the process has cores
    images = jnp.asarray(p.load_images())

    def loss_function(weights, batch, key):
        def dense(x, layer):
            return x @ weights[layer][0] + weights[layer][1]

        hidden = jax.nn.relu(dense(jax.nn.relu(dense(batch, 0)), 1))
        parameters = dense(hidden, 2).reshape(-1, 2, p.VARIABLES, p.CATEGORIES - 1)
        mu, log_sigma = parameters[:, 0], parameters[:, 1]
        noise = jax.random.normal(key, (samples, *mu.shape))
        kappa = mu + jnp.exp(log_sigma) * noise
        psi = jax.nn.softmax(jnp.concatenate([kappa / p.TEMPERATURE, jnp.zeros_like(kappa[..., :1])], -1))
        hidden = jax.nn.relu(dense(jax.nn.relu(dense(psi.reshape(-1, p.LATENT), 3)), 4))
        logits = dense(hidden, 5).reshape(samples, *batch.shape)
        log_prob = jnp.sum(logits * batch - jax.nn.softplus(logits), -1)
        kl = jnp.sum(0.5 * (kappa - p.PRIOR_MEAN) ** 2 - 0.5 * noise**2 - log_sigma, (-2, -1))
        return jnp.mean(kl - log_prob)

    def step(state, index):
        weights, first, second, count, key = state
        count, (key, noise_key) = count + 1, jax.random.split(key)
        loss, gradients = jax.value_and_grad(loss_function)(weights, images[index].astype(jnp.float32), noise_key)
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
        return float(losses.mean())

    return train
