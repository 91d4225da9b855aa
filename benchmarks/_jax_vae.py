"""Minimal JAX engine of `vae_step.py`: jit of a lax.scan over the steps, state donated."""

from collections.abc import Callable

import _problem as p
import jax
import jax.numpy as jnp
from _jax_loop import adam, training, zeros


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
        updated = adam(p, weights, gradients, first, second, count, p.LEARNING_RATE)
        return (*updated, count, key), loss

    weights = jax.tree.map(jnp.asarray, p.initial_weights())
    return training(p, step, (weights, zeros(weights), zeros(weights), jnp.float32(0), jax.random.key(0)))
