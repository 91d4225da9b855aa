"""What the JAX engines have in common: Adam, and the scan over chunks of steps."""

from collections.abc import Callable

import jax
import jax.numpy as jnp


def adam(p, weights, gradients, first, second, count, rate):
    """Returns (weights, first moments, second moments) after step number `count`; `p` is the problem's module."""
    first = jax.tree.map(lambda m, g: p.BETA_1 * m + (1 - p.BETA_1) * g, first, gradients)
    second = jax.tree.map(lambda v, g: p.BETA_2 * v + (1 - p.BETA_2) * g * g, second, gradients)
    rate = rate * jnp.sqrt(1 - p.BETA_2**count) / (1 - p.BETA_1**count)
    weights = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + p.EPSILON), weights, first, second)
    return weights, first, second


def zeros(tree):
    """Returns zeros of the arrays' shapes."""
    return jax.tree.map(jnp.zeros_like, tree)


def training(p, step: Callable, state) -> Callable[[int], float]:
    """Returns a function that trains a number of steps (a multiple of CHUNK) and returns the last chunk's mean value.

    Args:
      p: the problem's module.
      step: (state, indices int32 [BATCH]) -> (state, value).
      state: what the first step starts from; its memory is taken over.
    """
    run_chunk = jax.jit(lambda state, chunk: jax.lax.scan(step, state, chunk), donate_argnums=0)
    indices = p.batch_indices()

    def train(steps: int) -> float:
        nonlocal state
        for _ in range(steps // p.CHUNK):
            state, values = run_chunk(state, jnp.asarray(next(indices)))
        return float(jax.tree.leaves(values)[0].mean())

    return train
